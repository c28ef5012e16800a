package keys_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

// pair is somebody's key, as JSON with and without its private half.
type pair struct {
	private crypto.Signer
	public  map[string]any
	secret  map[string]any
}

func newPair(t *testing.T, kid string, private crypto.Signer) pair {
	t.Helper()
	object := func(key any) (members map[string]any) {
		parsed, err := jwk.FromRaw(key)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(parsed)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatal(err)
		}
		if kid != "" {
			members["kid"] = kid
		}
		return members
	}
	return pair{private, object(private.Public()), object(private)}
}

func ecPair(t *testing.T, kid string, curve elliptic.Curve) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return newPair(t, kid, key)
}

func rsaPair(t *testing.T, kid string, bits int) pair {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return newPair(t, kid, key)
}

func edPair(t *testing.T, kid string) pair {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return newPair(t, kid, key)
}

func (p pair) with(name string, value any) pair {
	changed := maps.Clone(p.public)
	changed[name] = value
	return pair{p.private, changed, p.secret}
}

func setOf(t *testing.T, members ...map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": members})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// sign makes a JWT whose header is as given.
func (p pair) sign(t *testing.T, alg, header, claims string) string {
	t.Helper()
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	if alg == "Ed25519" {
		alg = "EdDSA"
	}
	signer, err := jws.NewSigner(jwa.SignatureAlgorithm(alg))
	if err != nil {
		t.Fatal(err)
	}
	signature, err := signer.Sign([]byte(signed), p.private)
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestOnlyUsablePublicKeysAreRegistered(t *testing.T) {
	ec, other, ed, r := ecPair(t, "a", elliptic.P256()), ecPair(t, "b", elliptic.P256()), edPair(t, "e"), rsaPair(t, "r", 2048)
	unnamed := ecPair(t, "", elliptic.P256())
	for name, c := range map[string]struct {
		set  []byte
		want string // empty: accepted
	}{
		"three kinds":        {setOf(t, ec.public, ed.public, r.public), ""},
		"one without kid":    {setOf(t, unnamed.public), ""},
		"fully specified":    {setOf(t, ed.with("alg", "Ed25519").public), ""},
		"for signatures":     {setOf(t, ec.with("use", "sig").public), ""},
		"private EC":         {setOf(t, ec.public, ec.secret), "key 2: it is a private key"},
		"private RSA":        {setOf(t, r.secret), "private key"},
		"private Ed25519":    {setOf(t, ed.secret), "private key"},
		"a prime alone":      {setOf(t, r.with("p", "AQAB").public), "private key"},
		"a secret":           {setOf(t, map[string]any{"kty": "oct", "k": "c2VjcmV0"}), "shared secret"},
		"small RSA":          {setOf(t, rsaPair(t, "s", 1024).public), "2048"},
		"even exponent":      {setOf(t, r.with("e", "Ag").public), "exponent"},
		"another curve":      {setOf(t, ecPair(t, "x", elliptic.P521()).public), "P-256"},
		"off the curve":      {setOf(t, ec.with("x", other.public["x"]).public), "curve"},
		"encryption":         {setOf(t, ec.with("use", "enc").public), "another use"},
		"HMAC by name":       {setOf(t, r.with("alg", "HS256").public), "its alg is"},
		"alg of another":     {setOf(t, ec.with("alg", "RS256").public), "does not go with"},
		"several, no kid":    {setOf(t, ec.public, unnamed.public), "key 2: it has no kid"},
		"kid twice":          {setOf(t, ec.public, other.with("kid", "a").public), "kid is that of another"},
		"kid no text":        {setOf(t, ec.with("kid", 7).public), "kid must be text"},
		"kid with NUL":       {setOf(t, ec.with("kid", "a\x00").public), "kid must be text"},
		"kid too long":       {setOf(t, ec.with("kid", strings.Repeat("k", 257)).public), "kid must be text"},
		"unknown kind":       {setOf(t, map[string]any{"kty": "AKP", "pub": "AA"}), "cannot be read"},
		"no keys":            {setOf(t), "JWK Set"},
		"a key by itself":    {[]byte(`{"kty":"EC"}`), "JWK Set"},
		"no object":          {[]byte(`[]`), "JWK Set"},
		"nothing":            {nil, "JWK Set"},
		"keys twice":         {[]byte(`{"keys":[],"keys":[{}]}`), "JWK Set"},
		"something after":    {append(setOf(t, ec.public), '{', '}'), "JWK Set"},
		"too many":           {setOf(t, make([]map[string]any, 65)...), "at most 64"},
		"too large":          {[]byte(`{"keys":[{"kty":"` + strings.Repeat("x", keys.MaxKeySet) + `"}]}`), "at most 65536"},
		"member kty twice":   {[]byte(`{"keys":[{"kty":"oct","kty":"EC"}]}`), "no JSON object"},
		"deep":               {[]byte(`{"keys":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`), "no JSON object"},
		"private, other way": {[]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"` + fmt.Sprint(ed.public["x"]) + `","d":null}]}`), "private key"},
	} {
		_, err := keys.ParseKeySet(c.set)
		if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestFetchedSetsKeepTheKeysThatCanBeUsed(t *testing.T) {
	ec := ecPair(t, "a", elliptic.P256())
	set, err := keys.ReadKeySet(setOf(t, map[string]any{"kty": "AKP", "pub": "AA"}, rsaPair(t, "s", 1024).public, ec.public, ec.secret, ec.with("use", "enc").public))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := keys.ParseForeign(ec.sign(t, "ES256", `{"alg":"ES256","kid":"a"}`, `{}`))
	if err != nil || set.Verify(parsed) != nil {
		t.Error(err, set.Verify(parsed))
	}
	for text, want := range map[string]error{
		string(setOf(t, ec.secret)): keys.ErrNoForeignKeys, `{"keys":[]}`: keys.ErrNoForeignKeys, `{"keys":null}`: domain.ErrInvalid, `{}`: domain.ErrInvalid,
	} {
		if _, err := keys.ReadKeySet([]byte(text)); !errors.Is(err, want) || errors.Is(err, keys.ErrNoForeignKeys) != errors.Is(want, keys.ErrNoForeignKeys) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestForeignTokensAreVerifiedByKeysThatFit(t *testing.T) {
	ec, other, ed, r := ecPair(t, "a", elliptic.P256()), ecPair(t, "b", elliptic.P256()), edPair(t, "e"), rsaPair(t, "r", 2048)
	set := func(members ...map[string]any) *keys.KeySet {
		parsed, err := keys.ReadKeySet(setOf(t, members...))
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	p384 := ecPair(t, "c", elliptic.P384())
	all := set(ec.public, other.public, p384.public, ed.public, r.public)
	for name, c := range map[string]struct {
		set    *keys.KeySet
		by     pair
		alg    string
		header string
		want   error
	}{
		"ES256":                       {all, ec, "ES256", `{"alg":"ES256","kid":"a"}`, nil},
		"ES384":                       {all, p384, "ES384", `{"alg":"ES384","kid":"c"}`, nil},
		"alg of another curve":        {all, p384, "ES384", `{"alg":"ES256","kid":"c"}`, keys.ErrForeignKey},
		"RS256":                       {all, r, "RS256", `{"alg":"RS256","kid":"r"}`, nil},
		"PS256":                       {all, r, "PS256", `{"alg":"PS256","kid":"r"}`, nil},
		"EdDSA":                       {all, ed, "EdDSA", `{"alg":"EdDSA","kid":"e"}`, nil},
		"Ed25519":                     {all, ed, "Ed25519", `{"alg":"Ed25519","kid":"e"}`, nil},
		"no kid, the second fits":     {all, other, "ES256", `{"alg":"ES256"}`, nil},
		"a set without kid":           {set(ecPair(t, "", elliptic.P256()).public), other, "ES256", `{"alg":"ES256","kid":"b"}`, keys.ErrForeignKey},
		"unknown kid":                 {all, ec, "ES256", `{"alg":"ES256","kid":"z"}`, keys.ErrForeignKey},
		"kid of another key":          {all, ec, "ES256", `{"alg":"ES256","kid":"b"}`, keys.ErrForeignSignature},
		"kid of another type":         {all, ec, "ES256", `{"alg":"ES256","kid":"r"}`, keys.ErrForeignKey},
		"alg that the key is not for": {set(r.with("alg", "PS256").public), r, "RS256", `{"alg":"RS256","kid":"r"}`, keys.ErrForeignKey},
		"signed by another alg":       {all, r, "PS256", `{"alg":"RS256","kid":"r"}`, keys.ErrForeignSignature},
	} {
		parsed, err := keys.ParseForeign(c.by.sign(t, c.alg, c.header, `{"iss":"x"}`))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := c.set.Verify(parsed); !errors.Is(err, c.want) || errors.Is(err, keys.ErrForeignKey) != errors.Is(c.want, keys.ErrForeignKey) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestForeignTokensOfOtherFormsAreRefused(t *testing.T) {
	ec := ecPair(t, "a", elliptic.P256())
	good := ec.sign(t, "ES256", `{"alg":"ES256","kid":"a"}`, `{"iss":"x"}`)
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	of := func(header string) string { return ec.sign(t, "ES256", header, `{}`) }
	for name, token := range map[string]string{
		"empty": "", "no JWT": "x", "two parts": "a.b", "four parts": good + ".x", "line end": good + "\n", "padding": good + "=",
		"unsigned": part(`{"alg":"none"}`) + "." + part(`{}`) + ".", "None": of(`{"alg":"None"}`), "no alg": of(`{"kid":"a"}`),
		"alg no text": of(`{"alg":["ES256"]}`), "alg twice": of(`{"alg":"none","alg":"ES256"}`), "ALG": of(`{"ALG":"ES256"}`),
		"HMAC with the public key": of(`{"alg":"HS256"}`), "ES512": of(`{"alg":"ES512"}`), "crit": of(`{"alg":"ES256","crit":["exp"]}`),
		"b64": of(`{"alg":"ES256","b64":false}`), "jwk": of(`{"alg":"ES256","jwk":{}}`), "jku": of(`{"alg":"ES256","jku":"https://evil.example"}`),
		"x5u": of(`{"alg":"ES256","x5u":"https://evil.example"}`), "x5c": of(`{"alg":"ES256","x5c":[]}`), "typ no text": of(`{"alg":"ES256","typ":1}`),
		"kid no text": of(`{"alg":"ES256","kid":{"a":1}}`), "header a list": of(`[]`), "claims no object": ec.sign(t, "ES256", `{"alg":"ES256"}`, `"x"`),
		"claims twice": ec.sign(t, "ES256", `{"alg":"ES256"}`, `{"sub":"a","sub":"b"}`), "huge": of(`{"alg":"ES256","x":"` + strings.Repeat("x", 16<<10) + `"}`),
		"spare bits": good[:len(good)-1] + map[bool]string{true: "B", false: "C"}[good[len(good)-1] == 'A'],
	} {
		if name == "spare bits" && strings.ContainsAny(good[len(good)-1:], "AQgw") == false {
			continue
		}
		if _, err := keys.ParseForeign(token); !errors.Is(err, keys.ErrForeignToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if parsed, err := keys.ParseForeign(of(`{"alg":"HS256"}`)); err == nil || !parsed.UsesSecret() {
		t.Error("HS256 is not told from others")
	}
}
