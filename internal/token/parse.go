package token

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// Parse reads the claims of a compact JWS without verifying its signature: anybody may have written them. false if it is none.
func Parse(token string) (claims Claims, ok bool) {
	parts := strings.Split(token, ".")
	if len(token) > domain.MaxTokenSize || len(parts) != 3 {
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
