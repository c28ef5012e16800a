package resourceserver_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-auth/signet/resourceserver"
)

var (
	// The keys of a service: they sign nothing.
	ecDecrypts    = sync.OnceValue(func() *ecdsa.PrivateKey { k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader); return k })
	ecDecrypted   = sync.OnceValue(func() *ecdsa.PrivateKey { k, _ := ecdsa.GenerateKey(elliptic.P521(), rand.Reader); return k })
	rsaDecrypts   = sync.OnceValue(func() *rsa.PrivateKey { k, _ := rsa.GenerateKey(rand.Reader, 2048); return k })
	curveDecrypts = sync.OnceValue(func() *ecdh.PrivateKey { k, _ := ecdh.X25519().GenerateKey(rand.Reader); return k })
)

func decryptionKeys() []resourceserver.DecryptionKey {
	return []resourceserver.DecryptionKey{
		{ID: "ec", Private: ecDecrypts()}, {ID: "rsa", Private: rsaDecrypts()}, {ID: "x", Private: curveDecrypts()}, {ID: "old", Private: ecDecrypted()},
	}
}

// jwe is an encrypted text in its making; each part can be spoilt.
type jwe struct {
	header       claims
	contentKey   []byte
	encryptedKey []byte
	plain        string
}

// encryptTo begins a JWE to a key.
func encryptTo(t *testing.T, key resourceserver.DecryptionKey, header claims, plain string) jwe {
	t.Helper()
	j := jwe{header: merged(claims{"enc": "A256GCM", "kid": key.ID}, header), plain: plain}
	private := key.Private
	if ec, ok := private.(*ecdsa.PrivateKey); ok {
		agreement, err := ec.ECDH()
		check(t, err)
		private = agreement
	}
	set := func(name string, value any) {
		if _, has := header[name]; !has {
			j.header[name] = value
		}
	}
	switch key := private.(type) {
	case *rsa.PrivateKey:
		set("alg", "RSA-OAEP-256")
		j.contentKey = make([]byte, 32)
		rand.Read(j.contentKey)
		var err error
		j.encryptedKey, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, &key.PublicKey, j.contentKey, nil)
		check(t, err)
	case *ecdh.PrivateKey:
		set("alg", "ECDH-ES")
		ephemeral, err := key.Curve().GenerateKey(rand.Reader)
		check(t, err)
		shared, err := ephemeral.ECDH(key.PublicKey())
		check(t, err)
		set("epk", epk(t, ephemeral))
		text := append([]byte{0, 0, 0, 1}, shared...)
		for _, info := range []string{"A256GCM", party(header["apu"]), party(header["apv"])} {
			text = append(binary.BigEndian.AppendUint32(text, uint32(len(info))), info...)
		}
		sum := sha256.Sum256(binary.BigEndian.AppendUint32(text, 256))
		j.contentKey = sum[:]
	}
	return j
}

// party is the information about a party that a header has (RFC 7518 §4.6.1.2).
func party(member any) string {
	text, _ := member.(string)
	decoded, _ := base64.RawURLEncoding.DecodeString(text)
	return string(decoded)
}

func decoded(t *testing.T, part string) []byte {
	t.Helper()
	content, err := base64.RawURLEncoding.DecodeString(part)
	check(t, err)
	return content
}

// epk is the public half of an ephemeral key.
func epk(t *testing.T, key *ecdh.PrivateKey) claims {
	t.Helper()
	text, err := resourceserver.EncryptionKeys(resourceserver.DecryptionKey{Private: key})
	check(t, err)
	var set struct{ Keys []claims }
	check(t, json.Unmarshal(text, &set))
	return merged(set.Keys[0], claims{"use": nil, "alg": nil})
}

func (j jwe) parts(t *testing.T) []string {
	t.Helper()
	text, err := json.Marshal(j.header)
	check(t, err)
	return j.sealed(t, string(text))
}

// sealed is the JWE with a header as it is written.
func (j jwe) sealed(t *testing.T, header string) []string {
	t.Helper()
	block, err := aes.NewCipher(j.contentKey)
	check(t, err)
	aead, err := cipher.NewGCM(block)
	check(t, err)
	iv, protected := make([]byte, 12), encode([]byte(header))
	rand.Read(iv)
	sealed := aead.Seal(nil, iv, []byte(j.plain), []byte(protected))
	return []string{protected, encode(j.encryptedKey), encode(iv), encode(sealed[:len(j.plain)]), encode(sealed[len(j.plain):])}
}

func (j jwe) compact(t *testing.T) string {
	t.Helper()
	return strings.Join(j.parts(t), ".")
}

// keyBubble is bubble, with the keys of the service made outside of it.
func keyBubble(t *testing.T, test func(*testing.T, *issuer)) {
	t.Helper()
	decryptionKeys()
	bubble(t, test)
}

var nested = claims{"typ": "at+jwt", "cty": "JWT"}

// nestedBut is another header of a nested token; nil removes what would be there.
func nestedBut(name string, value any) claims {
	return claims{"typ": "at+jwt", "cty": "JWT", "p2c": 2147483647, "p2s": "AAAAAAAAAAA", name: value}
}

func TestAnEncryptedTokenIsAcceptedLikeTheOneInside(t *testing.T) {
	keyBubble(t, func(t *testing.T, i *issuer) {
		v := i.ready(resourceserver.WithDecryption(decryptionKeys()...))
		for n, key := range decryptionKeys() {
			token := encryptTo(t, key, nested, i.token(at(n))).compact(t)
			c := wantAccepted(t, v, token)
			if c.Subject != "usr_alice" || !slices.Equal(c.Roles, []string{"clerk"}) {
				t.Errorf("%s: it says %+v", key.ID, c)
			}
			if again := wantAccepted(t, v, token); again != c {
				t.Errorf("%s: it is decrypted twice", key.ID)
			}
			i.revoke(n)
			time.Sleep(12 * time.Second)
			wantRefused(t, v, token, resourceserver.ErrRevoked, "revoked")
		}
		ec := decryptionKeys()[0]
		parties := merged(nested, claims{"apu": encode([]byte("the sender")), "apv": encode([]byte("the recipient"))})
		wantAccepted(t, v, encryptTo(t, ec, parties, i.token(nil)).compact(t))
		only := i.ready(resourceserver.WithDecryption(ec))
		wantAccepted(t, only, encryptTo(t, ec, nestedBut("kid", nil), i.token(nil)).compact(t))
		wantRefused(t, v, encryptTo(t, ec, nestedBut("kid", nil), i.token(nil)).compact(t), resourceserver.ErrInvalidToken, "decrypted")
	})
}

func TestAPlainTokenIsRefusedWhereTokensAreEncrypted(t *testing.T) {
	keyBubble(t, func(t *testing.T, i *issuer) {
		key := decryptionKeys()[0]
		wantRefused(t, i.ready(resourceserver.WithDecryption(key)), i.token(nil), resourceserver.ErrInvalidToken, "not encrypted")
		both := i.ready(resourceserver.WithDecryption(key), resourceserver.WithSignedTokens())
		wantAccepted(t, both, i.token(nil))
		wantAccepted(t, both, encryptTo(t, key, nested, i.token(nil)).compact(t))
		wantRefused(t, i.ready(), encryptTo(t, key, nested, i.token(nil)).compact(t), resourceserver.ErrInvalidToken, "no key to decrypt")
	})
}

// Encryption proves nothing: anybody can encrypt to a public key.
func TestWhatIsInsideIsVerified(t *testing.T) {
	keyBubble(t, func(t *testing.T, i *issuer) {
		key := decryptionKeys()[0]
		v := i.ready(resourceserver.WithDecryption(decryptionKeys()...))
		inside := i.token(nil)
		for words, plain := range map[string]string{
			"signature":        inside[:len(inside)-8] + "AAAAAAAA",
			"another audience": i.token(claims{"aud": "https://invoices.example"}),
			"typ":              i.sign("ec", "JWT", access(nil)),
			"not a signed JWT": `{"sub":"usr_alice"}`,
			"decrypted":        encryptTo(t, key, nested, inside).compact(t),
		} {
			wantRefused(t, v, encryptTo(t, key, nested, plain).compact(t), resourceserver.ErrInvalidToken, words)
		}
		wantRefused(t, v, encryptTo(t, key, claims{"cty": "json"}, inside).compact(t), resourceserver.ErrInvalidToken, "decrypted")
		wantRefused(t, v, encryptTo(t, key, nil, inside).compact(t), resourceserver.ErrInvalidToken, "decrypted")
	})
}

// One error for all: a difference would help whoever tries to find out what is inside.
func TestWhatCannotBeDecryptedIsRefusedInOneWay(t *testing.T) {
	keyBubble(t, func(t *testing.T, i *issuer) {
		v := i.ready(resourceserver.WithDecryption(decryptionKeys()...))
		inside := i.token(nil)
		var bad []string
		for _, key := range decryptionKeys() {
			valid := encryptTo(t, key, nested, inside)
			parts, other := valid.parts(t), encryptTo(t, key, nested, inside).parts(t)
			for n := range parts {
				for _, changed := range []string{other[n] + "x", "", parts[n] + "A", parts[n] + "=", parts[n] + "\n", "!" + parts[n], parts[n][:len(parts[n])/2]} {
					if changed != parts[n] {
						bad = append(bad, strings.Join(slices.Replace(slices.Clone(parts), n, n+1, changed), "."))
					}
				}
				if other[n] != parts[n] {
					bad = append(bad, strings.Join(slices.Replace(slices.Clone(parts), n, n+1, other[n]), "."))
				}
			}
			for _, changes := range []claims{
				{"zip": "DEF"}, {"crit": []string{"exp"}}, {"alg": "dir"}, {"alg": "RSA1_5"}, {"alg": "RSA-OAEP"}, {"alg": "A256KW"}, {"alg": "ECDH-ES+A256KW"}, {"alg": "none"}, {"alg": nil},
				{"alg": "PBES2-HS256+A128KW"}, {"enc": "A128GCM"}, {"enc": "A256CBC-HS512"}, {"enc": nil}, {"kid": "none"}, {"kid": 1}, {"kid": strings.Repeat("k", 4000)},
			} {
				for name, value := range changes {
					bad = append(bad, encryptTo(t, key, nestedBut(name, value), inside).compact(t))
				}
			}
			text, err := json.Marshal(valid.header)
			check(t, err)
			twice := strings.TrimSuffix(string(text), "}") + `,"enc":"A256GCM"}`
			for _, header := range []string{twice, string(text) + "x", `[]`, `null`, "{\"alg\":\"\xff\"}"} {
				bad = append(bad, strings.Join(valid.sealed(t, header), "."))
			}
		}
		stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		check(t, err)
		ec := decryptionKeys()[0]
		other := encryptTo(t, resourceserver.DecryptionKey{ID: "ec", Private: stranger}, nested, inside)
		bad = append(bad, other.compact(t))
		valid := encryptTo(t, ec, nested, inside)
		zero := encode(make([]byte, 32))
		x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
		check(t, err)
		for _, wrong := range []any{
			nil, "x", claims{}, claims{"kty": "EC", "crv": "P-256", "x": zero, "y": zero}, claims{"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
			claims{"kty": "EC", "crv": "P-521", "x": zero, "y": zero}, epk(t, x25519), merged(valid.header["epk"].(claims), claims{"y": valid.header["epk"].(claims)["x"]}),
		} {
			spoilt := valid
			spoilt.header = merged(valid.header, claims{"epk": wrong})
			bad = append(bad, spoilt.compact(t))
		}
		low := encryptTo(t, decryptionKeys()[2], merged(nested, claims{"epk": claims{"kty": "OKP", "crv": "X25519", "x": zero}}), inside)
		for _, wrong := range []any{1, "!", "AA\n", "AB"} {
			bad = append(bad, encryptTo(t, ec, nestedBut("apu", wrong), inside).compact(t), encryptTo(t, ec, nestedBut("apv", wrong), inside).compact(t))
		}
		kind := valid
		kind.header = merged(valid.header, claims{"epk": merged(valid.header["epk"].(claims), claims{"kty": "OKP"})})
		large := valid
		large.header = merged(valid.header, claims{"padding": strings.Repeat("x", 3<<10)})
		shifted := valid.parts(t)
		content := decoded(t, shifted[3])
		cut := len(content) - 3
		shifted[3], shifted[4] = encode(content[:cut]), encode(append(content[cut:], decoded(t, shifted[4])...))
		short := encryptTo(t, decryptionKeys()[1], nested, inside)
		short.contentKey = short.contentKey[:16]
		short.encryptedKey, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, &rsaDecrypts().PublicKey, short.contentKey, nil)
		check(t, err)
		bad = append(bad, kind.compact(t), large.compact(t), strings.Join(shifted, "."), short.compact(t))
		withKey := valid
		withKey.encryptedKey = make([]byte, 40)
		bad = append(bad, low.compact(t), withKey.compact(t), "....", "a.b.c.d.e", valid.compact(t)+".", "."+valid.compact(t))
		for _, token := range bad {
			_, err := v.Verify(t.Context(), token)
			if err == nil || !strings.Contains(err.Error(), "it cannot be decrypted") && strings.Count(token, ".") == 4 {
				t.Errorf("%.300s: %v", token, err)
			}
		}
		wantRefused(t, v, valid.compact(t)+strings.Repeat("A", 32<<10), resourceserver.ErrInvalidToken, "too large")
	})
}

func TestEncryptedClaimsAreReadWithTheOthers(t *testing.T) {
	keyBubble(t, func(t *testing.T, i *issuer) {
		key := decryptionKeys()[1]
		v := i.ready(resourceserver.WithDecryption(decryptionKeys()...), resourceserver.WithSignedTokens())
		hidden := func(named claims, more claims, header claims) string {
			text, err := json.Marshal(merged(merged(claims{"iss": issuerURL, "sub": "usr_alice", "aud": audience, "jti": "1"}, more), named))
			check(t, err)
			return encryptTo(t, key, merged(claims{"typ": "encrypted-claims+jwt"}, header), string(text)).compact(t)
		}
		token := func(encrypted any) string {
			return i.token(claims{"jti": "1", "roles": nil, "encrypted_claims": encrypted})
		}
		sealed := token(hidden(nil, claims{"roles": []string{"nurse", "clerk"}, "diagnosis": "a<b"}, nil))
		c := wantAccepted(t, v, sealed)
		var own struct {
			Diagnosis string `json:"diagnosis"`
			Groups    []string
		}
		check(t, c.Decode(&own))
		if own.Diagnosis != "a<b" || !slices.Equal(own.Groups, []string{"sales"}) || !slices.Equal(c.Roles, []string{"clerk", "nurse"}) || c.All()["diagnosis"] != "a<b" || c.All()["encrypted_claims"] != nil {
			t.Errorf("it says %+v %+v", c, c.All())
		}
		if c := wantAccepted(t, i.ready(), sealed); len(c.Roles) != 0 || c.All()["encrypted_claims"] == nil {
			t.Errorf("without a key it says %+v", c.All())
		}
		for words, encrypted := range map[string]any{
			"another token":     hidden(claims{"jti": "2"}, nil, nil),
			"another token ":    hidden(claims{"sub": "usr_bob"}, nil, nil),
			"another token  ":   hidden(claims{"iss": nil}, nil, nil),
			"another token   ":  hidden(claims{"aud": "https://invoices.example"}, nil, nil),
			"may not be there":  hidden(nil, claims{"groups": []string{"admins"}}, nil),
			"may not be there ": hidden(nil, claims{"status": claims{}}, nil),
			"decrypted":         hidden(nil, nil, claims{"typ": "at+jwt"}),
			"decrypted ":        "x",
			"decrypted  ":       1,
		} {
			wantRefused(t, v, token(encrypted), resourceserver.ErrInvalidToken, strings.TrimSpace(words))
		}
	})
}

func TestKeysThatCannotDecryptAreRefused(t *testing.T) {
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	check(t, err)
	ec := resourceserver.DecryptionKey{ID: "a", Private: ecDecrypts()}
	for words, keys := range map[string][]resourceserver.DecryptionKey{
		"1 to 20 keys":  nil,
		"1 to 20 keys ": slices.Repeat([]resourceserver.DecryptionKey{ec}, 21),
		"twice":         {ec, ec},
		"nil":           {{Private: (*ecdh.PrivateKey)(nil)}},
		"nil ":          {{Private: (*ecdsa.PrivateKey)(nil)}},
		"2048":          {{Private: (*rsa.PrivateKey)(nil)}},
		"use *rsa":      {{Private: edKey()}},
		"use *rsa ":     {{Private: "secret"}},
		"unsupported":   {{Private: p224}},
	} {
		if _, err := resourceserver.New(issuerURL, audience, resourceserver.WithDecryption(keys...)); err == nil || !strings.Contains(err.Error(), strings.TrimSpace(words)) {
			t.Errorf("%v, want %q", err, words)
		}
		if _, err := resourceserver.EncryptionKeys(keys...); err == nil {
			t.Errorf("%q: their public halves are a set", words)
		}
	}
	if _, err := resourceserver.New(issuerURL, audience, resourceserver.WithSignedTokens()); err == nil {
		t.Error("signed tokens are accepted without keys")
	}
}
