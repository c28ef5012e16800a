package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func TestTheAdminAPISaysWhereTokensForItComeFrom(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		type resource struct {
			Resource string   `json:"resource"`
			Servers  []string `json:"authorization_servers"`
			Scopes   []string `json:"scopes_supported"`
		}
		at := s.issuer + "/.well-known/oauth-protected-resource/api/v1"
		challenge := s.get("/api/v1/users", "").wantStatus(t, http.StatusUnauthorized).header.Get("WWW-Authenticate")
		if !strings.Contains(challenge, `resource_metadata="`+at+`"`) {
			t.Errorf("the challenge is %s", challenge)
		}
		got := decode[resource](t, s.get("/.well-known/oauth-protected-resource/api/v1", ""))
		if got.Resource != s.issuer+"/api/v1" || !slices.Equal(got.Servers, []string{s.issuer}) || !slices.Contains(got.Scopes, "users:read") {
			t.Errorf("the admin API is %+v", got)
		}
		if own := decode[resource](t, s.get("/.well-known/oauth-protected-resource", "")); own.Resource != s.issuer || !slices.Contains(own.Scopes, "openid") {
			t.Errorf("the issuer is %+v", own)
		}
		s.signet("role", "create", "reader", "--grant", "urn:signet:admin#users:read")
		ops := s.createClient("ops", "--grant", "client_credentials", "--api", "urn:signet:admin")
		s.signet("assign", "reader", "--client", "ops")
		for _, name := range []string{got.Resource, got.Resource + "/", "urn:signet:admin"} {
			token := s.issued(t, s.post("/oauth2/token", ops, with(clientCredentials(), "scope", "users:read", "resource", name))).Access
			if aud := claims(t, token)["aud"]; aud != "urn:signet:admin" {
				t.Errorf("the audience of %s is %v", name, aud)
			}
			s.get("/api/v1/users", token).wantStatus(t, http.StatusOK)
			short := s.get("/api/v1/keys", token).wantStatus(t, http.StatusForbidden).header.Get("WWW-Authenticate")
			for _, part := range []string{`error="insufficient_scope"`, `scope="keys:read"`, `resource_metadata="` + at + `"`} {
				if !strings.Contains(short, part) {
					t.Errorf("the challenge lacks %s: %s", part, short)
				}
			}
		}
	})
}
