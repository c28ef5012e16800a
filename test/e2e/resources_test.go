package e2e

import (
	"net/http"
	"testing"
)

func TestAnAudienceWithAndWithoutItsLastSlashIsOne(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		const slashed = "https://slashed.example/mcp/"
		s.signet("api", "create", slashed, "--permission", "tools:call")
		for _, other := range []string{ordersAPI + "/", "https://slashed.example/mcp"} {
			s.refused("api", "create", other)
		}
		mcp := s.createClient("mcp", "--public", "--grant", "authorization_code", "--grant", "refresh_token", "--redirect-uri", callback,
			"--api", slashed, "--api", ordersAPI)
		for given, want := range map[string]string{
			ordersAPI + "/": ordersAPI, ordersAPI: ordersAPI, "https://slashed.example/mcp": slashed, slashed: slashed, s.issuer + "/": s.issuer,
		} {
			a := newAuthorization(mcp)
			a.query = with(a.query, "resource", given, "scope", "openid offline_access")
			got := s.issued(t, s.post("/oauth2/token", mcp, with(a.exchange(s.code(t, a)), "resource", given)))
			if aud := claims(t, got.Access)["aud"]; aud != want {
				t.Errorf("for %s the audience is %v, want %s", given, aud, want)
			}
			for _, again := range []string{given, want, want + "/"} {
				if again != slashed+"/" {
					got = s.issued(t, s.post("/oauth2/token", mcp, with(refresh(got.Refresh), "resource", again)))
				}
			}
			s.post("/oauth2/token", mcp, with(refresh(got.Refresh), "resource", invoicesAPI)).wantError(t, http.StatusBadRequest, "invalid_target")
		}
		form := clientCredentials()
		form["audience"] = []string{ordersAPI + "/"} // beside the same resource without it
		s.issued(t, s.post("/oauth2/token", s.reporting, form))
		s.post("/oauth2/token", s.reporting, with(clientCredentials(), "resource", ordersAPI+"//")).wantError(t, http.StatusBadRequest, "invalid_target")
	})
}

func TestAPIsMayHaveNamesThatAreNoURLs(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		for _, name := range []string{"orders", "api://orders", "urn:example:orders", "orders@people.example"} {
			s.signet("api", "create", name, "--permission", "read")
			s.signet("role", "update", "clerk", "--grant", name+"#read")
			s.signet("client", "update", s.reporting.ID, "--api", name+"#read")
			got := s.issued(t, s.post("/oauth2/token", s.reporting, with(clientCredentials(), "resource", "", "audience", name, "scope", "")))
			if aud := claims(t, got.Access)["aud"]; aud != name || got.Scope != "read" {
				t.Errorf("for %s the audience is %v, the scope %q", name, aud, got.Scope)
			}
			service := s.createClient("service-of-"+claims(t, got.Access)["jti"].(string)[:8], "--serves", name)
			s.wantActive(t, service, got.Access, true)
		}
		// An ID token for a client must not pass as an access token for an API.
		s.refused("api", "create", s.web.ID)
		s.refused("client", "create", "orders", "--serves", ordersAPI)
	})
}

func TestARequestThatNamesNoAPIIsForTheDefaultOne(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		s.signet("role", "update", "clerk", "--grant", invoicesAPI+"#invoices:read")
		both := s.createClient("both", "--grant", "client_credentials", "--grant", "authorization_code", "--redirect-uri", callback,
			"--api", ordersAPI, "--api", invoicesAPI)
		s.signet("assign", "clerk", "--client", both.ID)
		named := with(clientCredentials(), "resource", "")
		s.post("/oauth2/token", both, with(named, "scope", "")).wantError(t, http.StatusBadRequest, "invalid_target")
		if aud := s.signInAudience(t, both, "openid unheard:of"); aud != s.issuer {
			t.Errorf("without a default the audience is %v", aud)
		}
		s.signet("client", "update", both.ID, "--default-api", invoicesAPI)
		for scope, want := range map[string]string{
			"": invoicesAPI, "openid": invoicesAPI, "invoices:read": invoicesAPI, "orders:read": ordersAPI,
		} {
			got := s.issued(t, s.post("/oauth2/token", both, with(named, "scope", scope)))
			if aud := claims(t, got.Access)["aud"]; aud != want {
				t.Errorf("for the scope %q the audience is %v, want %s", scope, aud, want)
			}
		}
		for scope, want := range map[string]string{"openid unheard:of": invoicesAPI, "openid orders:read": ordersAPI} {
			if aud := s.signInAudience(t, both, scope); aud != want {
				t.Errorf("for the scope %q the audience is %v, want %s", scope, aud, want)
			}
		}
		s.signet("client", "update", both.ID, "--no-default-api")
		s.post("/oauth2/token", both, with(named, "scope", "")).wantError(t, http.StatusBadRequest, "invalid_target")
		s.refused("client", "update", both.ID, "--default-api", "https://nowhere.example")
	})
}

// signInAudience is the audience of the access token of a sign-in that names no API.
func (s *shop) signInAudience(t *testing.T, c client, scope string) any {
	t.Helper()
	a := newAuthorization(c)
	a.query = with(a.query, "resource", "", "scope", scope)
	return claims(t, s.issued(t, s.post("/oauth2/token", c, a.exchange(s.code(t, a)))).Access)["aud"]
}
