package e2e

import (
	"net/http"
	"strings"
	"testing"
)

func TestEveryAnswerHasTheHeadersThatProtectTheHost(t *testing.T) {
	i := newInstallation(t, "sqlite:"+t.TempDir()+"/signet.db")
	i.issuer = "https://id.example.com"
	s := i.serve()
	seen := map[string]bool{} // ids of requests
	for _, path := range []string{
		"/healthz", "/readyz", "/login", "/static/signet.css", "/nowhere", "/oauth2/token", "/oauth2/authorize", "/oauth2/logout", "/.well-known/jwks.json",
		"/.well-known/openid-configuration", "/statuslists", "/statuslists/99", "/api/v1/openapi.json", "/api/v1/tokens", "/oauth2/userinfo",
	} {
		a := s.get(path, "")
		if got := a.header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
			t.Errorf("%s (%d): Strict-Transport-Security is %q", path, a.status, got)
		}
		if got := a.header.Values("X-Content-Type-Options"); len(got) != 1 || got[0] != "nosniff" {
			t.Errorf("%s (%d): X-Content-Type-Options is %q", path, a.status, got)
		}
		id := a.header.Get("X-Request-Id")
		if len(id) != 32 || seen[id] {
			t.Errorf("%s (%d): X-Request-Id is %q", path, a.status, id)
		}
		seen[id] = true
		if form := a.header.Get("Content-Type"); a.status >= 400 && !strings.HasPrefix(form, "text/plain") && !strings.Contains(a.body, id) {
			t.Errorf("%s (%d): the error does not name its request: %s", path, a.status, a.body)
		}
	}
}

func TestMetadataMayBeCachedForMinutesAndReadByAnyOrigin(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
			h := s.get(path, "").wantStatus(t, http.StatusOK).header
			if h.Get("Cache-Control") != "public, max-age=300" || h.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s: Cache-Control %q, Access-Control-Allow-Origin %q", path, h.Get("Cache-Control"), h.Get("Access-Control-Allow-Origin"))
			}
			if got := s.get(path, "").header.Get("Strict-Transport-Security"); got != "" {
				t.Errorf("%s: over http, Strict-Transport-Security is %q", path, got)
			}
			r := s.request(http.MethodGet, path, nil)
			r.Header.Set("If-None-Match", h.Get("ETag"))
			if again := do(r).wantStatus(t, http.StatusNotModified); again.body != "" || again.header.Get("Cache-Control") == "" {
				t.Errorf("%s: not modified, and yet %q, Cache-Control %q", path, again.body, again.header.Get("Cache-Control"))
			}
		}
	})
}

func TestHeadOfTheAuthorizationEndpointMakesNoCode(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		b := newBrowser(t, s.server)
		b.authorize(newAuthorization(s.web).query) // signed in, and consented
		r := s.request(http.MethodHead, "/oauth2/authorize?"+newAuthorization(s.web).query.Encode(), nil)
		for _, cookie := range b.jar.Cookies(r.URL) {
			r.AddCookie(cookie)
		}
		a := do(r)
		if a.status != http.StatusMethodNotAllowed || a.header.Get("Location") != "" || a.header.Get("Allow") != "GET, POST" {
			t.Errorf("status %d, Location %q, Allow %q", a.status, a.header.Get("Location"), a.header.Get("Allow"))
		}
	})
}
