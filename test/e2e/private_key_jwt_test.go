package e2e

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/servicetest"
)

// asserted is a form with which a client authenticates by its key.
func (s *server) asserted(t *testing.T, key servicetest.Signer, clientID string, form url.Values) url.Values {
	t.Helper()
	now := time.Now().Unix()
	form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
	form.Set("client_assertion", key.Sign(t, map[string]any{
		"iss": clientID, "sub": clientID, "aud": s.issuer, "jti": rand.Text(), "iat": now, "exp": now + 60,
	}, nil))
	return form
}

func TestClientsThatRegisterThemselvesAuthenticateByTheirKeysAndMayChangeThem(t *testing.T) {
	t.Parallel()
	for name, open := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newDocumentHost(t, callback)
			s := openShop(t, open(t), append(h.env, "SIGNET_SELF_REGISTRATION_ENDPOINT=anybody")...)
			first, second, third := servicetest.NewSigner(t, "k1"), servicetest.NewSigner(t, "k2"), servicetest.NewSigner(t, "k2")
			h.keys.Store(servicetest.KeySet(first))
			signIn := func(app client) tokens {
				t.Helper()
				a := newAuthorization(app)
				code := s.code(t, a)
				s.post("/oauth2/token", app, a.exchange(code)).wantError(t, http.StatusUnauthorized, "invalid_client")
				return s.issued(t, s.post("/oauth2/token", client{}, s.asserted(t, first, app.ID, a.exchange(code))))
			}
			app := client{ID: h.URL + "/editor.json"}
			got := signIn(app)
			h.keys.Store(servicetest.KeySet(second))
			renew := func(app client, key servicetest.Signer, refreshToken string) answer {
				t.Helper()
				return s.post("/oauth2/token", client{}, s.asserted(t, key, app.ID, refresh(refreshToken)))
			}
			renew(app, third, got.Refresh).wantError(t, http.StatusUnauthorized, "invalid_client")
			got = s.issued(t, renew(app, second, got.Refresh))
			renew(app, first, got.Refresh).wantError(t, http.StatusUnauthorized, "invalid_client")

			described := map[string]any{
				"redirect_uris": []string{callback}, "grant_types": []string{"authorization_code", "refresh_token"},
				"token_endpoint_auth_method": "private_key_jwt", "jwks": json.RawMessage(servicetest.KeySet(first)),
			}
			made := decode[registered](t, s.metadata(http.MethodPost, "/oauth2/register", "", described).wantStatus(t, http.StatusCreated))
			s.secret(made.Token)
			if made.Secret != "" || made.Method != "private_key_jwt" || made.JWKS == nil {
				t.Errorf("registered %+v", made)
			}
			got = signIn(made.client)
			described["client_id"], described["jwks"] = made.ID, json.RawMessage(servicetest.KeySet(second))
			s.metadata(http.MethodPut, "/oauth2/register/"+made.ID, made.Token, described).wantStatus(t, http.StatusOK)
			renew(made.client, first, got.Refresh).wantError(t, http.StatusUnauthorized, "invalid_client")
			s.issued(t, renew(made.client, second, got.Refresh))
		})
	}
}

func TestAClientAuthenticatesByItsKeyAtEveryEndpoint(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		key := servicetest.NewSigner(t, "k1")
		published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(servicetest.KeySet(key))) }))
		defer published.Close()
		file := filepath.Join(t.TempDir(), "jwks.json")
		if err := os.WriteFile(file, []byte(servicetest.KeySet(key)), 0o600); err != nil {
			t.Fatal(err)
		}
		for id, flag := range map[string]string{"inline": "--jwks-file=" + file, "far": "--jwks-uri=" + published.URL} {
			made := s.createClient(id, "--grant", "client_credentials", "--api", ordersAPI, "--serves", ordersAPI, flag)
			if made.Secret != "" {
				t.Errorf("%s has a secret too", id)
			}
			s.signet("assign", "clerk", "--client", id)
			var got tokens
			a := s.post("/oauth2/token", client{}, s.asserted(t, key, id, url.Values{"grant_type": {"client_credentials"}})).wantStatus(t, 200)
			if err := json.Unmarshal([]byte(a.body), &got); err != nil {
				t.Fatal(err)
			}
			form := s.asserted(t, key, id, url.Values{"token": {got.Access}})
			if a := s.post("/oauth2/introspect", client{}, form).wantStatus(t, 200); !strings.Contains(a.body, `"active":true`) {
				t.Errorf("%s: %s", id, a.body)
			}
			if a := s.post("/oauth2/introspect", client{}, form); a.status != 401 {
				t.Errorf("%s: an assertion serves twice: %s", id, a.body)
			}
			s.post("/oauth2/revoke", client{}, s.asserted(t, key, id, url.Values{"token": {got.Access}})).wantStatus(t, 200)
			s.wantActive(t, s.orders, got.Access, false)
		}
		a := s.post("/oauth2/token", client{}, s.asserted(t, servicetest.NewSigner(t, "k1"), "inline", url.Values{"grant_type": {"client_credentials"}}))
		if a.status != 401 || !strings.Contains(a.body, "invalid_client") {
			t.Errorf("another key: %d %s", a.status, a.body)
		}
		if log := s.signet("audit", "list", "-o", "json"); !strings.Contains(log, "client.refuse_assertion") {
			t.Error("the audit log does not have it")
		}
		var metadata map[string]any
		if err := json.Unmarshal([]byte(s.get("/.well-known/oauth-authorization-server", "").wantStatus(t, 200).body), &metadata); err != nil {
			t.Fatal(err)
		}
		for _, endpoint := range []string{"token", "introspection", "revocation"} {
			methods, _ := metadata[endpoint+"_endpoint_auth_methods_supported"].([]any)
			algs, _ := metadata[endpoint+"_endpoint_auth_signing_alg_values_supported"].([]any)
			if !slices.Contains(methods, any("private_key_jwt")) || !slices.Contains(algs, any("PS256")) || slices.Contains(algs, any("none")) {
				t.Errorf("%s: methods %v, algorithms %v", endpoint, methods, algs)
			}
		}
	})
}
