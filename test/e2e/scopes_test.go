package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// applicationScopes are what applications ask for as their public integration guides have it, and what of it a client with a refresh
// token and no API is granted here.
var applicationScopes = []struct{ application, asked, granted string }{
	{"Actual Budget", "openid email profile", "openid email profile"},
	{"Apache Guacamole", "openid profile groups email", "openid profile groups email"},
	{"Argo CD", "openid profile email groups", "openid profile email groups"},
	{"Argo CD with Dex", "openid profile email groups federated:id", "openid profile email groups"},
	{"ASP.NET Core", "openid profile", "openid profile"},
	{"BookStack", "openid profile email groups", "openid profile email groups"},
	{"Cloudflare Zero Trust", "openid profile email", "openid profile email"},
	{"Cognito's sample for React", "aws.cognito.signin.user.admin email openid phone profile", "email openid phone profile"},
	{"Dex, for another client", "openid profile email groups offline_access audience:server:client_id:api", "openid profile email groups offline_access"},
	{"Forgejo", "openid email profile groups", "openid email profile groups"},
	{"GitLab", "openid profile email groups", "openid profile email groups"},
	{"Grafana", "openid profile email groups offline_access", "openid profile email groups offline_access"},
	{"Grafana, its default", "user:email", ""},
	{"Harbor", "openid profile email groups offline_access", "openid profile email groups offline_access"},
	{"Headscale", "openid profile email", "openid profile email"},
	{"Home Assistant", "openid profile groups", "openid profile groups"},
	{"Immich", "openid profile email immich_scope", "openid profile email"},
	{"Incus", "openid offline_access", "openid offline_access"},
	{"Jellyfin's SSO plugin", "openid profile groups", "openid profile groups"},
	{"Jenkins", "openid profile email address phone offline_access groups", "openid profile email address phone offline_access groups"},
	{"Keycloak as a broker", "openid microprofile-jwt acr basic web-origins", "openid"},
	{"kubelogin", "openid email groups", "openid email groups"},
	{"Mastodon", "openid profile email", "openid profile email"},
	{"MinIO", "openid profile email policy", "openid profile email"},
	{"mod_auth_openidc", "openid email profile", "openid email profile"},
	{"Nextcloud", "openid email profile groups nextcloud", "openid email profile groups"},
	{"oauth2-proxy", "openid email profile groups offline_access", "openid email profile groups offline_access"},
	{"Open WebUI", "openid email profile roles", "openid email profile roles"},
	{"Outline", "openid profile email offline_access", "openid profile email offline_access"},
	{"Paperless-ngx", "openid profile email", "openid profile email"},
	{"Portainer", "openid profile groups email", "openid profile groups email"},
	{"Proxmox VE", "email profile openid", "email profile openid"},
	{"Spring Security", "openid profile email address phone", "openid profile email address phone"},
	{"Synapse", "openid profile email", "openid profile email"},
	{"Vault", "openid profile email groups", "openid profile email groups"},
	{"Wiki.js", "openid profile email", "openid profile email"},
	{"Zitadel's own", "openid profile email urn:zitadel:iam:org:project:id:zitadel:aud", "openid profile email"},
	{"one that repeats itself", "openid email openid email", "openid email"},
	{"one with signs of its own", "openid %41 a;b ~!#[]", "openid"},
	{"one that is generous with spaces", " openid  email ", "openid email"},
}

func TestScopesOfRealApplicationsAreGrantedAsFarAsTheyMeanSomething(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		c := s.createClient("application", "--grant", "authorization_code", "--grant", "refresh_token", "--redirect-uri", callback, "--first-party")
		b := newBrowser(t, s.server)
		for _, one := range applicationScopes {
			a := newAuthorization(c)
			a.query.Set("scope", one.asked)
			a.query.Del("resource")
			p := b.authorize(a.query)
			if !p.left || !p.url.Query().Has("code") {
				t.Errorf("%s: shown %s with %d: %s", one.application, p.url, p.status, p.text)
				continue
			}
			answer := s.post("/oauth2/token", c, a.exchange(s.secret(p.url.Query().Get("code"))))
			got := s.issued(t, answer)
			if got.Scope != one.granted || !strings.Contains(answer.body, `"scope":`) {
				t.Errorf("%s: granted %q, want %q, in %s", one.application, got.Scope, one.granted, answer.body)
			}
			if wantsID := strings.Contains(one.granted, "openid"); wantsID != (got.ID != "") {
				t.Errorf("%s: has an ID token: %v", one.application, got.ID != "")
			}
			if got.Refresh == "" {
				continue
			}
			renewed := s.issued(t, s.post("/oauth2/token", c, with(refresh(got.Refresh), "scope", one.asked)))
			if diff := cmp.Diff(one.granted, renewed.Scope); diff != "" {
				t.Errorf("%s: after a refresh with the same list: %s", one.application, diff)
			}
		}
	})
}

func TestScopesThatExistAreRefusedWhereTheClientMayNotHaveThem(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
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
	eachDatabase(t, func(t *testing.T, s *shop) {
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
	eachDatabase(t, func(t *testing.T, s *shop) {
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
	eachDatabase(t, func(t *testing.T, s *shop) {
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
	eachDatabase(t, func(t *testing.T, s *shop) {
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
