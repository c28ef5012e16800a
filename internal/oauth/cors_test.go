package oauth

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestPreflightsAreAnsweredWhereScriptsMayAskAndNowhereElse(t *testing.T) {
	mux := http.NewServeMux()
	(&Provider{}).Mount(mux)
	for path, methods := range map[string]string{
		"/oauth2/token": "POST", "/oauth2/revoke": "POST", "/revoke": "POST", "/oauth2/userinfo": "GET, POST",
		"/oauth2/authorize": "", "/oauth2/introspect": "", "/introspect": "", "/events/poll": "",
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
