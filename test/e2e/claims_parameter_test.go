package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// asking is a request for openid and what the parameter "claims" says.
func asking(c client, parameter string) *authorization {
	a := newAuthorization(c)
	a.query = with(a.query, "scope", "openid offline_access", "claims", parameter)
	return a
}

// personal are the claims about the person that an ID token or userinfo has.
func personal(claims map[string]any) map[string]any {
	about := profileClaims(claims)
	for _, name := range []string{"name", "preferred_username", "updated_at", "email", "email_verified", "groups", "roles"} {
		if value, ok := claims[name]; ok {
			about[name] = value
		}
	}
	return about
}

func TestClaimsThatAreAskedForOneByOneGoWhereTheyAreAskedForAndSurviveARefresh(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		other := s.serve()
		s.setAttributes("given_name=Alice", "address.locality=Bern")
		a := asking(s.web, `{"id_token":{"email":{"essential":true},"roles":null,"picture":{"essential":true},"x":null,"auth_time":{"essential":true}},
			"userinfo":{"given_name":null,"name":{"value":"Somebody Else"},"address":{"values":["x"]},"groups":{}},"more":1}`)
		got := s.issued(t, s.post("/oauth2/token", s.web, a.exchange(s.code(t, a))))
		id := map[string]any{"email": "alice@people.example", "roles": []any{"clerk"}}
		about := map[string]any{
			"given_name": "Alice", "name": "Alice Example", "address": map[string]any{"locality": "Bern"}, "groups": []any{},
		}
		wantBoth := func(what string, by *server, got tokens) {
			t.Helper()
			if diff := cmp.Diff(id, personal(claims(t, got.ID))); diff != "" {
				t.Errorf("ID token, %s: %s", what, diff)
			}
			if diff := cmp.Diff(about, personal(by.userinfo(t, got.Access))); diff != "" {
				t.Errorf("userinfo, %s: %s", what, diff)
			}
			if diff := cmp.Diff(map[string]any{}, personal(claims(t, got.Access))); diff != "" {
				t.Errorf("access token, %s: %s", what, diff)
			}
		}
		wantBoth("at first", s.server, got)
		renewed := s.issued(t, other.post("/oauth2/token", s.web, refresh(got.Refresh)))
		wantBoth("after a refresh", other, renewed)
		narrowed := s.issued(t, s.post("/oauth2/token", s.web, with(refresh(renewed.Refresh), "scope", "openid")))
		wantBoth("after a narrower one", s.server, narrowed)

		b := asking(s.web, `{"id_token":{"email":null}}`)
		b.query.Set("scope", "orders:read")
		noOpenID := s.issued(t, s.post("/oauth2/token", s.web, b.exchange(s.code(t, b))))
		if noOpenID.ID != "" || noOpenID.Scope != "orders:read" {
			t.Errorf("without openid: scope %q, an ID token: %v", noOpenID.Scope, noOpenID.ID != "")
		}
		if supported := decode[map[string]any](t, s.get("/.well-known/openid-configuration", "")); supported["claims_parameter_supported"] != true {
			t.Errorf("claims_parameter_supported is %v", supported["claims_parameter_supported"])
		}
	})
}

func TestClaimsThatNoScopeAsksForNeedTheConsentOfThePerson(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		b := newBrowser(t, s.server)
		b.authorize(with(newAuthorization(s.web).query, "scope", "openid email")).wantCode(t)
		ask := func(parameter, scope string) *page {
			a := asking(s.web, parameter)
			return b.open(s.authorizeURL(with(a.query, "scope", scope)))
		}
		ask(`{"id_token":{"email":null},"userinfo":{"email":null,"email_verified":null}}`, "openid email").wantCode(t)
		ask(`{"id_token":{"nobody":null,"sub":null,"acr":null}}`, "openid").wantCode(t)
		silent := asking(s.web, `{"userinfo":{"email":null}}`)
		b.open(s.authorizeURL(with(silent.query, "scope", "openid", "prompt", "none"))).wantErrorBack(t, s.issuer, "consent_required")

		p := ask(`{"id_token":{"phone_number_verified":null},"userinfo":{"email":null,"groups":null,"given_name":null}}`, "openid").wantQuestion(t, "/consent")
		for _, words := range []string{"See whether your phone number is verified", "See your email", "See the groups that you are in", "See your given name"} {
			if strings.Count(p.text, words) != 1 {
				t.Errorf("the page does not say once %q:\n%s", words, p.text)
			}
		}
		p.submit("decision", "deny").wantErrorBack(t, s.issuer, "access_denied")
		p = ask(`{"userinfo":{"email":null}}`, "openid").wantQuestion(t, "/consent")
		p.submit("decision", "allow").wantCode(t)
		ask(`{"id_token":{"email":{"essential":true}}}`, "openid").wantCode(t)
		p = ask(`{"id_token":{"email":null,"name":null}}`, "openid email").wantQuestion(t, "/consent")
		if !strings.Contains(p.text, "See your name") || strings.Contains(p.text, "See your email ") {
			t.Errorf("the page says:\n%s", p.text)
		}

		own := s.createClient("intranet", "--grant", "authorization_code", "--first-party", "--redirect-uri", callback, "--api", ordersAPI)
		mine := asking(own, `{"userinfo":{"email":null}}`)
		b.open(s.authorizeURL(with(mine.query, "scope", "openid"))).wantCode(t)
	})
}

func TestTheClaimsParameterIsForOneUser(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		s.signetWithInput(s.secret("bobs long secret")+"\n", "user", "create", "bob", "--password-stdin")
		s.signet("assign", "clerk", "--user", "bob")
		alices := claims(t, s.signIn(t, s.web).ID)["sub"].(string)
		query := asking(s.web, `{"id_token":{"sub":{"value":"`+alices+`"}}}`).query

		b := newBrowser(t, s.server)
		b.open(s.authorizeURL(with(query, "prompt", "none"))).wantErrorBack(t, s.issuer, "login_required")
		b.open(s.url+"/login").submit("username", "bob", "password", "bobs long secret")
		b.open(s.authorizeURL(with(query, "prompt", "none"))).wantErrorBack(t, s.issuer, "login_required")
		p := b.open(s.authorizeURL(query)).wantQuestion(t, "/login")
		p.submit("username", "bob", "password", "bobs long secret").wantErrorBack(t, s.issuer, "login_required")
		b.open(s.authorizeURL(query)).wantQuestion(t, "/login").signIn().wantCode(t)
		b.open(s.authorizeURL(query)).wantCode(t)
		b.open(s.authorizeURL(with(query, "claims", `{"userinfo":{"sub":{"values":["x","`+alices+`"]}}}`))).wantCode(t)
		b.open(s.authorizeURL(with(query, "claims", `{"id_token":{"sub":{"value":5}}}`, "prompt", "none"))).wantErrorBack(t, s.issuer, "login_required")
	})
}

func TestTheClaimsParameterIsRefusedBackAtTheClient(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		for parameter, code := range map[string]string{
			"x": "invalid_request", "null": "invalid_request", `{"id_token":[]}`: "invalid_request", `{"userinfo":{"email":true}}`: "invalid_request",
			strings.Repeat("[", 1500): "invalid_request",
			`{"id_token":{"acr":{"essential":true,"value":"urn:mace:incommon:iap:silver"}}}`:      "unmet_authentication_requirements",
			`{"id_token":{"acr":{"essential":true,"values":["phr"]},"email":{"essential":true}}}`: "unmet_authentication_requirements",
		} {
			a := asking(s.web, parameter)
			p := newBrowser(t, s.server).open(s.authorizeURL(a.query))
			p.wantErrorBack(t, s.issuer, code)
			if back := p.url.Query(); back.Get("state") != a.query.Get("state") {
				t.Errorf("%.50s: sent back with %s", parameter, p.url.RawQuery)
			} else {
				wantOwnWords(t, back.Get("error_description"))
			}
		}
		for _, parameter := range []string{`{"id_token":{"acr":{"values":["phr"]}}}`, `{"id_token":{"acr":{"essential":true,"values":["phr","1"]}}}`} {
			newBrowser(t, s.server).authorize(asking(s.web, parameter).query).wantCode(t)
		}
		// By POST, and at the length that a request may have.
		long := `{"userinfo":{` + strings.Repeat(`"name#x":null,`, 200) + `"email":null}}`
		form := asking(s.web, long).query
		r := s.request(http.MethodPost, "/oauth2/authorize", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if p := newBrowser(t, s.server).follow(r); p.status >= http.StatusInternalServerError {
			t.Errorf("status %d: %s", p.status, p.text)
		}
		twice := asking(s.web, "{}").query.Encode() + "&" + url.Values{"claims": {"{}"}}.Encode()
		newBrowser(t, s.server).open(s.url+"/oauth2/authorize?"+twice).wantErrorBack(t, s.issuer, "invalid_request")
	})
}
