// Package rstest mints access tokens for tests of services that use package resourceserver. Nothing of it needs a server or a network.
//
//	issuer := rstest.New(t, "https://orders.example")
//	service := NewService(issuer.Verifier)
//	request.Header.Set("Authorization", "Bearer "+issuer.Token(rstest.Claims{"scope": "orders:read"}))
package rstest

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/resourceserver"
)

// URL is the issuer of the tokens.
const URL = "https://issuer.test"

const (
	keyID    = "rstest"
	receiver = "rstest"
)

// Claims are claims of a token by their names in it, as encoding/json writes them. nil leaves one out.
type Claims map[string]any

// Issuer mints tokens for one audience, and revokes them.
type Issuer struct {
	// Verifier accepts the tokens. It is closed with the test.
	Verifier *resourceserver.Verifier

	tb       testing.TB
	audience string
	bearer   string
	private  *ecdsa.PrivateKey
	ids      atomic.Int64
	inside   sync.Map // the signed token in each that is encrypted
}

// New makes an issuer with a key of its own, and a Verifier of its tokens, with the options that the service has: all but those that are for
// another HTTP client or for security events.
func New(tb testing.TB, audience string, options ...resourceserver.Option) *Issuer {
	tb.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	i := &Issuer{tb: tb, audience: audience, bearer: rand.Text(), private: private}
	options = append(options, resourceserver.WithHTTPClient(&http.Client{Transport: transport(i.answer)}), resourceserver.WithPushedEvents(receiver, i.bearer))
	if i.Verifier, err = resourceserver.New(URL, audience, options...); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(i.Verifier.Close)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := i.Verifier.Ready(ctx); err != nil {
		tb.Fatal(err)
	}
	return i
}

// Token mints a token that the Verifier accepts for ten minutes, of the user alice at the client app, without scopes. The claims are added to its
// own, or replace them.
func (i *Issuer) Token(claims Claims) string {
	i.tb.Helper()
	return i.sign("at+jwt", i.claims(claims))
}

// claims are those of a token.
func (i *Issuer) claims(changes Claims) Claims {
	now := time.Now().Unix()
	all := Claims{
		"iss": URL, "aud": i.audience, "sub": "alice", "client_id": "app", "jti": fmt.Sprint(i.ids.Add(1)), "iat": now, "exp": now + 600, "auth_time": now,
	}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}

// Revoke revokes a token: the Verifier refuses it when Revoke returns.
func (i *Issuer) Revoke(token string) {
	i.tb.Helper()
	var claims struct {
		ID string `json:"jti"`
	}
	if inside, ok := i.inside.Load(token); ok {
		token = inside.(string)
	}
	parts := strings.Split(token, ".")
	payload, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil || claims.ID == "" {
		i.tb.Fatal("rstest: only a token that has a jti can be revoked")
	}
	now := time.Now().Unix()
	event := i.sign("secevent+jwt", Claims{
		"iss": URL, "aud": receiver, "jti": rand.Text(), "iat": now,
		"sub_id": Claims{"format": "jwt_id", "iss": URL, "jti": claims.ID},
		"events": Claims{"https://schemas.openid.net/secevent/caep/event-type/session-revoked": Claims{"event_timestamp": now}},
	})
	push := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(event))
	push.Header.Set("Content-Type", "application/secevent+jwt")
	push.Header.Set("Authorization", "Bearer "+i.bearer)
	w := httptest.NewRecorder()
	if i.Verifier.EventHandler().ServeHTTP(w, push); w.Code != http.StatusAccepted {
		i.tb.Fatalf("rstest: the revocation was answered %d %s", w.Code, w.Body)
	}
}

// sign makes a compact JWS by ES256 (RFC 7515 §7.1, RFC 7518 §3.4).
func (i *Issuer) sign(typ string, claims Claims) string {
	i.tb.Helper()
	var parts []string
	for _, part := range []Claims{{"alg": "ES256", "kid": keyID, "typ": typ}, claims} {
		text, err := json.Marshal(part)
		if err != nil {
			i.tb.Fatal(err)
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	signed := strings.Join(parts, ".")
	hash := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.private, hash[:])
	if err != nil {
		i.tb.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// transport is an http.RoundTripper without a network.
type transport func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// answer answers as the issuer.
func (i *Issuer) answer(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	switch r.URL.Path {
	case "/.well-known/oauth-authorization-server":
		i.write(w, Claims{"issuer": URL, "jwks_uri": URL + "/jwks"})
	case "/jwks":
		point, err := i.private.PublicKey.Bytes()
		if err != nil {
			return nil, err
		}
		x, y := base64.RawURLEncoding.EncodeToString(point[1:33]), base64.RawURLEncoding.EncodeToString(point[33:])
		i.write(w, Claims{"keys": []Claims{{"kty": "EC", "crv": "P-256", "kid": keyID, "alg": "ES256", "use": "sig", "x": x, "y": y}}})
	default:
		http.NotFound(w, r)
	}
	return w.Result(), nil
}

func (i *Issuer) write(w http.ResponseWriter, document Claims) {
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(document); err != nil {
		panic(err) // our own types
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(body.Bytes()) //nolint:errcheck // memory does not fail
}
