package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/domain"
)

func TestPathOfTheIssuerIsTakenOffWhetherOrNotAProxyDidSo(t *testing.T) {
	var asked string
	handler := under("https://id.example/auth", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked = r.URL.EscapedPath() }))
	for path, want := range map[string]string{
		"/":                              "/",
		"/auth":                          "/",
		"/auth/":                         "/",
		"/auth/login":                    "/login",
		"/login":                         "/login",
		"/auth/auth/login":               "/auth/login",
		"/authx/login":                   "/authx/login",
		"/auth/api/v1/roles/a%2Fb":       "/api/v1/roles/a%2Fb",
		"/api/v1/roles/a%2Fb":            "/api/v1/roles/a%2Fb",
		"/%61uth/login":                  "/%61uth/login",
		"/auth%2Flogin":                  "/auth%2Flogin",
		"/auth/%2e%2e/login":             "/%2e%2e/login",
		"/.well-known/x/auth":            "/.well-known/x",
		"/.well-known/x/auth/api/v1":     "/.well-known/x/api/v1",
		"/.well-known/x/auth%2Fb":        "/.well-known/x/auth%2Fb",
		"/.well-known/x/other":           "/.well-known/x/other",
		"/.well-known/x/authx":           "/.well-known/x/authx",
		"/.well-known/x":                 "/.well-known/x",
		"/auth/.well-known/x":            "/.well-known/x",
		"/auth/.well-known/x/auth":       "/.well-known/x/auth",
		"/.well-known/auth":              "/.well-known/auth",
		"/.well-known/%78/auth/api%2Fv1": "/.well-known/%78/api%2Fv1",
	} {
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
		if asked != want {
			t.Errorf("%s is served as %s, want %s", path, asked, want)
		}
	}
}

func TestTheEndpointOfAHandlerThatPanicsIsKnown(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /fault", func(http.ResponseWriter, *http.Request) { panic("fault") })
	r := httptest.NewRequest(http.MethodGet, "/auth/fault", nil)
	recovered(slog.New(slog.DiscardHandler), under("https://id.example/auth", mux)).ServeHTTP(httptest.NewRecorder(), r)
	if r.Pattern != "GET /fault" {
		t.Errorf("it is %q", r.Pattern)
	}
}

func TestRedirectsToAPathStayUnderThatOfTheIssuer(t *testing.T) {
	for to, want := range map[string]string{
		"/account": "/auth/account", "/auth/account": "/auth/account", "/authx": "/auth/authx", "https://app.example/cb": "https://app.example/cb",
		"com.example:/cb": "com.example:/cb", "//app.example": "//app.example", "": "",
	} {
		w := httptest.NewRecorder()
		under("https://id.example/auth", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusSeeOther)
		})).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if got := w.Header().Get("Location"); got != want {
			t.Errorf("%q leads to %q, want %q", to, got, want)
		}
	}
}

// An issuer's path must not begin with a path of ours, or it would be taken off that.
func TestEveryPathThatIsServedBeginsWithAListedSegment(t *testing.T) {
	cfg, err := config.Load(config.Sources{Flags: map[string]string{"data_dir": made(t).path}})
	check(t, err)
	s, err := Open(t.Context(), cfg, ModeServe)
	check(t, err)
	t.Cleanup(s.Close)
	mux, _, _, err := s.mount(cfg, slog.New(slog.DiscardHandler))
	check(t, err)
	found := map[string]bool{}
	for _, pattern := range patterns(mux) {
		_, path, ok := strings.Cut(pattern, "/")
		first, _, _ := strings.Cut(path, "/")
		if !ok || !slices.Contains(domain.OwnPaths, first) && first != "{$}" {
			t.Errorf("%q is not in domain.OwnPaths", pattern)
		}
		found[first] = true
	}
	for _, own := range domain.OwnPaths {
		if !found[own] {
			t.Errorf("nothing is served at /%s", own)
		}
	}
}

// patterns are those of a mux, which says them only to itself.
func patterns(mux *http.ServeMux) (found []string) {
	segments := reflect.ValueOf(mux).Elem().FieldByName("index").FieldByName("segments")
	for _, key := range segments.MapKeys() {
		list := segments.MapIndex(key)
		for i := range list.Len() {
			found = append(found, list.Index(i).Elem().FieldByName("str").String())
		}
	}
	multis := reflect.ValueOf(mux).Elem().FieldByName("index").FieldByName("multis")
	for i := range multis.Len() {
		found = append(found, multis.Index(i).Elem().FieldByName("str").String())
	}
	return found
}
