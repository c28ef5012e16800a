// Package verify measures verifying an access token by resourceserver beside others, each used as its documentation says.
package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	golangjwt "github.com/golang-jwt/jwt/v5"
	"github.com/lestrrat-go/jwx/v2/jwk"
	jwx "github.com/lestrrat-go/jwx/v2/jwt"

	"github.com/signet-auth/signet/resourceserver"
)

// own are the claims that a service reads, for libraries that read them into a struct.
type own struct {
	golangjwt.RegisteredClaims
	ClientID     string   `json:"client_id"`
	Scope        string   `json:"scope"`
	Roles        []string `json:"roles"`
	Groups       []string `json:"groups"`
	Entitlements []string `json:"entitlements"`
}

// candidates are what verifies, the signature alone first.
var candidates = []struct {
	name string
	make func(b *testing.B, i *issuer, token string) func() error
}{
	{"ecdsa.Verify", bare},
	{"fresh", func(b *testing.B, i *issuer, token string) func() error {
		return ours(b, i, token, resourceserver.WithCache(0))
	}},
	{"seen", func(b *testing.B, i *issuer, token string) func() error { return ours(b, i, token) }},
	{"golang-jwt", byGolangJWT},
	{"go-oidc", byOIDC},
	{"jwx", byJWX},
}

// BenchmarkVerify measures each by itself.
func BenchmarkVerify(b *testing.B) {
	issuer := newIssuer(b)
	token := issuer.token()
	for _, one := range candidates {
		b.Run(one.name, func(b *testing.B) {
			verify := one.make(b, issuer, token)
			b.ReportAllocs()
			for b.Loop() {
				if err := verify(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRatios lets all take turns, so that a machine which is busy is as busy for each, and reports medians: in nanoseconds, and as
// many times that of the signature alone.
func BenchmarkRatios(b *testing.B) {
	issuer := newIssuer(b)
	token := issuer.token()
	verify := make([]func() error, len(candidates))
	took := make([][]time.Duration, len(candidates))
	for n, one := range candidates {
		verify[n] = one.make(b, issuer, token)
	}
	for b.Loop() {
		for n := range candidates {
			began := time.Now()
			err := verify[n]()
			took[n] = append(took[n], time.Since(began))
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	median := func(n int) float64 {
		slices.Sort(took[n])
		return float64(took[n][len(took[n])/2])
	}
	b.ReportMetric(0, "ns/op") // of all together: says nothing
	for n, one := range candidates {
		b.ReportMetric(median(n), "ns:"+one.name)
		b.ReportMetric(median(n)/median(0), "x:"+one.name)
	}
}

// bare is the signature alone, hashed and decoded before.
func bare(b *testing.B, i *issuer, token string) func() error {
	end := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[end+1:])
	if err != nil {
		b.Fatal(err)
	}
	hash := sha256.Sum256([]byte(token[:end]))
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	return func() error {
		if !ecdsa.Verify(&i.key.PublicKey, hash[:], r, s) {
			return fmt.Errorf("not verified")
		}
		return nil
	}
}

func ours(b *testing.B, i *issuer, token string, options ...resourceserver.Option) func() error {
	v, err := resourceserver.New(issuerURL, audience, append(options, resourceserver.WithHTTPClient(&http.Client{Transport: i}))...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(v.Close)
	if err := v.Ready(b.Context()); err != nil {
		b.Fatal(err)
	}
	ctx := b.Context()
	verify := func() error {
		_, err := v.Verify(ctx, token)
		return err
	}
	if err := verify(); err != nil { // fetches the status list
		b.Fatal(err)
	}
	return verify
}

func byGolangJWT(_ *testing.B, i *issuer, token string) func() error {
	keyFunc := func(t *golangjwt.Token) (any, error) {
		if t.Header["kid"] != "k1" || t.Header["typ"] != "at+jwt" {
			return nil, fmt.Errorf("another key or type")
		}
		return &i.key.PublicKey, nil
	}
	parser := golangjwt.NewParser(golangjwt.WithValidMethods([]string{"ES256"}), golangjwt.WithIssuer(issuerURL), golangjwt.WithAudience(audience), golangjwt.WithExpirationRequired())
	return func() error {
		_, err := parser.ParseWithClaims(token, &own{}, keyFunc)
		return err
	}
}

func byOIDC(b *testing.B, i *issuer, token string) func() error {
	verifier := oidc.NewVerifier(issuerURL, &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{&i.key.PublicKey}}, &oidc.Config{ClientID: audience, SupportedSigningAlgs: []string{"ES256"}})
	return func() error {
		t, err := verifier.Verify(b.Context(), token)
		if err != nil {
			return err
		}
		return t.Claims(&own{})
	}
}

func byJWX(b *testing.B, i *issuer, token string) func() error {
	text, err := json.Marshal(i.jwks())
	if err != nil {
		b.Fatal(err)
	}
	set, err := jwk.Parse(text)
	if err != nil {
		b.Fatal(err)
	}
	return func() error {
		_, err := jwx.Parse([]byte(token), jwx.WithKeySet(set), jwx.WithIssuer(issuerURL), jwx.WithAudience(audience), jwx.WithRequiredClaim("exp"))
		return err
	}
}
