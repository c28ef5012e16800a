package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// askFor is a request of a client for a scope at several APIs.
func askFor(c client, scope string, resources ...string) *authorization {
	a := newAuthorization(c)
	a.query = with(a.query, "scope", scope)
	a.query["resource"] = resources
	return a
}

// severalAPIs registers a client that may use both APIs of the shop, where alice may read.
func (s *shop) severalAPIs() client {
	s.signet("role", "update", "clerk", "--grant", invoicesAPI+"#invoices:read")
	return s.createClient("both", "--grant", "authorization_code", "--grant", "refresh_token", "--redirect-uri", callback,
		"--api", ordersAPI, "--api", invoicesAPI)
}

// wantFor fails unless an access token is for an API with a scope, and introspection says so to the API's service alone.
func (s *shop) wantFor(t *testing.T, got tokens, audience, scope string) {
	t.Helper()
	if c := claims(t, got.Access); c["aud"] != audience || c["scope"] != scope || got.Scope != scope {
		t.Errorf("the token is for %v with %v (answered %q), want %s with %s", c["aud"], c["scope"], got.Scope, audience, scope)
	}
	s.wantActive(t, s.orders, got.Access, audience == ordersAPI)
	s.wantActive(t, s.invoices, got.Access, audience == invoicesAPI)
}

func TestAGrantCoversSeveralAPIsAndEachTokenIsForOneOfThem(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		both := s.severalAPIs()
		const scope = "openid offline_access orders:read invoices:read"
		const ofOrders, ofInvoices = "openid offline_access orders:read", "openid offline_access invoices:read"
		exchange := func(a *authorization, resource string) answer {
			return s.post("/oauth2/token", both, with(a.exchange(s.code(t, a)), "resource", resource))
		}
		a := askFor(both, scope, invoicesAPI, ordersAPI)
		s.wantFor(t, s.issued(t, exchange(a, "")), invoicesAPI, ofInvoices) // the first that was asked for
		got := s.issued(t, exchange(askFor(both, scope, invoicesAPI, ordersAPI), ordersAPI+"/"))
		s.wantFor(t, got, ordersAPI, ofOrders)
		for _, c := range []struct{ resource, scope, aud, want string }{
			{"", "", invoicesAPI, ofInvoices},
			{ordersAPI, "", ordersAPI, ofOrders},
			{ordersAPI, scope, ordersAPI, ofOrders}, // the same list again
			{invoicesAPI, "invoices:read", invoicesAPI, "invoices:read"},
		} {
			got = s.issued(t, s.post("/oauth2/token", both, with(refresh(got.Refresh), "resource", c.resource, "scope", c.scope)))
			s.wantFor(t, got, c.aud, c.want)
		}
		s.signet("client", "update", both.ID, "--default-api", ordersAPI)
		got = s.issued(t, s.post("/oauth2/token", both, refresh(got.Refresh)))
		s.wantFor(t, got, ordersAPI, ofOrders)

		several := refresh(got.Refresh)
		several["resource"] = []string{ordersAPI, invoicesAPI}
		s.post("/oauth2/token", both, several).wantError(t, http.StatusBadRequest, "invalid_target")
		s.post("/oauth2/token", both, with(refresh(got.Refresh), "resource", s.issuer)).wantError(t, http.StatusBadRequest, "invalid_target")
		s.post("/oauth2/token", both, with(refresh(got.Refresh), "resource", ordersAPI, "scope", "invoices:read")).
			wantError(t, http.StatusBadRequest, "invalid_scope")

		// What only one of them was granted stays so, whatever the client may ask for now.
		one := s.issued(t, exchange(askFor(both, "openid offline_access", ordersAPI, invoicesAPI), ordersAPI))
		s.post("/oauth2/token", both, with(refresh(one.Refresh), "scope", "orders:read")).wantError(t, http.StatusBadRequest, "invalid_scope")
		onlyOrders := s.issued(t, exchange(askFor(both, ofOrders, ordersAPI), ""))
		s.post("/oauth2/token", both, with(refresh(onlyOrders.Refresh), "resource", invoicesAPI)).wantError(t, http.StatusBadRequest, "invalid_target")

		two := clientCredentials()
		two["resource"] = []string{ordersAPI, invoicesAPI}
		s.post("/oauth2/token", s.reporting, two).wantError(t, http.StatusBadRequest, "invalid_target")
	})
}

func TestWhatEndsAGrantEndsTheTokensOfAllItsAPIs(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		both := s.severalAPIs()
		signIn := func() (first, second tokens) {
			a := askFor(both, "openid offline_access orders:read invoices:read", ordersAPI, invoicesAPI)
			first = s.issued(t, s.post("/oauth2/token", both, a.exchange(s.code(t, a))))
			return first, s.issued(t, s.post("/oauth2/token", both, with(refresh(first.Refresh), "resource", invoicesAPI)))
		}
		first, second := signIn()
		s.revoke(t, both, second.Refresh)
		s.wantActive(t, s.orders, first.Access, false)
		s.wantActive(t, s.invoices, second.Access, false)

		// A revocation of one API takes it from the grant, and leaves the other.
		first, second = signIn()
		s.signet("token", "revoke", "--api", ordersAPI)
		s.wantActive(t, s.orders, first.Access, false)
		s.wantActive(t, s.invoices, second.Access, true)
		s.post("/oauth2/token", both, with(refresh(second.Refresh), "resource", ordersAPI)).wantError(t, http.StatusBadRequest, "invalid_target")
		again := s.issued(t, s.post("/oauth2/token", both, refresh(second.Refresh)))
		s.wantFor(t, again, invoicesAPI, "openid offline_access invoices:read")
		s.signet("token", "revoke", "--api", invoicesAPI)
		s.post("/oauth2/token", both, refresh(again.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
	})
}

func TestTheConsentPageShowsThePermissionsByAPIAndTheGrantHasNoOthers(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		s.signet("api", "update", ordersAPI, "--name", "Orders of the shop")
		s.signet("api", "update", invoicesAPI, "--name", "Invoices of the shop")
		both := s.severalAPIs()
		a := askFor(both, "openid offline_access orders:read invoices:read unheard:of", ordersAPI, invoicesAPI, s.issuer)
		p := newBrowser(t, s.server).open(s.url+"/oauth2/authorize?"+a.query.Encode()).submit("username", alice, "password", alicesSecret)
		text := p.text
		at := func(part string) int { return strings.Index(text, part) }
		if at("Orders of the shop") < 0 || at("Orders of the shop") > at("orders:read") || at("orders:read") > at("Invoices of the shop") ||
			at("Invoices of the shop") > at("invoices:read") || at("unheard:of") >= 0 {
			t.Errorf("the page shows:\n%s", text)
		}
		// What a permission's name means at the other API only from now on was not shown.
		s.signet("api", "update", invoicesAPI, "--permission", "orders:read")
		s.signet("role", "update", "clerk", "--grant", invoicesAPI+"#orders:read")
		p = p.submit("decision", "allow")
		code := s.secret(p.url.Query().Get("code"))
		got := s.issued(t, s.post("/oauth2/token", both, with(a.exchange(code), "resource", invoicesAPI)))
		s.wantFor(t, got, invoicesAPI, "openid offline_access invoices:read")
		got = s.issued(t, s.post("/oauth2/token", both, with(refresh(got.Refresh), "resource", s.issuer)))
		s.wantFor(t, got, s.issuer, "openid offline_access")
		// The second time nobody is asked, unless for more.
		for scope, asked := range map[string]bool{"openid orders:read": true, "openid invoices:read": false} {
			again := askFor(both, scope, ordersAPI, invoicesAPI)
			p := newBrowser(t, s.server).open(s.url+"/oauth2/authorize?"+again.query.Encode()).submit("username", alice, "password", alicesSecret)
			if p.left == asked {
				t.Errorf("%s: shown %s, want the consent page: %v", scope, p.url.Path, asked)
			}
		}
	})
}

func TestARequestForSeveralAPIsIsForWhatTheClientMayUseAtEach(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		both := s.severalAPIs()
		many := make([]string, 17)
		for i := range many {
			many[i] = ordersAPI + "/" + url.PathEscape(strings.Repeat("x", i+1))
		}
		for _, c := range []struct {
			client    client
			scope     string
			resources []string
			want      string
		}{
			{s.web, "openid", []string{ordersAPI, invoicesAPI}, "invalid_target"},
			{both, "openid", []string{ordersAPI, "https://nowhere.example"}, "invalid_target"},
			{both, "openid users:read", []string{ordersAPI, invoicesAPI}, "invalid_scope"}, // of urn:signet:admin
			{both, "openid", many, "invalid_target"},
		} {
			p := newBrowser(t, s.server).authorize(askFor(c.client, c.scope, c.resources...).query)
			if got := p.url.Query().Get("error"); !p.left || got != c.want {
				t.Errorf("%s for %s at %v: %s, want %s", c.client.ID, c.scope, c.resources, p.url, c.want)
			}
		}
	})
}

func TestTokensForUserinfoAreIntrospectedByClientsThatServeIt(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		a := askFor(s.web, "openid email", s.issuer)
		got := s.issued(t, s.post("/oauth2/token", s.web, a.exchange(s.code(t, a))))
		gateway := s.createClient("gateway", "--serves-userinfo")
		s.wantActive(t, s.orders, got.Access, false)
		s.wantActive(t, s.web, got.Access, true) // its own
		s.wantActive(t, gateway, got.Access, true)
		s.wantActive(t, gateway, s.reportingToken(t), false) // that of an API is not its business
		s.signet("client", "update", gateway.ID, "--serves", ordersAPI, "--serves-userinfo=false")
		s.wantActive(t, gateway, got.Access, false)
	})
}
