package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
)

func TestIntrospectionAnswersTheServiceThatATokenIsForAndItsClient(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		token := s.reportingToken(t)
		got := decode[map[string]any](t, s.introspect(s.orders, token).wantStatus(t, 200))
		payload := claims(t, token)
		for _, name := range []string{"iss", "sub", "client_id", "jti", "iat", "exp", "scope"} {
			if got[name] == nil || got[name] != payload[name] {
				t.Errorf("%s is %v, in the token %v", name, got[name], payload[name])
			}
		}
		s.wantActive(t, s.invoices, token, false)
		own := decode[map[string]any](t, s.introspect(s.reporting, token).wantStatus(t, 200))
		if own["active"] != true || own["jti"] != payload["jti"] || own["scope"] != payload["scope"] || payload["entitlements"] == nil || own["entitlements"] != nil || own["roles"] != nil {
			t.Errorf("to the client that it was issued to: %v, in the token %v", own, payload)
		}
		s.introspect(client{}, token).wantError(t, 401, "invalid_client")
		s.introspect(client{ID: s.orders.ID, Secret: "wrong"}, token).wantError(t, 401, "invalid_client")
		s.introspect(client{ID: s.app.ID}, token).wantStatus(t, 401)
		s.post("/oauth2/introspect", s.orders, url.Values{}).wantError(t, 400, "invalid_request")
		if a := s.post("/introspect", s.orders, url.Values{"token": {token}}); a.status != 200 {
			t.Errorf("the short alias answers %d", a.status)
		}
	})
}

func TestForgedTokensAreInactiveAndOpenNothing(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		mine := s.signIn(t, s.web)
		s.get("/oauth2/userinfo", mine.Access).wantStatus(t, 200)
		head, rest, _ := strings.Cut(mine.Access, ".")
		payload, signature, _ := strings.Cut(rest, ".")
		tampered := encodeJSON(t, changed(claims(t, mine.Access), "sub", "usr_someoneelse"))
		none := encodeJSON(t, map[string]any{"alg": "none", "typ": "at+jwt"})
		for name, token := range map[string]string{
			"alg none, no signature":       none + "." + payload + ".",
			"alg none, the old signature":  none + "." + payload + "." + signature,
			"no signature":                 head + "." + payload + ".",
			"claims changed":               head + "." + tampered + "." + signature,
			"signature of another token":   head + "." + payload + "." + signatureOf(s.reportingToken(t)),
			"signed with a key of our own": signed(t, joseHeader(t, mine.Access), claims(t, mine.Access)),
			"an ID token":                  mine.ID,
			"encrypted by nobody":          encodeJSON(t, map[string]any{"alg": "ECDH-ES", "enc": "A256GCM", "typ": "at+jwt", "cty": "JWT", "signet_key": strings.Repeat("A", 86)}) + "..AAAAAAAAAAAAAAAA.AAAA." + strings.Repeat("A", 22),
			"a header of large numbers":    encodeJSON(t, map[string]any{"alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "p2c": 1 << 62, "zip": "DEF"}) + ".AAAA.AAAAAAAAAAAAAAAA.AAAA." + strings.Repeat("A", 22),
			"a refresh token":              mine.Refresh,
			"not a token":                  "not a token",
			"dots":                         "..",
			"very long":                    strings.Repeat("a", 20_000),
			"quotes":                       "'\"; DROP TABLE issued_tokens; --",
		} {
			t.Run(name, func(t *testing.T) {
				s.wantActive(t, s.orders, token, false)
				a := s.get("/oauth2/userinfo", token).wantStatus(t, 401)
				if !strings.Contains(a.header.Get("WWW-Authenticate"), "invalid_token") {
					t.Errorf("WWW-Authenticate is %q", a.header.Get("WWW-Authenticate"))
				}
				a.wantDiscreet(t)
			})
		}
		t.Run("a client's own token at userinfo", func(t *testing.T) {
			if a := s.get("/oauth2/userinfo", s.reportingToken(t)); a.status != 401 && a.status != 403 {
				t.Errorf("status %d", a.status)
			}
		})
		t.Run("no token at userinfo", func(t *testing.T) {
			s.get("/oauth2/userinfo", "").wantStatus(t, 401)
		})
	})
}

func signatureOf(token string) string { return token[strings.LastIndex(token, ".")+1:] }

func changed(c map[string]any, name string, value any) map[string]any {
	c[name] = value
	return c
}

func encodeJSON(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// signed signs claims with a fresh key that claims to be the one the header names.
func signed(t *testing.T, header, payload map[string]any) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signedWith(t, key, header, payload)
}

// signedWith is a JWT that a key has signed.
func signedWith(t *testing.T, key *ecdsa.PrivateKey, header, payload map[string]any) string {
	t.Helper()
	headers := jws.NewHeaders()
	for name, value := range header {
		if name == jws.AlgorithmKey {
			continue // the key's
		}
		if err := headers.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jws.Sign(raw, jws.WithKey(jwa.ES256, key, jws.WithProtectedHeaders(headers)))
	if err != nil {
		t.Fatal(err)
	}
	return string(token)
}

func TestTokensOfAnAPIThatIsKeptFromUserinfoDoNotOpenIt(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		user := s.signIn(t, s.web)
		s.get("/oauth2/userinfo", user.Access).wantStatus(t, 200)
		s.signet("api", "update", ordersAPI, "--no-userinfo")
		s.get("/oauth2/userinfo", user.Access).wantStatus(t, 403)
		s.wantActive(t, s.orders, user.Access, true)
		s.get("/oauth2/userinfo", s.issued(t, s.post("/oauth2/token", s.web, refresh(user.Refresh))).Access).wantStatus(t, 403)
		s.signet("api", "update", ordersAPI, "--no-userinfo=false")
		s.get("/oauth2/userinfo", user.Access).wantStatus(t, 200)
	})
}
