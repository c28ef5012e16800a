package verify

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/statuslist"
)

const (
	issuerURL = "https://id.example"
	audience  = "https://orders.example"
	listURI   = issuerURL + "/statuslists/1"
)

type claims map[string]any

// issuer signs as Signet does, and answers from memory.
type issuer struct {
	b   testing.TB
	key *ecdsa.PrivateKey
}

func newIssuer(b testing.TB) *issuer {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	return &issuer{b, key}
}

// token is an access token of the usual size, with a place in the status list.
func (i *issuer) token() string {
	now := time.Now().Unix()
	return i.sign("at+jwt", claims{
		"iss": issuerURL, "aud": audience, "sub": "usr_mfzwizlt4zrxg5dfojuw4zzaorxxgzlo", "client_id": "shop", "jti": rand.Text(), "iat": now, "exp": now + 3600,
		"scope": "openid orders:read orders:write", "roles": []string{"clerk", "manager"}, "groups": []string{"sales", "emea"},
		"entitlements": []string{"orders:read", "orders:write"}, "auth_time": now - 100, "acr": "urn:signet:acr:password", "amr": []string{"pwd"},
		"status": claims{"status_list": claims{"idx": 4711, "uri": listURI}},
	})
}

func (i *issuer) sign(typ string, payload claims) string {
	signed := i.encode(claims{"alg": "ES256", "kid": "k1", "typ": typ}) + "." + i.encode(payload)
	hash := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, hash[:])
	if err != nil {
		i.b.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

func (i *issuer) encode(v claims) string {
	text, err := json.Marshal(v)
	if err != nil {
		i.b.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// RoundTrip implements http.RoundTripper.
func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	var err error
	switch r.URL.Path {
	case "/.well-known/oauth-authorization-server":
		body, err = json.Marshal(claims{"issuer": issuerURL, "jwks_uri": issuerURL + "/jwks"})
	case "/jwks":
		body, err = json.Marshal(i.jwks())
	default:
		var entries *statuslist.List
		if entries, err = statuslist.New(1, 1<<20); err == nil {
			now := time.Now().Unix()
			body = []byte(i.sign("statuslist+jwt", claims{
				"iss": issuerURL, "sub": listURI, "iat": now, "exp": now + 3600, "ttl": 600, "status_list": claims{"bits": 1, "lst": entries.Encode()},
			}))
		}
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, err
}

func (i *issuer) jwks() claims {
	point, err := i.key.PublicKey.Bytes()
	if err != nil {
		i.b.Fatal(err)
	}
	x, y := base64.RawURLEncoding.EncodeToString(point[1:33]), base64.RawURLEncoding.EncodeToString(point[33:])
	return claims{"keys": []claims{{"kty": "EC", "crv": "P-256", "kid": "k1", "alg": "ES256", "use": "sig", "x": x, "y": y}}}
}
