package cors

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func endpoints() *http.ServeMux {
	mux := http.NewServeMux()
	Mount(mux, map[string]string{"/oauth2/token": "POST"})
	return mux
}

func TestPreflightsAllowTheHeadersThatTheBrowserAsksFor(t *testing.T) {
	for asked, want := range map[string]string{
		"":                                "Authorization, Content-Type",
		"authorization":                   "Authorization, Content-Type",
		"content-type, dpop, traceparent": "Authorization, Content-Type, dpop, traceparent",
		"x-requested-with,,x_y":           "Authorization, Content-Type, x-requested-with, x_y",
		"dpop, a b, c\"d, é, <x>, *, e:f": "Authorization, Content-Type, dpop",
		strings.Repeat("x", 65):           "Authorization, Content-Type",
	} {
		r := httptest.NewRequest(http.MethodOptions, "/oauth2/token", nil)
		r.Header.Set("Access-Control-Request-Headers", asked)
		w := httptest.NewRecorder()
		endpoints().ServeHTTP(w, r)
		if got := w.Header().Get("Access-Control-Allow-Headers"); w.Code != http.StatusNoContent || got != want {
			t.Errorf("%q: %d, allowed %q, want %q", asked, w.Code, got, want)
		}
	}
	if n := len(strings.Split(allowedHeaders([]string{strings.Repeat("a,", 1000)}), ",")); n != maxHeaders {
		t.Errorf("%d headers are allowed, want at most %d", n, maxHeaders)
	}
}
