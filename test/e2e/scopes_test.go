package e2e

import (
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// askingApplication is one of testdata/applications.txt.
type askingApplication struct{ name, scope, redirect string }

// askingApplications reads what applications ask for, and adds what none should but one could.
func askingApplications(t *testing.T) (all []askingApplication) {
	t.Helper()
	file, err := os.ReadFile("testdata/applications.txt")
	check(t, err)
	for line := range strings.Lines(string(file)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimSpace(line), " | ")
		one := askingApplication{name: fields[0], scope: fields[1], redirect: callback}
		if len(fields) > 2 {
			one.redirect = fields[2]
		}
		all = append(all, one)
	}
	return append(all,
		askingApplication{"one that repeats itself", "openid email openid email", callback},
		askingApplication{"one with signs of its own", "openid %41 a;b ~!#[]", callback},
		askingApplication{"one with commas", "openid,profile,email", callback},
		askingApplication{"one that is generous with spaces", " openid  email ", callback})
}

// granted are the scopes among those asked for that mean something to a client with a refresh token and no API.
func (a askingApplication) granted() string {
	var granted []string
	for scope := range strings.FieldsSeq(a.scope) {
		if slices.Contains(strings.Fields("openid profile email phone address groups roles offline_access"), scope) && !slices.Contains(granted, scope) {
			granted = append(granted, scope)
		}
	}
	return strings.Join(granted, " ")
}

func TestRealApplicationsAreGrantedTheScopesThatMeanSomethingAndComeBackToTheirAddress(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		all := askingApplications(t)
		register := []string{"--grant", "authorization_code", "--grant", "refresh_token", "--first-party", "--redirect-uri", callback}
		for _, one := range all {
			if one.redirect != callback {
				register = append(register, "--redirect-uri", one.redirect)
			}
		}
		c := s.createClient("application", register...)
		b := newBrowser(t, s.server)
		for _, one := range all {
			a := newAuthorization(c)
			a.query = with(a.query, "scope", one.scope, "resource", "", "redirect_uri", one.redirect)
			p := b.authorize(a.query)
			if !p.left || !p.url.Query().Has("code") || !strings.HasPrefix(p.header.Get("Location"), one.redirect) {
				t.Errorf("%s: shown %s with %d: %s", one.name, p.url, p.status, p.text)
				continue
			}
			exchange := with(a.exchange(s.secret(p.url.Query().Get("code"))), "redirect_uri", one.redirect)
			answer := s.post("/oauth2/token", c, exchange)
			got, granted := s.issued(t, answer), one.granted()
			if got.Scope != granted || !strings.Contains(answer.body, `"scope":`) {
				t.Errorf("%s: granted %q, want %q, in %s", one.name, got.Scope, granted, answer.body)
			}
			if wantsID := strings.Contains(granted, "openid"); wantsID != (got.ID != "") {
				t.Errorf("%s: has an ID token: %v", one.name, got.ID != "")
			}
			if got.Refresh == "" {
				continue
			}
			renewed := s.issued(t, s.post("/oauth2/token", c, with(refresh(got.Refresh), "scope", one.scope)))
			if diff := cmp.Diff(granted, renewed.Scope); diff != "" {
				t.Errorf("%s: after a refresh with the same list: %s", one.name, diff)
			}
		}
	})
}

func TestScopesThatExistAreRefusedWhereTheClientMayNotHaveThem(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		good := newAuthorization(s.web).query
		for _, query := range []url.Values{
			with(good, "scope", "openid invoices:read"),
			with(good, "scope", "openid invoices:read", "resource", ""),
			with(good, "scope", "openid orders:read", "resource", s.issuer),
		} {
			newBrowser(t, s.server).authorize(query).wantErrorBack(t, s.issuer, "invalid_scope")
		}
		got := s.signIn(t, s.web)
		for _, scope := range []string{"invoices:read", "openid orders:write", "email", "unheard:of"} {
			s.post("/oauth2/token", s.web, with(refresh(got.Refresh), "scope", scope)).wantError(t, http.StatusBadRequest, "invalid_scope")
		}
		narrow := s.issued(t, s.post("/oauth2/token", s.web, with(refresh(got.Refresh), "scope", "openid unheard:of")))
		if narrow.Scope != "openid" {
			t.Errorf("narrowed to %q", narrow.Scope)
		}
	})
}

func TestOnlyASpaceIsBetweenScopesAndBetweenPrompts(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		b, good := newBrowser(t, s.server), newAuthorization(s.web).query
		got := s.signIn(t, s.web)
		for _, odd := range []string{"\n", "\r\n", "\t", "\v", "\f", "\u0085", "\u00a0", "\u2003", "\u3000", "\"", "\\", "\x7f", "ü"} {
			for _, scope := range []string{"orders:read" + odd, odd + "orders:read", "orders:read " + odd, "openid" + odd + "orders:read"} {
				s.post("/oauth2/token", s.reporting, with(clientCredentials(), "scope", scope)).wantError(t, http.StatusBadRequest, "invalid_scope")
				s.post("/oauth2/token", s.web, with(refresh(got.Refresh), "scope", scope)).wantError(t, http.StatusBadRequest, "invalid_scope")
				b.authorize(with(good, "scope", scope)).wantErrorBack(t, s.issuer, "invalid_scope")
			}
			for _, prompt := range []string{"login" + odd, odd + "consent", "login" + odd + "consent"} {
				b.authorize(with(good, "prompt", prompt)).wantErrorBack(t, s.issuer, "invalid_request")
			}
			form := clientCredentials()
			form.Del("resource")
			s.post("/oauth2/token", s.reporting, with(form, "audience", ordersAPI+odd)).wantError(t, http.StatusBadRequest, "invalid_target")
		}
	})
}

func TestConsentDoesNotNameScopesThatMeanNothing(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		a := newAuthorization(s.web)
		a.query.Set("scope", "openid phone address unheard:of orders:read")
		b := newBrowser(t, s.server)
		p := b.open(s.url+"/oauth2/authorize?"+a.query.Encode()).submit("username", alice, "password", alicesSecret)
		if p.url.Path != "/consent" || strings.Contains(p.text, "unheard:of") || !strings.Contains(p.text, "phone number") {
			t.Fatalf("shown %s: %s", p.url.Path, p.text)
		}
		p = p.submit("decision", "allow")
		got := s.issued(t, s.post("/oauth2/token", s.web, a.exchange(s.secret(p.url.Query().Get("code")))))
		if got.Scope != "openid phone address orders:read" {
			t.Errorf("granted %q", got.Scope)
		}
		if again := b.open(s.url + "/oauth2/authorize?" + a.query.Encode()); !again.left {
			t.Errorf("asked once more: %s", again.url)
		}
		if again := b.open(s.url + "/oauth2/authorize?" + with(a.query, "scope", "unheard:of", "prompt", "consent").Encode()); !again.left {
			again = again.submit("decision", "allow")
			answer := s.post("/oauth2/token", s.web, a.exchange(s.secret(again.url.Query().Get("code"))))
			if s.issued(t, answer); !strings.Contains(answer.body, `"scope":""`) {
				t.Errorf("the answer does not say that nothing was granted: %s", answer.body)
			}
		}
	})
}

func TestAScopeThatTheConsentPageDidNotShowIsNotGranted(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		a := newAuthorization(s.web)
		a.query.Set("scope", "openid orders:delete orders:read")
		b := newBrowser(t, s.server)
		p := b.open(s.url+"/oauth2/authorize?"+a.query.Encode()).submit("username", alice, "password", alicesSecret)
		s.signet("api", "update", ordersAPI, "--permission", "orders:delete")
		s.signet("role", "update", "clerk", "--grant", ordersAPI+"#orders:delete")
		p = p.submit("decision", "allow")
		got := s.issued(t, s.post("/oauth2/token", s.web, a.exchange(s.secret(p.url.Query().Get("code")))))
		if got.Scope != "openid orders:read" {
			t.Errorf("granted %q", got.Scope)
		}
	})
}

func TestClientCredentialsWithoutAScopeGiveAllThatRolesAndRegistrationGive(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		s.makeBuyer()
		limited := s.createClient("limited", "--grant", "client_credentials", "--api", ordersAPI+"#orders:write")
		idle := s.createClient("idle", "--grant", "client_credentials", "--api", ordersAPI)
		for _, id := range []string{s.reporting.ID, limited.ID} {
			s.signet("assign", "buyer", "--client", id)
		}
		for _, c := range []struct {
			client      client
			asked, want string
		}{
			{s.reporting, "", "orders:read orders:write"},
			{s.reporting, "openid", "orders:read orders:write"},
			{s.reporting, "openid profile email offline_access", "orders:read orders:write"},
			{s.reporting, "openid orders:read", "orders:read"},
			{s.reporting, "orders:read unheard:of", "orders:read"},
			{limited, "", "orders:write"},
			{idle, "", ""},
		} {
			answer := s.post("/oauth2/token", c.client, with(clientCredentials(), "scope", c.asked, "resource", ""))
			if got := s.issued(t, answer); got.Scope != c.want {
				t.Errorf("%s asks for %q and gets %q, want %q", c.client.ID, c.asked, got.Scope, c.want)
			}
			if c.asked == "" && c.want == "" && strings.Contains(answer.body, "scope") {
				t.Errorf("an empty scope in %s", answer.body)
			}
		}
		for _, asked := range []string{"unheard:of", "invoices:read", "orders:read invoices:read"} {
			s.post("/oauth2/token", s.reporting, with(clientCredentials(), "scope", asked)).wantError(t, http.StatusBadRequest, "invalid_scope")
		}
		s.post("/oauth2/token", idle, clientCredentials()).wantError(t, http.StatusBadRequest, "invalid_scope")
	})
}
