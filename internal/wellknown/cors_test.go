package wellknown

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestPreflightsAreAnsweredWhereScriptsMayAskAndNowhereElse(t *testing.T) {
	mux := http.NewServeMux()
	(&Documents{}).Mount(mux)
	for path, methods := range map[string]string{
		"/.well-known/openid-configuration": "GET", "/.well-known/oauth-authorization-server": "GET", "/.well-known/jwks.json": "GET",
		"/statuslists": "GET", "/statuslists/7": "GET",
	} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodOptions, path, nil))
		status, origin := http.StatusNoContent, "*"
		if methods == "" {
			status, origin = http.StatusMethodNotAllowed, ""
		}
		h := w.Header()
		if w.Code != status || h.Get("Access-Control-Allow-Origin") != origin || h.Get("Access-Control-Allow-Methods") != methods {
			t.Errorf("%s: %d, origin %q, methods %q; want %d, %q, %q", path, w.Code, h.Get("Access-Control-Allow-Origin"),
				h.Get("Access-Control-Allow-Methods"), status, origin, methods)
		}
	}
}
