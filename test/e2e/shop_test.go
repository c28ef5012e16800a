package e2e

import (
	"net/http"
	"net/url"
	"testing"
)

const (
	ordersAPI    = "https://orders.example"
	invoicesAPI  = "https://invoices.example"
	callback     = "http://127.0.0.1:9999/callback" // nothing listens there: tests read the redirect
	alice        = "alice"
	alicesSecret = "correct horse battery staple"
)

// shop is an installation with a server and what most tests need: two APIs, a user who is a clerk, and clients.
type shop struct {
	*server
	shopClients
}

type shopClients struct {
	reporting client // client_credentials, a clerk by its own role
	orders    client // the resource server of ordersAPI
	invoices  client // the resource server of invoicesAPI
	web       client // authorization_code and refresh_token, confidential
	app       client // the same, public
}

// openShop starts a shop on a fresh database; env changes settings of all its processes.
func openShop(t *testing.T, database string, env ...string) *shop {
	t.Helper()
	i := newInstallation(t, database)
	i.env = append(i.env, env...)
	return i.openShop()
}

func (i *installation) openShop() *shop {
	i.t.Helper()
	clients, copied := i.copyShop()
	if !copied {
		clients = i.makeShop()
	}
	for _, c := range []client{clients.reporting, clients.orders, clients.invoices, clients.web} {
		i.secret(c.Secret)
	}
	i.secret(alicesSecret)
	return &shop{i.serve(), clients}
}

// makeShop makes the objects of a shop.
func (i *installation) makeShop() (c shopClients) {
	i.t.Helper()
	i.signet("migrate", "up")
	i.signet("api", "create", ordersAPI, "--permission", "orders:read", "--permission", "orders:write")
	i.signet("api", "create", invoicesAPI, "--permission", "invoices:read")
	i.signet("role", "create", "clerk", "--grant", ordersAPI+"#orders:read")
	c.reporting = i.createClient("reporting", "--grant", "client_credentials", "--api", ordersAPI)
	c.orders = i.createClient("orders-svc", "--serves", ordersAPI)
	c.invoices = i.createClient("invoices-svc", "--serves", invoicesAPI)
	codeFlow := []string{"--grant", "authorization_code", "--grant", "refresh_token", "--api", ordersAPI, "--redirect-uri", callback}
	c.web = i.createClient("web", codeFlow...)
	c.app = i.createClient("app", append(codeFlow, "--public")...)
	i.signetWithInput(alicesSecret+"\n", "user", "create", alice,
		"--name", "Alice Example", "--email", "alice@people.example", "--password-stdin")
	i.signet("assign", "clerk", "--client", "reporting")
	i.signet("assign", "clerk", "--user", alice)
	return c
}

// createClient registers a client; its secret must not be seen in a log from then on.
func (i *installation) createClient(id string, args ...string) client {
	i.t.Helper()
	c := signetJSON[client](i, append([]string{"client", "create", id}, args...)...)
	i.secret(c.Secret)
	return c
}

// tokens is a token endpoint's answer (RFC 6749 §5.1).
type tokens struct {
	Access    string `json:"access_token"`
	Type      string `json:"token_type"`
	ExpiresIn int    `json:"expires_in"`
	Refresh   string `json:"refresh_token"`
	ID        string `json:"id_token"`
	Scope     string `json:"scope"`
}

// issued reads the tokens in an answer; they must not be seen in a log from then on.
func (i *installation) issued(t *testing.T, a answer) tokens {
	t.Helper()
	got := decode[tokens](t, a.wantStatus(t, http.StatusOK))
	if got.Access == "" {
		t.Fatalf("no access token in %s", a.body)
	}
	for _, token := range []string{got.Access, got.Refresh, got.ID} {
		i.secret(token)
	}
	return got
}

// clientCredentials is the request that reporting makes.
func clientCredentials() url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "scope": {"orders:read"}, "resource": {ordersAPI}}
}

// reportingToken is a token of reporting's own for the orders API.
func (s *shop) reportingToken(t *testing.T) string {
	t.Helper()
	return s.issued(t, s.post("/oauth2/token", s.reporting, clientCredentials())).Access
}

// introspect asks a server about a token (RFC 7662).
func (s *server) introspect(by client, token string) answer {
	s.t.Helper()
	return s.post("/oauth2/introspect", by, url.Values{"token": {token}})
}

// active says what introspection says of a token; an inactive one must show nothing else.
func (s *server) active(t *testing.T, by client, token string) bool {
	t.Helper()
	a := s.introspect(by, token).wantStatus(t, http.StatusOK)
	if decode[struct{ Active bool }](t, a).Active {
		return true
	}
	if compact := compactJSON(t, a.body); compact != `{"active":false}` {
		t.Errorf("an inactive token's answer is %s", compact)
	}
	return false
}

// wantActive fails unless introspection says so.
func (s *server) wantActive(t *testing.T, by client, token string, want bool) {
	t.Helper()
	if got := s.active(t, by, token); got != want {
		t.Errorf("active is %v, want %v", got, want)
	}
}

// revoke revokes a token as the client that holds it (RFC 7009).
func (s *server) revoke(t *testing.T, by client, token string) {
	t.Helper()
	s.post("/oauth2/revoke", by, url.Values{"token": {token}}).wantStatus(t, http.StatusOK)
}

// check ends the test if there is an error.
func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
