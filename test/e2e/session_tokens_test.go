package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const online = "openid orders:read"

// authorized signs alice in in this browser, for a scope, and returns the code.
func (s *shop) authorized(b *browser, c client, scope string) (*authorization, string) {
	a := newAuthorization(c)
	a.query.Set("scope", scope)
	return a, s.secret(b.authorize(a.query).url.Query().Get("code"))
}

func (s *shop) given(t *testing.T, b *browser, c client, scope string) tokens {
	t.Helper()
	a, code := s.authorized(b, c, scope)
	return s.issued(t, s.post("/oauth2/token", c, a.exchange(code)))
}

func TestASignInAgainInTheSameBrowserSignsNoApplicationOut(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		other := s.serve()
		s.signet("client", "update", s.app.ID, "--session-refresh-tokens", "--revoke-on-session-end")
		b := newBrowser(t, s.server)
		got := s.given(t, b, s.app, online)
		here, err := url.Parse(s.url)
		check(t, err)
		thief := newBrowser(t, s.server)
		thief.jar.SetCookies(here, b.jar.Cookies(here))
		thief.wantSignedIn(t, true)

		for _, asked := range [][2]string{{"prompt", "login"}, {"max_age", "0"}} {
			a := newAuthorization(s.web)
			back := b.open(s.authorizeURL(with(a.query, asked[:]...))).wantQuestion(t, "/login").signIn()
			again := s.issued(t, s.post("/oauth2/token", s.web, a.exchange(s.secret(back.url.Query().Get("code")))))
			if sid := claims(t, again.ID)["sid"]; sid != claims(t, got.ID)["sid"] {
				t.Errorf("after %v the session is %v", asked, sid)
			}
			thief.wantSignedIn(t, false)
			other.wantActive(t, s.orders, got.Access, true)
			got = s.issued(t, other.post("/oauth2/token", s.app, refresh(got.Refresh)))
		}
		if log := s.signet("audit", "list"); !strings.Contains(log, "session.renew") || strings.Contains(log, "session.end") {
			t.Errorf("the audit log says\n%s", log)
		}
		s.signetWithInput(s.secret("bobs horse battery")+"\n", "user", "create", "bob", "--password-stdin")
		b.open(s.authorizeURL(with(newAuthorization(s.web).query, "prompt", "login"))).submit("username", "bob", "password", "bobs horse battery")
		other.post("/oauth2/token", s.app, refresh(got.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
		other.wantActive(t, s.orders, got.Access, false)
	})
}

func TestRefreshTokensWithoutOfflineAccessEndWithTheSession(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		other := s.serve()
		wantEnd := func(got tokens, access bool) {
			t.Helper()
			other.post("/oauth2/token", s.app, refresh(got.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
			other.wantActive(t, s.orders, got.Access, access)
		}
		b := newBrowser(t, s.server)
		if got := s.given(t, b, s.app, online); got.Refresh != "" {
			t.Error("a client that is not registered for it gets a refresh token")
		}
		s.signet("client", "update", s.app.ID, "--session-refresh-tokens")
		got, kept := s.given(t, b, s.app, online), s.given(t, b, s.app, online+" offline_access")
		for range 2 {
			got = s.issued(t, other.post("/oauth2/token", s.app, refresh(got.Refresh)))
			s.wantActive(t, s.orders, got.Access, true)
		}
		unused, code := s.authorized(b, s.app, online)
		b.open(s.url + "/logout").submit()
		wantEnd(got, true)
		other.post("/oauth2/token", s.app, unused.exchange(code)).wantError(t, http.StatusBadRequest, "invalid_grant")

		s.signet("client", "update", s.app.ID, "--revoke-on-session-end")
		got = s.given(t, b, s.app, online)
		next := s.issued(t, s.post("/oauth2/token", s.app, refresh(got.Refresh)))
		b.open(s.url + "/logout").submit()
		wantEnd(next, false)
		other.wantActive(t, s.orders, got.Access, false)
		kept = s.issued(t, other.post("/oauth2/token", s.app, refresh(kept.Refresh)))
		s.wantActive(t, s.orders, kept.Access, true)

		got = s.given(t, b, s.app, online)
		s.signet("client", "update", s.app.ID, "--session-refresh-tokens=false")
		wantEnd(got, true)

		s.signet("client", "update", s.app.ID, "--session-refresh-tokens")
		got = s.given(t, newBrowser(t, s.server), s.app, online)
		s.signetWithInput(s.secret("another correct horse battery")+"\n", "user", "set-password", alice, "--password-stdin")
		wantEnd(got, false)
		wantEnd(kept, false)
		s.refused("client", "create", "--grant", "authorization_code", "--redirect-uri", callback, "--session-refresh-tokens")
	})
}
