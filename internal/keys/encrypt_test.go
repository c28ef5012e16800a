package keys_test

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwe"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

// recipient is an API's key: its private half, and its JWK.
type recipient struct {
	private any
	alg     jwa.KeyEncryptionAlgorithm
	jwk     map[string]any
}

// ringOf is a keyring that can encrypt: that needs no database.
func ringOf(master *keys.Master) *keys.Keys {
	return keys.New(nil, nil, nil, nil, master, nil, time.Now)
}

func recipients(t *testing.T) map[string]recipient {
	t.Helper()
	all := map[string]recipient{}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		p := ecPair(t, "k", curve)
		all[curve.Params().Name] = recipient{p.private.(*ecdsa.PrivateKey), jwa.ECDH_ES, p.public}
	}
	p := rsaPair(t, "k", 2048)
	all["RSA"] = recipient{p.private.(*rsa.PrivateKey), jwa.RSA_OAEP_256, p.public}
	return all
}

func key(t *testing.T, members ...map[string]any) *keys.EncryptionKey {
	t.Helper()
	found, err := keys.ParseEncryptionKeys("encryption_jwks", setOf(t, members...))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func encrypt(t *testing.T, k *keys.Keys, to *keys.EncryptionKey, typ, plain string) string {
	t.Helper()
	encrypted, err := k.Encrypt(to, typ, []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	return encrypted
}

func TestWhatIsEncryptedTheAPIAndSignetCanRead(t *testing.T) {
	master := keys.NewMaster()
	here, elsewhere := ringOf(master), ringOf(master)
	for name, to := range recipients(t) {
		encrypted := encrypt(t, here, key(t, to.jwk), keys.TypeAccessToken, "a.b.c")
		plain, err := jwe.Decrypt([]byte(encrypted), jwe.WithKey(to.alg, to.private))
		if err != nil || string(plain) != "a.b.c" {
			t.Errorf("%s: jwx reads %q: %v", name, plain, err)
		}
		if opened, ok := elsewhere.Decrypt(keys.TypeAccessToken, encrypted); !ok || string(opened) != "a.b.c" {
			t.Errorf("%s: another replica reads %q", name, opened)
		}
		if _, ok := elsewhere.Decrypt(keys.TypeEncryptedClaims, encrypted); ok {
			t.Errorf("%s: it is taken for another type", name)
		}
		message, err := jwe.ParseString(encrypted)
		if err != nil {
			t.Fatal(err)
		}
		h := message.ProtectedHeaders()
		if h.Type() != "at+jwt" || h.ContentType() != "JWT" || h.KeyID() != "k" || h.Algorithm() != to.alg || h.ContentEncryption() != jwa.A256GCM {
			t.Errorf("%s: header %+v", name, h)
		}
		if another := encrypt(t, here, key(t, to.jwk), keys.TypeAccessToken, "a.b.c"); another == encrypted {
			t.Errorf("%s: it is the same twice", name)
		}
	}
}

func TestX25519IsForEncryptionToo(t *testing.T) {
	k := ringOf(keys.NewMaster())
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encrypted := encrypt(t, k, key(t, map[string]any{"kty": "OKP", "crv": "X25519", "x": base64.RawURLEncoding.EncodeToString(private.PublicKey().Bytes())}), keys.TypeAccessToken, "a")
	header, err := base64.RawURLEncoding.DecodeString(strings.Split(encrypted, ".")[0])
	if err != nil || !strings.Contains(string(header), `"epk":{"kty":"OKP","crv":"X25519"`) || strings.Contains(string(header), "kid") {
		t.Errorf("header %s: %v", header, err)
	}
}

// Whoever changes a part, or puts parts of two together, has no token of Signet: its header names none either.
func TestAnEncryptedTokenCountsOnlyAsItWasIssued(t *testing.T) {
	k := ringOf(keys.NewMaster())
	for name, to := range recipients(t) {
		encrypted, other := encrypt(t, k, key(t, to.jwk), keys.TypeAccessToken, "a.b.c"), encrypt(t, k, key(t, to.jwk), keys.TypeAccessToken, "a.b.d")
		parts, others := strings.Split(encrypted, "."), strings.Split(other, ".")
		var forged []string
		for i := range parts {
			mixed := append([]string{}, parts...)
			mixed[i] = others[i]
			forged = append(forged, strings.Join(mixed, "."))
			for _, change := range []func(string) string{
				func(s string) string { return s + "A" }, func(s string) string { return s + "\n" }, func(s string) string { return s + "=" },
				flipFirst, flipLast, func(string) string { return "" },
			} {
				if mixed := append([]string{}, parts...); change(parts[i]) != parts[i] {
					mixed[i] = change(parts[i])
					forged = append(forged, strings.Join(mixed, "."))
				}
			}
		}
		content, err := base64.RawURLEncoding.DecodeString(parts[3])
		tag, err2 := base64.RawURLEncoding.DecodeString(parts[4])
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		moved := base64.RawURLEncoding.EncodeToString(append(content[3:], tag...)) // the tag begins earlier
		forged = append(forged, strings.Join([]string{parts[0], parts[1], parts[2], base64.RawURLEncoding.EncodeToString(content[:3]), moved}, "."))
		forged = append(forged, encrypted+".", "."+encrypted, strings.Repeat("A", domain.MaxTokenSize)+"....", "....")
		for _, token := range forged {
			if _, ok := k.Decrypt(keys.TypeAccessToken, token); ok && token != encrypted {
				t.Errorf("%s: %s counts", name, token)
			}
		}
	}
	others := ringOf(keys.NewMaster())
	encrypted := encrypt(t, others, key(t, recipients(t)["P-256"].jwk), keys.TypeAccessToken, "a")
	if _, ok := k.Decrypt(keys.TypeAccessToken, encrypted); ok {
		t.Error("what another installation has made counts")
	}
}

func flipFirst(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]^1) + s[1:]
}

// flipLast changes bits after the last byte, if there are some.
func flipLast(s string) string {
	if s == "" {
		return s
	}
	return s[:len(s)-1] + string(s[len(s)-1]^1)
}

func TestTheFirstKeyForEncryptionCounts(t *testing.T) {
	signs, first, second := ecPair(t, "signs", elliptic.P256()).public, ecPair(t, "first", elliptic.P256()).public, rsaPair(t, "second", 2048).public
	with := func(members map[string]any, name string, value any) map[string]any {
		changed := map[string]any{name: value}
		for n, v := range members {
			if n != name {
				changed[n] = v
			}
		}
		return changed
	}
	for name, c := range map[string]struct {
		set  []map[string]any
		want string
	}{
		"unmarked":              {[]map[string]any{first, second}, "first"},
		"one is for signatures": {[]map[string]any{with(signs, "use", "sig"), first}, "first"},
		"one is marked":         {[]map[string]any{signs, with(second, "use", "enc"), with(first, "use", "enc")}, "second"},
		"one is marked by alg":  {[]map[string]any{signs, with(second, "alg", "RSA-OAEP-256")}, "second"},
		"another alg":           {[]map[string]any{with(signs, "alg", "ES256"), with(second, "alg", "RSA1_5"), first}, "first"},
		"key wrapping":          {[]map[string]any{with(signs, "alg", "ECDH-ES+A256KW"), first}, "first"},
		"operations":            {[]map[string]any{with(signs, "key_ops", []string{"verify"}), with(first, "key_ops", []string{})}, "first"},
		"unknown kinds":         {[]map[string]any{{"kty": "AKP", "pub": "AA"}, {"kty": "oct", "k": "AA"}, first}, "first"},
	} {
		found, err := keys.ReadEncryptionKeys(setOf(t, c.set...))
		if err != nil || found.ID() != c.want {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
	if _, err := keys.ReadEncryptionKeys(setOf(t, with(signs, "use", "sig"))); !errors.Is(err, keys.ErrNoEncryptionKey) {
		t.Errorf("without such a key: %v", err)
	}
	if got := key(t, first, second).ID(); got != "first" {
		t.Errorf("of those that are registered: %s", got)
	}
}

func TestOnlyUsablePublicKeysAreRegisteredForEncryption(t *testing.T) {
	ec, large := ecPair(t, "ec", elliptic.P256()), rsaPair(t, "r", 2048)
	point := func(x, y string) map[string]any {
		return map[string]any{"kty": "EC", "crv": "P-256", "x": x, "y": y}
	}
	zero := base64.RawURLEncoding.EncodeToString(make([]byte, 32))
	for name, c := range map[string]struct {
		set  []byte
		want string
	}{
		"private key":         {setOf(t, ec.secret), "private key"},
		"private RSA key":     {setOf(t, large.secret), "private key"},
		"secret":              {setOf(t, map[string]any{"kty": "oct", "k": "AA"}), "shared secret"},
		"small RSA":           {setOf(t, rsaPair(t, "s", 1024).public), "2048 to 4096 bits"},
		"even exponent":       {setOf(t, map[string]any{"kty": "RSA", "n": large.public["n"], "e": "AAAC"}), "odd exponent"},
		"for signatures":      {setOf(t, ec.with("use", "sig").public), "another use"},
		"another alg":         {setOf(t, large.with("alg", "RSA-OAEP").public), "use RSA-OAEP-256"},
		"RSA for agreement":   {setOf(t, large.with("alg", "ECDH-ES").public), "use RSA-OAEP-256"},
		"off the curve":       {setOf(t, point(ec.public["x"].(string), ec.public["x"].(string))), "of the curve"},
		"the point of zero":   {setOf(t, point(zero, zero)), "of the curve"},
		"a short coordinate":  {setOf(t, point("AA", "AA")), "cannot be read"},
		"no base64url":        {setOf(t, point("a+b/", "AA")), "cannot be read"},
		"Ed25519":             {setOf(t, map[string]any{"kty": "OKP", "crv": "Ed25519", "x": zero}), "use a public key"},
		"X25519 of low order": {setOf(t, map[string]any{"kty": "OKP", "crv": "X25519", "x": zero}), "of the curve"},
		"secp256k1":           {setOf(t, map[string]any{"kty": "EC", "crv": "secp256k1", "x": zero, "y": zero}), "use a public key"},
		"several without kid": {setOf(t, point(ec.public["x"].(string), ec.public["y"].(string)), large.public), "no kid"},
		"a kid twice":         {setOf(t, ec.public, ec.public), "that of another key"},
		"no set":              {[]byte(`{"kty":"EC"}`), "JWK Set"},
		"none":                {[]byte(`{"keys":[]}`), "JWK Set"},
		"too large":           {[]byte(`{"keys":["` + strings.Repeat("x", keys.MaxKeySet) + `"]}`), "use at most"},
	} {
		_, err := keys.ParseEncryptionKeys("encryption_jwks", c.set)
		invalid, ok := errors.AsType[*domain.InvalidError](err)
		if !ok || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(invalid.Field, "encryption_jwks") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of all texts, only the token as it was issued is decrypted.
func FuzzDecrypt(f *testing.F) {
	k := ringOf(keys.NewMaster())
	to, err := keys.ParseEncryptionKeys("encryption_jwks",
		[]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`))
	if err != nil {
		f.Fatal(err)
	}
	issued, err := k.Encrypt(to, keys.TypeAccessToken, []byte("a.b.c"))
	if err != nil {
		f.Fatal(err)
	}
	header, rest, _ := strings.Cut(issued, ".")
	for _, seed := range []string{issued, issued + ".", "....", header + "....", rest, strings.Replace(issued, "..", ".AAAA.", 1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if plain, ok := k.Decrypt(keys.TypeAccessToken, token); ok && token != issued {
			t.Fatalf("%q is read as %q", token, plain)
		}
	})
}

func FuzzReadEncryptionKeys(f *testing.F) {
	for _, seed := range []string{
		`{"keys":[]}`, `{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`,
		`{"keys":[{"kty":"OKP","crv":"X25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}`, `{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`, `{"keys":{}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := keys.ReadEncryptionKeys([]byte(text))
		if err == nil && (found == nil || found.Alg() == "" || !json.Valid([]byte(text))) {
			t.Fatalf("%q is %+v", text, found)
		}
	})
}
