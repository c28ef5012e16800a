package e2e

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestClientCredentialsGiveATokenWithTheClientsPermissions(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		before := time.Now().Add(-time.Second)
		a := s.post("/oauth2/token", s.reporting, clientCredentials())
		got := s.issued(t, a)
		if a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("Cache-Control is %q", a.header.Get("Cache-Control"))
		}
		if !strings.EqualFold(got.Type, "bearer") || got.Scope != "orders:read" || got.Refresh != "" {
			t.Errorf("got %+v", got)
		}
		if typ := joseHeader(t, got.Access)["typ"]; typ != "at+jwt" {
			t.Errorf("typ is %v", typ)
		}
		c := claims(t, got.Access)
		for name, want := range map[string]any{
			"iss": s.issuer, "sub": s.reporting.ID, "client_id": s.reporting.ID, "aud": ordersAPI, "scope": "orders:read",
			"roles": []any{"clerk"}, "entitlements": []any{"orders:read"},
		} {
			value := c[name]
			if list, ok := value.([]any); ok && name == "aud" && len(list) == 1 {
				value = list[0] // a string or a list of one (RFC 7519 §4.1.3)
			}
			if diff := cmp.Diff(want, value); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		iat, exp := seconds(c["iat"]), seconds(c["exp"])
		if iat.Before(before) || exp.Sub(iat) != time.Duration(got.ExpiresIn)*time.Second {
			t.Errorf("iat %v, exp %v, expires_in %d", iat, exp, got.ExpiresIn)
		}
		s.wantActive(t, s.orders, got.Access, true)

		t.Run("audience names the API as resource does", func(t *testing.T) {
			form := with(clientCredentials(), "resource", "", "audience", ordersAPI)
			s.issued(t, s.post("/oauth2/token", s.reporting, form))
		})
		t.Run("the secret may be in the body", func(t *testing.T) {
			form := with(clientCredentials(), "client_secret", s.reporting.Secret)
			s.issued(t, s.post("/oauth2/token", client{ID: s.reporting.ID}, form))
		})
		t.Run("every token has its own jti", func(t *testing.T) {
			if jti := claims(t, s.reportingToken(t))["jti"]; jti == c["jti"] {
				t.Errorf("the jti %v was given twice", jti)
			}
		})
		t.Run("a permission that no role gives is not in the token", func(t *testing.T) {
			form := with(clientCredentials(), "scope", "orders:read orders:write")
			access := s.issued(t, s.post("/oauth2/token", s.reporting, form)).Access
			if list, _ := claims(t, access)["entitlements"].([]any); slices.Contains(list, "orders:write") {
				t.Errorf("entitlements are %v", list)
			}
		})
	})
}

// seconds reads a NumericDate (RFC 7519 §2).
func seconds(claim any) time.Time {
	n, _ := claim.(float64)
	return time.Unix(int64(n), 0)
}

func TestTheTokenEndpointRefusesBadRequests(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		post := func(by client, form url.Values) answer { return s.post("/oauth2/token", by, form) }
		wrong := client{ID: s.reporting.ID, Secret: "wrong"}
		unknown := client{ID: "nobody", Secret: "wrong"}
		public := client{ID: s.app.ID}
		cases := []struct {
			name   string
			answer answer
			status int
			code   string
		}{
			{"wrong secret", post(wrong, clientCredentials()), 401, "invalid_client"},
			{"unknown client", post(unknown, clientCredentials()), 401, "invalid_client"},
			{"no credentials", post(client{}, clientCredentials()), 401, "invalid_client"},
			{"client_id without its secret", post(client{ID: s.reporting.ID}, clientCredentials()), 401, "invalid_client"},
			{"no grant type", post(s.reporting, with(clientCredentials(), "grant_type", "")), 400, "invalid_request"},
			{"unknown grant type", post(s.reporting, with(clientCredentials(), "grant_type", "password")), 400, "unsupported_grant_type"},
			{"grant type of others", post(s.web, clientCredentials()), 400, "unauthorized_client"},
			{"public client", post(public, clientCredentials()), 400, "unauthorized_client"},
			{"unknown scope", post(s.reporting, with(clientCredentials(), "scope", "orders:burn")), 400, "invalid_scope"},
			{"scope of another API", post(s.reporting, with(clientCredentials(), "scope", "invoices:read")), 400, "invalid_scope"},
			{"unknown API", post(s.reporting, with(clientCredentials(), "resource", "https://nowhere.example")), 400, "invalid_target"},
			{"API of others", post(s.reporting, with(clientCredentials(), "resource", invoicesAPI, "scope", "")), 400, "invalid_target"},
			{"unknown audience", post(s.reporting, with(clientCredentials(), "resource", "", "audience", "https://nowhere.example")), 400, "invalid_target"},
			{"two APIs at once", post(s.reporting, url.Values{
				"grant_type": {"client_credentials"}, "resource": {ordersAPI, invoicesAPI},
			}), 400, "invalid_target"},
			{"repeated parameter", post(s.reporting, url.Values{
				"grant_type": {"client_credentials"}, "scope": {"orders:read", "orders:read"}, "resource": {ordersAPI},
			}), 400, "invalid_request"},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				c.answer.wantError(t, c.status, c.code)
				if c.status == 401 && c.answer.header.Get("WWW-Authenticate") == "" {
					t.Error("no WWW-Authenticate")
				}
			})
		}
		t.Run("the answer is the same for an unknown client and a wrong secret", func(t *testing.T) {
			requestID := regexp.MustCompile(`"request_id":"[0-9a-f]+"`)
			said := func(by client) string {
				return requestID.ReplaceAllString(post(by, clientCredentials()).body, "")
			}
			if diff := cmp.Diff(said(wrong), said(unknown)); diff != "" {
				t.Error(diff)
			}
		})
	})
}

func TestTheTokenEndpointRefusesRequestsThatAreNotPlainForms(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		raw := func(contentType, target string, body []byte) answer {
			r := s.request(http.MethodPost, target, bytes.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			r.SetBasicAuth(s.reporting.ID, s.reporting.Secret)
			return do(r)
		}
		const formType = "application/x-www-form-urlencoded"
		plain := []byte(clientCredentials().Encode())
		s.issued(t, raw(formType, "/oauth2/token", plain)) // it is not this that is refused

		t.Run("a body over 64 KiB", func(t *testing.T) {
			padded := append(bytes.Clone(plain), "&padding="+strings.Repeat("x", 64<<10)...)
			a := raw(formType, "/oauth2/token", padded)
			if a.status != 400 && a.status != 413 {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			a.wantDiscreet(t)
		})
		t.Run("multipart", func(t *testing.T) {
			var body bytes.Buffer
			w := multipart.NewWriter(&body)
			for name, values := range clientCredentials() {
				_ = w.WriteField(name, values[0])
			}
			w.Close()
			a := raw(w.FormDataContentType(), "/oauth2/token", body.Bytes())
			if a.status != 400 && a.status != 415 {
				t.Errorf("status %d: %s", a.status, a.body)
			}
		})
		t.Run("JSON", func(t *testing.T) {
			a := raw("application/json", "/oauth2/token", []byte(`{"grant_type":"client_credentials"}`))
			if a.status != 400 && a.status != 415 {
				t.Errorf("status %d: %s", a.status, a.body)
			}
		})
		t.Run("no valid escapes", func(t *testing.T) {
			raw(formType, "/oauth2/token", []byte("grant_type=%zz")).wantError(t, 400, "invalid_request")
		})
		t.Run("credentials in the query", func(t *testing.T) {
			query := url.Values{"client_id": {s.reporting.ID}, "client_secret": {s.reporting.Secret}}.Encode()
			r := s.request(http.MethodPost, "/oauth2/token?"+query, bytes.NewReader(plain))
			r.Header.Set("Content-Type", formType)
			if a := do(r); a.status != 400 && a.status != 401 {
				t.Errorf("status %d: %s", a.status, a.body)
			}
		})
		t.Run("the whole request in the query", func(t *testing.T) {
			if a := raw(formType, "/oauth2/token?"+string(plain), nil); a.status != 400 {
				t.Errorf("status %d: %s", a.status, a.body)
			}
		})
		t.Run("GET", func(t *testing.T) {
			if a := s.get("/oauth2/token?"+string(plain), ""); a.status != 405 && a.status != 400 {
				t.Errorf("status %d: %s", a.status, a.body)
			}
		})
		t.Run("two ways to authenticate at once", func(t *testing.T) {
			form := with(clientCredentials(), "client_id", s.reporting.ID, "client_secret", s.reporting.Secret)
			a := raw(formType, "/oauth2/token", []byte(form.Encode()))
			if a.status != 400 && a.status != 401 {
				t.Errorf("status %d: %s", a.status, a.body)
			}
		})
	})
}

func TestManagementChangesShowInTheNextToken(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		s.makeBuyer()
		s.wantEntitlements(t, "orders:read")
		s.signet("assign", "buyer", "--client", s.reporting.ID)
		s.wantEntitlements(t, "orders:read", "orders:write")
		s.signet("unassign", "clerk", "--client", s.reporting.ID)
		s.wantEntitlements(t, "orders:write")
		s.signet("unassign", "buyer", "--client", s.reporting.ID)
		s.post("/oauth2/token", s.reporting, clientCredentials()).wantError(t, 400, "invalid_scope")
		s.signet("assign", "clerk", "--client", s.reporting.ID)
		s.wantEntitlements(t, "orders:read")
		s.signet("client", "disable", s.reporting.ID)
		s.post("/oauth2/token", s.reporting, clientCredentials()).wantError(t, 401, "invalid_client")
		s.signet("client", "enable", s.reporting.ID)
		s.wantEntitlements(t, "orders:read")
	})
}

// makeBuyer adds a role that may write orders.
func (s *shop) makeBuyer() {
	s.t.Helper()
	s.signet("role", "create", "buyer", "--grant", ordersAPI+"#orders:write")
}

// wantEntitlements fails unless the next token of reporting has exactly these.
func (s *shop) wantEntitlements(t *testing.T, want ...string) {
	t.Helper()
	form := with(clientCredentials(), "scope", "orders:read orders:write")
	got := s.issued(t, s.post("/oauth2/token", s.reporting, form))
	var entitlements []string
	list, _ := claims(t, got.Access)["entitlements"].([]any)
	for _, e := range list {
		entitlements = append(entitlements, e.(string))
	}
	slices.Sort(entitlements)
	if diff := cmp.Diff(want, entitlements); diff != "" {
		t.Errorf("entitlements: %s", diff)
	}
}

func TestRegistrationRefusesDangerousRedirectURIs(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		for _, uri := range []string{
			"javascript:alert(1)", "data:text/html,hello", "http://app.example/callback", "https://user@app.example/callback",
			"https://app.example/callback#fragment", "https://*.app.example/callback", "/callback", "https://127.0.0.1/callback",
		} {
			t.Run(uri, func(t *testing.T) {
				said := s.refused("client", "create", "bad", "--grant", "authorization_code", "--redirect-uri", uri)
				if !strings.Contains(said, "redirect URI") {
					t.Errorf("it says only %s", said)
				}
			})
		}
		s.createClient("good", "--grant", "authorization_code", "--redirect-uri", "https://app.example/callback")
	})
}
