package e2e

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/servicetest"
)

func TestAWorkloadGetsATokenWithoutASecret(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		key := servicetest.NewSigner(t, "i1")
		var platform *httptest.Server
		platform = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/keys" {
				fmt.Fprint(w, servicetest.KeySet(key))
				return
			}
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, platform.URL, platform.URL+"/keys")
		}))
		defer platform.Close()
		if made := s.createClient("deploy", "--no-secret", "--grant", "client_credentials", "--api", ordersAPI, "--serves", ordersAPI); made.Secret != "" {
			t.Error("it has a secret")
		}
		s.signet("assign", "clerk", "--client", "deploy")
		s.signet("client", "trust", "add", "deploy", "--issuer", platform.URL, "--subject", "repo:octo-org/shop:**", "--claim", "environment=production")
		jwt := func(subject string) string {
			now := time.Now().Unix()
			return key.Sign(t, map[string]any{
				"iss": platform.URL, "sub": subject, "aud": s.issuer, "iat": now, "exp": now + 300, "jti": rand.Text(), "environment": "production",
			}, nil)
		}
		form := func(subject string, pairs ...string) url.Values {
			values := url.Values{
				"client_id": {"deploy"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {jwt(subject)},
			}
			for i := 0; i < len(pairs); i += 2 {
				values.Set(pairs[i], pairs[i+1])
			}
			return values
		}
		const main = "repo:octo-org/shop:ref:refs/heads/main"
		var got tokens
		a := s.post("/oauth2/token", client{}, form(main, "grant_type", "client_credentials")).wantStatus(t, 200)
		if err := json.Unmarshal([]byte(a.body), &got); err != nil {
			t.Fatal(err)
		}
		if a := s.post("/oauth2/introspect", client{}, form(main, "token", got.Access)).wantStatus(t, 200); !strings.Contains(a.body, `"sub":"deploy"`) {
			t.Error(a.body)
		}
		const grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
		bearer := url.Values{"grant_type": {grant}, "client_id": {"deploy"}, "assertion": {jwt(main)}}
		s.post("/oauth2/token", client{}, bearer).wantError(t, 400, "unauthorized_client")
		s.signet("client", "update", "deploy", "--grant", grant)
		bearer.Set("assertion", jwt(main))
		a = s.post("/oauth2/token", client{}, bearer).wantStatus(t, 200)
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || strings.Contains(a.body, "refresh_token") {
			t.Fatal(err, a.body)
		}
		s.wantActive(t, s.orders, got.Access, true)
		s.post("/oauth2/token", client{}, bearer).wantError(t, 400, "invalid_grant") // again
		for what, value := range map[string]string{"another subject": jwt("repo:evil/shop:x"), "no JWT": "x", "NUL": "\x00", "nothing": ""} {
			bearer.Set("assertion", value)
			if a := s.post("/oauth2/token", client{}, bearer); a.status != 400 {
				t.Errorf("%s: %d %s", what, a.status, a.body)
			}
		}
		bearer.Set("assertion", jwt(main))
		s.post("/oauth2/token", client{ID: "deploy", Secret: "x"}, bearer).wantError(t, 400, "invalid_request")
		a = s.post("/oauth2/token", client{}, form("repo:octo-org/other:ref:refs/heads/main", "grant_type", "client_credentials"))
		a.wantError(t, 401, "invalid_client")
		if log := s.signet("audit", "list", "-o", "json"); !strings.Contains(log, "its sub is not one that the client trusts") {
			t.Error("the audit log does not say why")
		}
		s.signet("client", "trust", "remove", "deploy", "1")
		s.post("/oauth2/token", client{}, form(main, "grant_type", "client_credentials")).wantError(t, 401, "invalid_client")
	})
}
