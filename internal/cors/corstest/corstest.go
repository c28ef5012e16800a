// Package corstest checks which paths of a mux answer preflights.
package corstest

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// Preflights fails unless each path allows scripts of every origin just its methods ("GET, POST"), or, for "", refuses to say.
func Preflights(t *testing.T, mux http.Handler, paths map[string]string) {
	t.Helper()
	for path, methods := range paths {
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
