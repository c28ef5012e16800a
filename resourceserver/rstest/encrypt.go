package rstest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"maps"
	"strings"

	"github.com/signet-auth/signet/resourceserver"
)

// EncryptedToken is [Issuer.Token], encrypted to a key of the service.
func (i *Issuer) EncryptedToken(to resourceserver.DecryptionKey, claims Claims) string {
	i.tb.Helper()
	signed := i.Token(claims)
	token := i.encrypt(to, Claims{"typ": "at+jwt", "cty": "JWT"}, []byte(signed))
	i.inside.Store(token, signed)
	return token
}

// TokenWithEncrypted is [Issuer.Token] with further claims that are encrypted to a key of the service.
func (i *Issuer) TokenWithEncrypted(to resourceserver.DecryptionKey, claims, encrypted Claims) string {
	i.tb.Helper()
	all := i.claims(claims)
	hidden := Claims{"iss": all["iss"], "sub": all["sub"], "aud": all["aud"], "jti": all["jti"]}
	maps.Copy(hidden, encrypted)
	text, err := json.Marshal(hidden)
	if err != nil {
		i.tb.Fatal(err)
	}
	all["encrypted_claims"] = i.encrypt(to, Claims{"typ": "encrypted-claims+jwt"}, text)
	return i.sign("at+jwt", all)
}

// encrypt makes a compact JWE (RFC 7516 §7.1) by RSA-OAEP-256 or ECDH-ES, and A256GCM.
func (i *Issuer) encrypt(to resourceserver.DecryptionKey, header Claims, plain []byte) string {
	i.tb.Helper()
	header["enc"] = "A256GCM"
	if to.ID != "" {
		header["kid"] = to.ID
	}
	contentKey, encryptedKey := make([]byte, 32), ""
	rand.Read(contentKey) //nolint:errcheck // never fails (Go 1.24)
	private := to.Private
	if key, ok := private.(*ecdsa.PrivateKey); ok {
		private = must(key.ECDH())(i)
	}
	switch key := private.(type) {
	case *rsa.PrivateKey:
		header["alg"] = "RSA-OAEP-256"
		encryptedKey = base64.RawURLEncoding.EncodeToString(must(rsa.EncryptOAEP(sha256.New(), rand.Reader, &key.PublicKey, contentKey, nil))(i))
	case *ecdh.PrivateKey:
		header["alg"] = "ECDH-ES"
		ephemeral := must(key.Curve().GenerateKey(rand.Reader))(i)
		// The set of its public half has the members of "epk", and others, which mean nothing there.
		var set struct{ Keys []json.RawMessage }
		text := must(resourceserver.EncryptionKeys(resourceserver.DecryptionKey{Private: ephemeral}))(i)
		if err := json.Unmarshal(text, &set); err != nil {
			i.tb.Fatal(err)
		}
		header["epk"] = set.Keys[0]
		contentKey = deriveKey(must(ephemeral.ECDH(key.PublicKey()))(i))
	default:
		i.tb.Fatalf("rstest: a key cannot be a %T", to.Private)
	}
	protected := base64.RawURLEncoding.EncodeToString(must(json.Marshal(header))(i))
	aead := must(cipher.NewGCM(must(aes.NewCipher(contentKey))(i)))(i)
	iv := make([]byte, aead.NonceSize())
	rand.Read(iv) //nolint:errcheck // as above
	sealed := aead.Seal(nil, iv, plain, []byte(protected))
	parts := []string{protected, encryptedKey}
	for _, part := range [][]byte{iv, sealed[:len(plain)], sealed[len(plain):]} {
		parts = append(parts, base64.RawURLEncoding.EncodeToString(part))
	}
	return strings.Join(parts, ".")
}

// deriveKey is the Concat KDF for A256GCM, without party information (RFC 7518 §4.6.2).
func deriveKey(shared []byte) []byte {
	text := append([]byte{0, 0, 0, 1}, shared...)
	text = append(binary.BigEndian.AppendUint32(text, 7), "A256GCM"...)
	text = binary.BigEndian.AppendUint32(append(text, make([]byte, 8)...), 256)
	sum := sha256.Sum256(text)
	return sum[:]
}

// must fails the test if there is an error.
func must[T any](value T, err error) func(*Issuer) T {
	return func(i *Issuer) T {
		i.tb.Helper()
		if err != nil {
			i.tb.Fatal(err)
		}
		return value
	}
}
