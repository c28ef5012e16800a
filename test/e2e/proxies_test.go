package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// behindProxy is a shop whose proxies are on this machine.
func behindProxy(t *testing.T) *shop {
	t.Helper()
	return openShop(t, newSQLiteDatabase(t), "SIGNET_TRUSTED_PROXIES=127.0.0.1")
}

// forwarded asks as Traefik and Caddy do: by GET, with the client's headers and what the request was. More headers are names and values in
// turn; an empty value takes one away.
func (s *shop) forwarded(needs url.Values, method, uri string, more ...string) answer {
	s.t.Helper()
	r := s.request(http.MethodGet, "/forward-auth?"+needs.Encode(), nil)
	for name, value := range map[string]string{
		"X-Forwarded-Method": method, "X-Forwarded-Proto": "http", "X-Forwarded-Host": "orders.example:8443", "X-Forwarded-Uri": uri, "X-Forwarded-For": "203.0.113.7",
	} {
		r.Header.Set(name, value)
	}
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == "" {
			r.Header.Del(more[i])
		} else {
			r.Header.Add(more[i], more[i+1])
		}
	}
	return do(r)
}

const routesPolicy = `
rules:
- name: public
  effect: allow
  actions: [GET]
  resources: [route]
  when: resource.id.startsWith("/public/") && context.ip == "203.0.113.7" && resource.properties.host == "orders.example:8443"
- name: readers
  effect: allow
  actions: [GET]
  resources: [route]
  permissions: [orders:read]
  when: resource.id.startsWith("/orders/") && subject.id == "reporting"
`

func TestProxiesPassRequestsByTheirAccessTokens(t *testing.T) {
	t.Parallel()
	s := behindProxy(t)
	orders := url.Values{"api": {ordersAPI}}
	read, write := with(orders, "permission", "orders:read"), with(orders, "permission", "orders:read orders:write")
	token := s.reportingToken(t)
	bearer := "Bearer " + token

	passed := s.forwarded(read, "GET", "/orders/1", "Authorization", bearer).wantStatus(t, http.StatusOK)
	for name, want := range map[string]string{
		"Remote-Subject": "reporting", "Remote-Client": "reporting", "Remote-Scopes": "orders:read", "Remote-Roles": "clerk",
		"Remote-User": "", "Remote-Name": "", "Remote-Email": "", "Remote-Email-Verified": "", "Remote-Groups": "",
	} {
		if got, ok := passed.header[name]; !ok || len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	refused := func(a answer, status int, challenge string) {
		t.Helper()
		if got := a.wantStatus(t, status).header.Get("WWW-Authenticate"); got != challenge {
			t.Errorf("the challenge is %q, want %q", got, challenge)
		}
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Remote-Subject") != "" {
			t.Errorf("a refusal has %v", a.header)
		}
	}
	const invalid = `Bearer realm="signet", error="invalid_token"`
	refused(s.forwarded(write, "GET", "/", "Authorization", bearer), http.StatusForbidden, `Bearer realm="signet", error="insufficient_scope", scope="orders:read orders:write"`)
	refused(s.forwarded(url.Values{"api": {invoicesAPI}}, "GET", "/", "Authorization", bearer), http.StatusUnauthorized, invalid)
	refused(s.forwarded(read, "GET", "/"), http.StatusUnauthorized, `Bearer realm="signet"`)
	refused(s.forwarded(read, "GET", "/", "Authorization", bearer+"x"), http.StatusUnauthorized, invalid)
	refused(s.forwarded(read, "GET", "/", "Authorization", bearer, "Authorization", bearer), http.StatusUnauthorized, invalid)
	refused(s.forwarded(read, "GET", "/", "Authorization", "Basic eDp5"), http.StatusUnauthorized, `Bearer realm="signet"`)

	s.setPolicy(routesPolicy)
	route := with(orders, "resource", "route")
	for _, c := range []struct {
		method, uri string
		status      int
	}{
		{"GET", "/orders/1?x=/../..", http.StatusOK}, {"POST", "/orders/1", http.StatusForbidden}, {"GET", "/public/a%20b", http.StatusOK}, {"GET", "/private", http.StatusForbidden},
		{"GET", "/public/../private", http.StatusForbidden}, {"GET", "/public/%2e%2E/private", http.StatusForbidden}, {"GET", "/public/..%2fprivate", http.StatusForbidden},
		{"GET", "/public//x", http.StatusForbidden}, {"GET", "/public/..;/private", http.StatusForbidden}, {"GET", `/public/..\private`, http.StatusForbidden},
		{"GET", "/public/%252e%252e/private", http.StatusForbidden}, {"GET", "/public/%00", http.StatusForbidden}, {"GET", "/public/%ff", http.StatusForbidden},
		{"GET", "http://elsewhere.example/public/", http.StatusForbidden}, {"GET", "/public/" + strings.Repeat("x", 9<<10), http.StatusForbidden},
		{"GET", "*", http.StatusForbidden}, {"get", "/public/x", http.StatusForbidden},
	} {
		s.forwarded(route, c.method, c.uri, "Authorization", bearer).wantStatus(t, c.status)
	}

	// Headers by which a client would have another request judged.
	for _, name := range []string{"X-Original-Uri", "X-Forwarded-Uri", "X-Original-Method", "X-Forwarded-Method", "X-Forwarded-Host"} {
		s.forwarded(route, "GET", "/private", "Authorization", bearer, name, "/public/x").wantStatus(t, http.StatusForbidden)
	}
	for _, name := range []string{"X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Host"} {
		s.forwarded(route, "GET", "/public/x", "Authorization", bearer, name, "").wantStatus(t, http.StatusBadRequest)
	}
	for _, needs := range []url.Values{
		{}, {"permission": {"orders:read"}}, {"api": {ordersAPI, ordersAPI}}, {"api": {ordersAPI}, "audience": {ordersAPI}}, {"api": {"a\x00b"}}, {"client": {"x"}, "resource": {"y"}},
	} {
		s.forwarded(needs, "GET", "/", "Authorization", bearer).wantStatus(t, http.StatusBadRequest)
	}

	// What is taken away counts at once.
	s.signet("unassign", "clerk", "--client", "reporting")
	refused(s.forwarded(read, "GET", "/", "Authorization", bearer), http.StatusForbidden, `Bearer realm="signet", error="insufficient_scope", scope="orders:read"`)
	s.forwarded(route, "GET", "/orders/1", "Authorization", bearer).wantStatus(t, http.StatusForbidden)
	s.forwarded(orders, "GET", "/", "Authorization", bearer).wantStatus(t, http.StatusOK)
	s.revoke(t, s.reporting, token)
	refused(s.forwarded(orders, "GET", "/", "Authorization", bearer), http.StatusUnauthorized, invalid)
}
