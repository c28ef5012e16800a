package resourceserver_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signet-auth/signet/internal/statuslist"
	"github.com/signet-auth/signet/resourceserver"
)

const (
	issuerURL = "https://id.example"
	audience  = "https://orders.example"
	metadata  = "/.well-known/oauth-authorization-server"
	jwks      = "/jwks"
	listPath  = "/statuslists/1"
	listURI   = issuerURL + listPath
)

type claims map[string]any

// issuer is an authorization server that answers as a test wants it to, without a network.
type issuer struct {
	t *testing.T

	mu       sync.Mutex
	keys     map[string]crypto.Signer // published, by kid
	answers  map[string]http.HandlerFunc
	requests map[string]int
	tags     map[string][]string // If-None-Match of requests
	agents   map[string]bool
	revoked  []int // of the status list
	ttl      int
}

// The keys of all tests: making one of RSA takes a while.
var (
	ecKey  = sync.OnceValue(func() crypto.Signer { k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader); return k })
	otherK = sync.OnceValue(func() crypto.Signer { k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader); return k })
	rsaKey = sync.OnceValue(func() crypto.Signer { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k })
	edKey  = sync.OnceValue(func() crypto.Signer { _, k, _ := ed25519.GenerateKey(rand.Reader); return k })
	edKey2 = sync.OnceValue(func() crypto.Signer { _, k, _ := ed25519.GenerateKey(rand.Reader); return k })
)

func newIssuer(t *testing.T) *issuer {
	i := &issuer{
		t: t, keys: map[string]crypto.Signer{"ec": ecKey(), "ed": edKey(), "rsa": rsaKey()}, requests: map[string]int{}, tags: map[string][]string{},
		agents: map[string]bool{}, ttl: 10,
	}
	i.answers = map[string]http.HandlerFunc{
		metadata: func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, issuerURL, issuerURL+jwks)
		},
		jwks:     i.serveKeys,
		listPath: i.serveList,
	}
	return i
}

// verifier makes a verifier of the issuer, which is closed with the test's bubble.
func (i *issuer) verifier(options ...resourceserver.Option) *resourceserver.Verifier {
	i.t.Helper()
	v, err := resourceserver.New(issuerURL, audience, append([]resourceserver.Option{resourceserver.WithHTTPClient(&http.Client{Transport: i})}, options...)...)
	check(i.t, err)
	i.t.Cleanup(v.Close)
	return v
}

// ready is verifier, once it has keys.
func (i *issuer) ready(options ...resourceserver.Option) *resourceserver.Verifier {
	i.t.Helper()
	v := i.verifier(options...)
	check(i.t, v.Ready(i.t.Context()))
	return v
}

// RoundTrip implements http.RoundTripper. It ends with the request's context, as a connection does.
func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	path := r.URL.Path
	if r.URL.Scheme+"://"+r.URL.Host != issuerURL {
		path = r.URL.String()
	}
	i.mu.Lock()
	i.requests[path]++
	i.tags[path] = append(i.tags[path], r.Header.Get("If-None-Match"))
	i.agents[r.UserAgent()] = true
	answer := i.answers[path]
	i.mu.Unlock()
	if answer == nil {
		answer = http.NotFound
	}
	w := httptest.NewRecorder()
	answer(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// answer makes the issuer answer differently from now on.
func (i *issuer) answer(path string, how http.HandlerFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answers[path] = how
}

func (i *issuer) count(path string) int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.requests[path]
}

func (i *issuer) setKeys(keys map[string]crypto.Signer) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = keys
}

func (i *issuer) serveKeys(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	all := []claims{}
	for kid, key := range i.keys {
		all = append(all, jwk(kid, key))
	}
	i.mu.Unlock()
	body, err := json.Marshal(claims{"keys": all})
	check(i.t, err)
	serve(w, r, "max-age=60", fmt.Sprintf(`"%d-%x"`, len(all), sha256.Sum256([]byte(fmt.Sprint(len(all))))), body)
}

func serve(w http.ResponseWriter, r *http.Request, control, tag string, body []byte) {
	w.Header().Set("Cache-Control", control)
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(body)
}

func (i *issuer) serveList(w http.ResponseWriter, _ *http.Request) {
	w.Write([]byte(i.sign("ec", "statuslist+jwt", i.list(nil))))
}

// list are the claims of the status list, changed as given.
func (i *issuer) list(changes claims) claims {
	i.mu.Lock()
	defer i.mu.Unlock()
	entries, err := statuslist.New(1, 64)
	check(i.t, err)
	for _, index := range i.revoked {
		check(i.t, entries.Set(index, 1))
	}
	now := time.Now().Unix()
	return merged(claims{
		"iss": issuerURL, "sub": listURI, "iat": now, "exp": now + 10*int64(i.ttl), "ttl": i.ttl,
		"status_list": claims{"bits": 1, "lst": entries.Encode()},
	}, changes)
}

func (i *issuer) revoke(indexes ...int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.revoked = append(i.revoked, indexes...)
}

// merged replaces claims by changes; nil removes one.
func merged(all, changes claims) claims {
	all = maps.Clone(all)
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, v any) bool { return v == nil })
	return all
}

// access are the claims of an access token, changed as given.
func access(changes claims) claims {
	now := time.Now().Unix()
	return merged(claims{
		"iss": issuerURL, "aud": audience, "sub": "usr_alice", "client_id": "shop", "jti": rand.Text(), "iat": now, "exp": now + 600,
		"scope": "openid orders:read", "roles": []string{"clerk"}, "groups": []string{"sales"}, "entitlements": []string{"orders:read"},
		"auth_time": now - 100, "acr": "pwd", "amr": []string{"pwd"},
	}, changes)
}

// at is the claim of a token that has an index in the status list.
func at(index int) claims { return atList(index, listURI) }

func atList(index int, uri string) claims {
	return claims{"status": claims{"status_list": claims{"idx": index, "uri": uri}}}
}

// token mints an access token by ES256.
func (i *issuer) token(changes claims) string {
	i.t.Helper()
	return i.sign("ec", "at+jwt", access(changes))
}

// sign signs with the key of a kid, whether it is published or not.
func (i *issuer) sign(kid, typ string, payload any) string {
	i.t.Helper()
	key := map[string]func() crypto.Signer{"ec": ecKey, "ed": edKey, "rsa": rsaKey, "other": otherK}[kid]()
	return sign(i.t, key, claims{"alg": alg(key), "kid": kid, "typ": typ}, payload)
}

func alg(key crypto.Signer) string {
	switch key.(type) {
	case *ecdsa.PrivateKey:
		return "ES256"
	case *rsa.PrivateKey:
		return "RS256"
	default:
		return "EdDSA"
	}
}

// sign makes a compact JWS. A payload that is text is signed as it is.
func sign(t *testing.T, key crypto.Signer, header claims, payload any) string {
	t.Helper()
	head, err := json.Marshal(header)
	check(t, err)
	body, isText := payload.(string)
	if !isText {
		encoded, err := json.Marshal(payload)
		check(t, err)
		body = string(encoded)
	}
	signed := encode(head) + "." + encode([]byte(body))
	return signed + "." + encode(signature(t, key, signed))
}

func signature(t *testing.T, key crypto.Signer, signed string) []byte {
	t.Helper()
	hash := sha256.Sum256([]byte(signed))
	switch key := key.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, key, hash[:])
		check(t, err)
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case *rsa.PrivateKey:
		made, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, hash[:])
		check(t, err)
		return made
	default:
		return ed25519.Sign(key.(ed25519.PrivateKey), []byte(signed))
	}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// jwk is the public half of a key.
func jwk(kid string, key crypto.Signer) claims {
	switch public := key.Public().(type) {
	case *ecdsa.PublicKey:
		point, _ := public.Bytes()
		return claims{"kty": "EC", "crv": "P-256", "kid": kid, "use": "sig", "alg": "ES256", "x": encode(point[1:33]), "y": encode(point[33:])}
	case *rsa.PublicKey:
		return claims{"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": encode(public.N.Bytes()), "e": encode(big.NewInt(int64(public.E)).Bytes())}
	default:
		return claims{"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "alg": "EdDSA", "x": encode(public.(ed25519.PublicKey))}
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bubble runs a test in which time passes only while everything waits.
func bubble(t *testing.T, test func(*testing.T, *issuer)) {
	t.Helper()
	for _, make := range []func() crypto.Signer{ecKey, otherK, rsaKey, edKey, edKey2} {
		make() // outside, where they stay
	}
	synctest.Test(t, func(t *testing.T) { test(t, newIssuer(t)) })
}

// wantAccepted fails unless the token is accepted.
func wantAccepted(t *testing.T, v *resourceserver.Verifier, token string) *resourceserver.Claims {
	t.Helper()
	c, err := v.Verify(t.Context(), token)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return c
}

// wantRefused fails unless the token is refused so, with words that say why.
func wantRefused(t *testing.T, v *resourceserver.Verifier, token string, want error, words string) {
	t.Helper()
	c, err := v.Verify(t.Context(), token)
	if !errors.Is(err, want) || c != nil || !strings.Contains(fmt.Sprint(err), words) {
		t.Errorf("%v, want %v with %q", err, want, words)
	}
}
