package token

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

// Parse reads the claims of a compact JWS without verifying its signature: anybody may have written them. false if it is none.
func Parse(token string) (claims Claims, ok bool) {
	parts, ok := keys.SplitCompact(token)
	if !ok {
		return claims, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return Claims{}, false
	}
	return claims, true
}

// Digest is what the index keeps of a token's value.
func Digest(token string) domain.TokenDigest {
	sum := sha256.Sum256([]byte(token))
	return domain.TokenDigest(sum[:len(domain.TokenDigest{})])
}
