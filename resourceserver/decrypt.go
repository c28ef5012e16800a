package resourceserver

import (
	"crypto"
	"crypto/ecdh"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// DecryptionKey is a private key of the service to which its tokens are encrypted: *rsa.PrivateKey of 2048 to 4096 bits (RSA-OAEP-256), or
// *ecdsa.PrivateKey or *ecdh.PrivateKey on P-256, P-384, P-521 or X25519 (ECDH-ES), which are decrypted faster.
type DecryptionKey struct {
	ID      string // the kid that tokens name
	Private crypto.PrivateKey
}

// WithDecryption decrypts access tokens that the issuer encrypts to the API (JWE, RFC 7516), their content by A256GCM. There are several keys
// while they change: an old one has to stay until the last token that was encrypted to it has expired. A token that names no key is for the
// only one, or for the one whose ID is empty. A token that is signed alone is refused from then on, unless [WithSignedTokens] is given.
func WithDecryption(keys ...DecryptionKey) Option {
	return func(s *settings) { s.decryption, s.decrypts = keys, true }
}

// WithSignedTokens accepts tokens that are signed alone although there are keys to decrypt with: of an API of which single claims are
// encrypted, and while it changes over to encrypted tokens.
func WithSignedTokens() Option { return func(s *settings) { s.signedTokens = true } }

// unwrap returns the signed token in an encrypted one (RFC 7519 §7.2).
func (v *Verifier) unwrap(token string) (string, error) {
	if !isJWE(token) {
		if v.decryption != nil && !v.signedTokens {
			return "", invalid("it is not encrypted")
		}
		return token, nil
	}
	if v.decryption == nil {
		return "", invalid("it is encrypted, and there is no key to decrypt it with")
	}
	plain, header, err := v.decryption.decrypt(token)
	if err != nil {
		return "", err
	}
	if !strings.EqualFold(header.text("cty"), "JWT") || isJWE(string(plain)) {
		return "", errDecryption
	}
	return string(plain), nil
}

// naming are the claims by which encrypted claims name their token.
var naming = []string{"iss", "sub", "aud", "jti"}

// judging are claims that are never encrypted: tokens are judged by them.
var judging = []string{"exp", "nbf", "iat", "client_id", "scope", "cnf", "status", "encrypted_claims"}

// reveal adds claims that are encrypted to the API (encrypted_claims) to the others. Without keys they stay as they are.
func (v *Verifier) reveal(payload string, claims *object) (string, *object, error) {
	if v.decryption == nil || !claims.has("encrypted_claims") {
		return payload, claims, nil
	}
	plain, header, err := v.decryption.decrypt(claims.text("encrypted_claims"))
	if err != nil || !strings.EqualFold(header.text("typ"), typeEncryptedClaims) {
		return "", nil, errDecryption
	}
	hidden, err := parseObject(string(plain))
	if err != nil {
		return "", nil, errDecryption
	}
	for _, name := range naming {
		if text := hidden.text(name); text == "" || text != sole(claims, name) || hidden.err != nil {
			return "", nil, invalid("its encrypted claims are those of another token")
		}
	}
	merged := slices.DeleteFunc(slices.Clone(claims.members), func(m member) bool { return m.name == "encrypted_claims" })
	for _, m := range hidden.members {
		switch {
		case slices.Contains(naming, m.name):
		case claims.has(m.name) || slices.Contains(judging, m.name):
			return "", nil, invalid("one of its encrypted claims may not be there")
		default:
			merged = append(merged, m)
		}
	}
	text := joinMembers(merged)
	if claims, err = parseObject(text); err != nil { // there may be too many
		return "", nil, invalid("its claims are malformed")
	}
	return text, claims, nil
}

// sole is a claim that is text, or a list of one; empty if it is neither.
func sole(claims *object, name string) string {
	read := object{members: claims.members}
	if texts := read.textOrTexts(name); len(texts) == 1 && read.err == nil {
		return texts[0]
	}
	return ""
}

// publicKey is a JWK of a public key (RFC 7517 §4).
type publicKey struct {
	Kind  string `json:"kty"`
	Curve string `json:"crv,omitempty"`
	X     string `json:"x,omitempty"`
	Y     string `json:"y,omitempty"`
	N     string `json:"n,omitempty"`
	E     string `json:"e,omitempty"`
	ID    string `json:"kid,omitempty"`
	Use   string `json:"use"`
	Alg   string `json:"alg"`
}

// EncryptionKeys is the JWK Set (RFC 7517 §5) of the public halves of keys, to be registered with the API or published at its JWKS URI. The issuer
// encrypts to the first.
func EncryptionKeys(keys ...DecryptionKey) ([]byte, error) {
	usable, err := newDecryptionKeys(keys)
	if err != nil {
		return nil, fmt.Errorf("resourceserver: %w", err)
	}
	var set struct {
		Keys []publicKey `json:"keys"`
	}
	for _, one := range keys {
		public := publicKey{ID: one.ID, Use: "enc"}
		switch key := usable[one.ID].(type) {
		case *rsa.PrivateKey:
			public.Kind, public.Alg = "RSA", algRSAOAEP
			public.N, public.E = encoding.EncodeToString(key.N.Bytes()), encoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())
		case *ecdh.PrivateKey:
			point := key.PublicKey().Bytes()
			var size int
			public.Kind, public.Curve, size = nameCurve(key.Curve())
			if public.Alg = algECDHES; public.Kind == "EC" {
				point = point[1:] // after the mark of an uncompressed point
				public.Y = encoding.EncodeToString(point[size:])
			}
			public.X = encoding.EncodeToString(point[:size])
		}
		set.Keys = append(set.Keys, public)
	}
	return json.Marshal(set)
}
