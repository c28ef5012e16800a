package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAClientMovesHereWithItsIDSecretAndTheNamesOfGroupsAndRoles(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		moved := client{ID: "urn:example:wiki/1 @home", Secret: s.secret("abc+def/ghi==%41:rest")}
		out := s.signetWithInput(moved.Secret+"\n", "client", "create", "--client-id", moved.ID, "--secret-stdin",
			"--grant", "client_credentials", "--grant", "authorization_code", "--redirect-uri", callback, "--api", ordersAPI)
		if strings.Contains(out, moved.Secret) || strings.Contains(out, "client_secret") {
			t.Errorf("the secret is printed: %s", out)
		}
		const role, group = "Lager: Süd / lesen", "cn=Verkäufer,ou=Gruppen,dc=people"
		s.signet("role", "create", role, "--grant", ordersAPI+"#orders:write")
		s.signet("group", "create", group)
		s.signet("group", "add", group, alice)
		s.signet("assign", role, "--group", group)
		s.signet("assign", role, "--client", moved.ID)

		got := s.issued(t, s.post("/oauth2/token", moved, with(clientCredentials(), "scope", "")))
		said := claims(t, got.Access)
		if said["sub"] != moved.ID || said["client_id"] != moved.ID || !cmp.Equal(said["roles"], []any{role}) {
			t.Errorf("the token says %v", said)
		}
		a := newAuthorization(moved)
		a.query.Set("scope", "openid groups roles orders:write")
		code := s.code(t, a)
		said = claims(t, s.issued(t, s.post("/oauth2/token", moved, a.exchange(code))).Access)
		if !cmp.Equal(said["groups"], []any{group}) || !cmp.Equal(said["roles"], []any{role, "clerk"}) {
			t.Errorf("the token says %v", said)
		}

		ops := s.createClient("ops", "--grant", "client_credentials", "--api", "urn:signet:admin")
		s.signet("assign", "administrator", "--client", ops.ID)
		admin := s.issued(t, s.post("/oauth2/token", ops, url.Values{"grant_type": {"client_credentials"}})).Access
		for _, path := range []string{"/clients/" + url.PathEscape(moved.ID), "/groups/" + url.PathEscape(group), "/roles/" + url.PathEscape(role)} {
			s.get("/api/v1"+path, admin).wantStatus(t, http.StatusOK)
		}
		s.manage("/clients", admin, `{"client_id":"imported","client_secret":"0123456789abcdef","grant_types":["client_credentials"],"apis":[{"audience":"`+ordersAPI+`","permissions":[]}]}`).
			wantStatus(t, http.StatusCreated)
		s.issued(t, s.post("/oauth2/token", client{ID: "imported", Secret: "0123456789abcdef"}, with(clientCredentials(), "scope", "")))
	})
}

func TestRedirectsOfApplicationsOnADevice(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		b := newBrowser(t, s.server)
		for n, c := range []struct{ registered, asked string }{
			{"http://localhost/callback", "http://localhost:49152/callback"},
			{"http://localhost:3000/callback", "http://localhost:3001/callback"},
			{"http://127.0.0.1/callback", "http://127.0.0.1:49152/callback"},
			{"http://[::1]/callback", "http://[::1]:49152/callback"},
			{"cursor://anysphere.cursor-mcp/oauth/callback", "cursor://anysphere.cursor-mcp/oauth/callback"},
			{"com.example:/cb", "com.example:/cb"},
			{"app.immich:///oauth-callback", "app.immich:///oauth-callback"},
		} {
			app := s.createClient("device-"+string(rune('a'+n)), "--public", "--grant", "authorization_code", "--redirect-uri", c.registered, "--api", ordersAPI)
			a := newAuthorization(app)
			a.query = with(a.query, "redirect_uri", c.asked, "scope", "openid orders:read")
			p := b.authorize(a.query)
			if !strings.HasPrefix(p.header.Get("Location"), c.asked+"?code=") {
				t.Errorf("%s: shown %s (%d) %s", c.asked, p.url, p.status, p.text)
				continue
			}
			s.issued(t, s.post("/oauth2/token", app, with(a.exchange(s.secret(p.url.Query().Get("code"))), "redirect_uri", c.asked)))
			newBrowser(t, s.server).authorize(with(a.query, "redirect_uri", c.asked+"x")).wantRefusedHere(t)
		}
	})
}
