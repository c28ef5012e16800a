package e2e

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

func TestClientsHearOfEndedSessionsWithALogoutToken(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		heard := make(chan string, 10)
		app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			heard <- r.URL.Path + " " + r.PostFormValue("logout_token")
		}))
		t.Cleanup(app.Close)
		for _, c := range []client{s.web, s.app} {
			s.signet("client", "update", c.ID, "--backchannel-logout-uri", app.URL+"/"+c.ID)
		}
		provider, err := oidc.NewProvider(t.Context(), s.issuer)
		check(t, err)
		next := func() map[string]any {
			t.Helper()
			select {
			case said := <-heard:
				token, ok := strings.CutPrefix(said, "/web ")
				if !ok {
					t.Fatalf("a client that has no part in it hears %q", said)
				}
				if _, err := provider.Verifier(&oidc.Config{ClientID: s.web.ID}).Verify(t.Context(), s.secret(token)); err != nil {
					t.Errorf("the logout token does not verify: %v", err)
				}
				if typ := joseHeader(t, token)["typ"]; typ != "logout+jwt" {
					t.Errorf("typ is %v", typ)
				}
				return claims(t, token)
			case <-time.After(time.Minute):
				t.Fatal("the client hears nothing")
				return nil
			}
		}
		b := newBrowser(t, s.server)
		id := claims(t, s.signInForTokens(t, b, s.web).ID)
		b.open(s.url + "/logout").submit()
		b.wantSignedIn(t, false)
		said := next()
		events, _ := said["events"].(map[string]any)
		if said["sid"] != id["sid"] || said["sub"] != id["sub"] || events["http://schemas.openid.net/event/backchannel-logout"] == nil || said["nonce"] != nil {
			t.Errorf("the logout token says %v", said)
		}

		s.signInForTokens(t, newBrowser(t, s.server), s.web)
		s.signetWithInput(s.secret("another correct horse battery")+"\n", "user", "set-password", alice, "--password-stdin")
		if said = next(); said["sub"] != id["sub"] || said["sid"] != nil {
			t.Errorf("of all sessions the logout token says %v", said)
		}
		if len(heard) > 0 {
			t.Errorf("there is one more: %s", <-heard)
		}
		s.refused("client", "update", s.web.ID, "--backchannel-logout-uri", "http://app.example/logout")
		s.signet("client", "update", s.web.ID, "--no-backchannel-logout-uri")
	})
}
