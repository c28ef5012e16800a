package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/signet-auth/signet/resourceserver"
)

// decryptionKeys are keys of a service, the elliptic one first, and the same as private JWKs.
func decryptionKeys(t *testing.T) (keys []resourceserver.DecryptionKey, jwks []any) {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	keys = []resourceserver.DecryptionKey{{ID: "ec", Private: ec}, {ID: "rsa", Private: large}}
	for _, key := range keys {
		made, err := jwk.FromRaw(key.Private)
		check(t, err)
		check(t, made.Set("kid", key.ID))
		check(t, made.Set("alg", map[string]string{"ec": "ECDH-ES", "rsa": "RSA-OAEP-256"}[key.ID]))
		jwks = append(jwks, made)
	}
	return keys, jwks
}

// keySetFile writes the public halves of keys into a file.
func keySetFile(t *testing.T, keys ...resourceserver.DecryptionKey) string {
	t.Helper()
	set, err := resourceserver.EncryptionKeys(keys...)
	check(t, err)
	file := filepath.Join(t.TempDir(), "keys.json")
	check(t, os.WriteFile(file, set, 0o600))
	return file
}

// service is what an API verifies tokens with.
func (s *shop) service(t *testing.T, options ...resourceserver.Option) *resourceserver.Verifier {
	t.Helper()
	v, err := resourceserver.New(s.issuer, ordersAPI, options...)
	check(t, err)
	t.Cleanup(v.Close)
	check(t, v.Ready(t.Context()))
	return v
}

func TestEncryptedTokensAreReadByTheirAPIAlone(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t), "SIGNET_TOKENS_STATUS_TTL=1s")
	keys, private := decryptionKeys(t)
	signed := s.reportingToken(t)
	service := s.service(t, resourceserver.WithDecryption(keys...))
	jose := runScript(t, "jose-encrypted.js", map[string]any{"issuer": s.issuer, "audience": ordersAPI, "keys": private})
	refused := func(token, words string) {
		t.Helper()
		if _, err := service.Verify(t.Context(), token); !errors.Is(err, resourceserver.ErrInvalidToken) || !strings.Contains(err.Error(), words) {
			t.Errorf("%v, want %q", err, words)
		}
	}
	refused(signed, "not encrypted")
	const order = `{"type":"orders","id":"1"}`
	pdp := newPDP(t, s, ordersPolicy+`
- {name: told, effect: allow, actions: [see], resources: [orders], roles: [clerk], when: 'subject.claims.diagnosis == "secret"'}
`)
	decides := func(allowed bool, token, action string) {
		t.Helper()
		pdp.wants(t, allowed, `{"type":"access_token","id":"`+token+`"}`, action, order)
	}

	for _, ordered := range [][]resourceserver.DecryptionKey{keys, {keys[1], keys[0]}} { // the first key counts
		s.signet("api", "update", ordersAPI, "--encryption-jwks-file", keySetFile(t, ordered...))
		got := s.signIn(t, s.web)
		header := joseHeader(t, got.Access)
		if strings.Count(got.Access, ".") != 4 || header["kid"] != ordered[0].ID || header["typ"] != "at+jwt" || header["cty"] != "JWT" {
			t.Fatalf("it is encrypted with %v", header)
		}
		claims, err := service.Verify(t.Context(), got.Access)
		check(t, err)
		jose.writeLine(got.Access)
		var read struct {
			Inside  string
			Payload map[string]any
		}
		check(t, json.Unmarshal([]byte(jose.readLine()), &read))
		if read.Payload["jti"] != claims.ID || claims.ClientID != s.web.ID {
			t.Errorf("jose reads %v, the service %+v", read.Payload, claims)
		}
		for range keys {
			again := jose.readLine()
			if same, err := service.Verify(t.Context(), again); err != nil || same.ID != claims.ID {
				t.Errorf("encrypted by jose: %v", err)
			}
			s.wantActive(t, s.orders, again, false) // it was not issued
		}
		for _, presented := range []string{got.Access, read.Inside} {
			said := decode[map[string]any](t, s.introspect(s.orders, presented).wantStatus(t, 200))
			if said["active"] != true || said["jti"] != claims.ID || said["scope"] != read.Payload["scope"] {
				t.Errorf("introspection answers %v", said)
			}
			s.wantActive(t, s.web, presented, true)
			s.wantActive(t, s.invoices, presented, false)
		}
		if about := s.userinfo(t, got.Access); about["sub"] != claims.Subject {
			t.Errorf("userinfo answers %v", about)
		}
		if shown := s.signet("token", "inspect", got.Access); !strings.Contains(shown, "ACTIVE") || !strings.Contains(shown, "encrypted to its API") || !strings.Contains(shown, claims.ID) {
			t.Errorf("it is inspected as %s", shown)
		}
		other := strings.Split(s.signIn(t, s.web).Access, ".")
		for i := range other {
			if parts := strings.Split(got.Access, "."); parts[i] != other[i] {
				mixed := strings.Join(slices.Replace(parts, i, i+1, other[i]), ".")
				refused(mixed, "decrypted")
				s.wantActive(t, s.orders, mixed, false)
				decides(false, mixed, "read")
			}
		}
		decides(true, got.Access, "read")
		decides(false, got.Access, "see")
		s.revoke(t, s.web, got.Access)
		decides(false, got.Access, "read")
		s.wantActive(t, s.orders, got.Access, false)
		s.wantActive(t, s.orders, read.Inside, false)
		await(t, "the service refuses it", func() bool {
			_, err := service.Verify(t.Context(), got.Access)
			return errors.Is(err, resourceserver.ErrRevoked)
		})
	}

	if made := s.signet("token", "preview", "--client", s.reporting.ID); !strings.Contains(made, "encrypted as a whole") {
		t.Errorf("the preview says %s", made)
	}
	published := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		set, err := resourceserver.EncryptionKeys(keys[0])
		if check(t, err); r.URL.Path == "/keys" {
			w.Write(set)
			return
		}
		http.NotFound(w, r)
	}))
	t.Cleanup(published.Close)
	s.signet("api", "update", ordersAPI, "--encryption-jwks-uri", published.URL+"/none")
	s.post("/oauth2/token", s.reporting, clientCredentials()).wantError(t, http.StatusServiceUnavailable, "temporarily_unavailable")
	s.signet("api", "update", ordersAPI, "--encryption-jwks-uri", published.URL+"/keys")
	if header := joseHeader(t, s.reportingToken(t)); header["kid"] != "ec" {
		t.Errorf("with a published key it is encrypted with %v", header)
	}

	s.signet("api", "update", ordersAPI, "--claim", `diagnosis="secret"`, "--encrypt-claim", "diagnosis", "--encrypt-claim", "roles")
	token := s.reportingToken(t)
	if in := claims(t, token); in["roles"] != nil || in["diagnosis"] != nil || in["encrypted_claims"] == nil {
		t.Errorf("in clear it says %v", in)
	}
	read, err := s.service(t, resourceserver.WithDecryption(keys...), resourceserver.WithSignedTokens()).Verify(t.Context(), token)
	check(t, err)
	if read.All()["diagnosis"] != "secret" || !slices.Equal(read.Roles, []string{"clerk"}) {
		t.Errorf("the service reads %v", read.All())
	}
	if said := decode[map[string]any](t, s.introspect(s.orders, token).wantStatus(t, 200)); said["active"] != true || said["diagnosis"] != nil || said["encrypted_claims"] != nil || said["roles"] != nil {
		t.Errorf("introspection answers %v", said)
	}
	decides(true, token, "see")
	s.signet("api", "update", ordersAPI, "--no-encryption")
	if in := claims(t, s.reportingToken(t)); in["diagnosis"] != "secret" || in["encrypted_claims"] != nil {
		t.Errorf("without encryption it says %v", in)
	}
}
