package servicetest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// Signer is somebody else's Ed25519 key, by which JWTs are signed.
type Signer struct {
	KID     string
	private ed25519.PrivateKey
}

// NewSigner makes one.
func NewSigner(t *testing.T, kid string) Signer {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	Must(t, err)
	return Signer{kid, private}
}

// KeySet is a JWK Set of the public keys.
func KeySet(signers ...Signer) string {
	members := make([]string, len(signers))
	for i, s := range signers {
		x := base64.RawURLEncoding.EncodeToString(s.private.Public().(ed25519.PublicKey))
		members[i] = fmt.Sprintf(`{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","use":"sig","kid":%q,"x":%q}`, s.KID, x)
	}
	return `{"keys":[` + strings.Join(members, ",") + "]}"
}

// Sign makes a JWT. changed are claims that replace those given; one that is nil is left out.
func (s Signer) Sign(t *testing.T, claims, changed map[string]any) string {
	t.Helper()
	return s.SignWith(t, map[string]any{"alg": "EdDSA", "kid": s.KID}, claims, changed)
}

// SignWith is Sign under a header.
func (s Signer) SignWith(t *testing.T, header, claims, changed map[string]any) string {
	t.Helper()
	all := maps.Clone(claims)
	maps.Copy(all, changed)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	part := func(value any) string {
		text, err := json.Marshal(value)
		Must(t, err)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(header) + "." + part(all)
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(s.private, []byte(signed)))
}
