package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// pairwise registers a client of a sector.
func (s *shop) pairwise(id, sector string, more ...string) client {
	s.t.Helper()
	return s.createClient(id, append([]string{"--grant", "authorization_code", "--grant", "refresh_token", "--api", ordersAPI, "--serves-userinfo",
		"--redirect-uri", callback, "--subject-type", "pairwise", "--sector-identifier", sector}, more...)...)
}

// userinfoToken signs alice in for a token that is for userinfo alone.
func (s *shop) userinfoTokens(t *testing.T, c client) tokens {
	t.Helper()
	a := askFor(c, "openid email", s.issuer)
	return s.issued(t, s.post("/oauth2/token", c, a.exchange(s.code(t, a))))
}

func TestClientsOfASectorKnowAUserByASubjectOfTheirOwn(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		shop, sister, other := s.pairwise("shop", "shop.example"), s.pairwise("sister", "SHOP.example"), s.pairwise("other", "other.example")
		public := claims(t, s.signIn(t, s.web).ID)["sub"]
		got := s.userinfoTokens(t, shop)
		subject := claims(t, got.ID)["sub"]
		if text, _ := subject.(string); subject == public || !strings.HasPrefix(text, "usr_") {
			t.Errorf("the subject is %v, and for others %v", subject, public)
		}
		for what, has := range map[string]any{
			"userinfo":                 s.userinfo(t, got.Access)["sub"],
			"an access token for that": claims(t, got.Access)["sub"],
			"a client of its sector":   claims(t, s.signIn(t, sister).ID)["sub"],
			"after a refresh":          claims(t, s.issued(t, s.post("/oauth2/token", sister, refresh(s.signIn(t, sister).Refresh))).ID)["sub"],
		} {
			if has != subject {
				t.Errorf("%s: the subject is %v, want %v", what, has, subject)
			}
		}
		active := decode[map[string]any](t, s.post("/oauth2/introspect", shop, url.Values{"token": {got.Access}}).wantStatus(t, http.StatusOK))
		if active["active"] != true || active["sub"] != subject || active["username"] != nil {
			t.Errorf("introspection answers %v", active)
		}
		if elsewhere := claims(t, s.signIn(t, other).ID)["sub"]; elsewhere == subject || elsewhere == public {
			t.Errorf("a client of another sector knows the user as %v", elsewhere)
		}
		// An API has one name for a user, whichever client calls.
		if has := claims(t, s.signIn(t, shop).Access)["sub"]; has != public {
			t.Errorf("the access token for an API is about %v, want %v", has, public)
		}
		// A mapping sees what the client may see.
		s.signet("client", "update", shop.ID, "--claim", "mapped=user.sub")
		if has := s.userinfo(t, got.Access)["mapped"]; has != subject {
			t.Errorf("a mapping gives %v, want %v", has, subject)
		}
		s.signet("client", "update", shop.ID, "--subject-type", "public")
		if has := s.userinfo(t, got.Access)["sub"]; has != public {
			t.Errorf("of a client that is public now userinfo answers %v, want %v", has, public)
		}
		s.refused("client", "update", s.web.ID, "--subject-type", "pairwise") // its redirect URI leads to the user's device
		s.signet("client", "update", s.web.ID, "--redirect-uri", "https://a.example/cb", "--remove-redirect-uri", callback)
		s.signet("client", "update", s.web.ID, "--subject-type", "pairwise")
		if has := signetJSON[map[string]any](s.installation, "client", "show", s.web.ID)["sector_identifier"]; has != "a.example" {
			t.Errorf("the sector is %v", has)
		}
	})
}

func TestAnIDTokenWithAPairwiseSubjectIsAHintOfItsUser(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		heard := make(chan string, 10)
		app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { heard <- r.PostFormValue("logout_token") }))
		t.Cleanup(app.Close)
		shop := s.pairwise("shop", "shop.example", "--post-logout-redirect-uri", bye, "--backchannel-logout-uri", app.URL)
		b := newBrowser(t, s.server)
		got := s.signInForTokens(t, b, shop)
		silent := newAuthorization(shop)
		p := b.open(s.url + "/oauth2/authorize?" + with(silent.query, "prompt", "none", "id_token_hint", got.ID).Encode())
		if p.url.Query().Get("code") == "" {
			t.Errorf("with the hint the answer is %s: %s", p.url, p.text)
		}
		subject, _ := claims(t, got.ID)["sub"].(string)
		p = b.open(s.url + "/oauth2/authorize?" + with(silent.query, "prompt", "none", "claims", `{"id_token":{"sub":{"value":"`+subject+`"}}}`).Encode())
		if p.url.Query().Get("code") == "" {
			t.Errorf("with the subject asked for the answer is %s: %s", p.url, p.text)
		}
		s.signetWithInput(s.secret("bobs correct horse battery")+"\n", "user", "create", "bob", "--password-stdin")
		bobs := newBrowser(t, s.server)
		bobs.open(s.url+"/login").submit("username", "bob", "password", "bobs correct horse battery")
		bobs.wantSignedIn(t, true)
		p = bobs.open(s.url + "/oauth2/authorize?" + with(silent.query, "prompt", "none", "id_token_hint", got.ID).Encode())
		if p.url.Query().Get("error") != "login_required" {
			t.Errorf("with the hint of another user the answer is %s: %s", p.url, p.text)
		}
		if p := b.open(s.logoutURL("id_token_hint", got.ID, "post_logout_redirect_uri", bye)); p.header.Get("Location") != bye {
			t.Errorf("shown %s (%d): %s", p.url, p.status, p.text)
		}
		b.wantSignedIn(t, false)
		select {
		case token := <-heard:
			if has := claims(t, s.secret(token))["sub"]; has != claims(t, got.ID)["sub"] {
				t.Errorf("the logout token is about %v, the ID token about %v", has, claims(t, got.ID)["sub"])
			}
		case <-time.After(time.Minute):
			t.Error("the client hears nothing")
		}
	})
}
