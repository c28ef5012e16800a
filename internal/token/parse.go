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
	payload, ok := decode(token)
	if !ok || json.Unmarshal(payload, &claims) != nil {
		return Claims{}, false
	}
	return claims, true
}

// payload is Parse for all claims.
func payload(token string) (claims map[string]any, ok bool) {
	text, ok := decode(token)
	ok = ok && json.Unmarshal(text, &claims) == nil
	return claims, ok
}

func decode(token string) (payload []byte, ok bool) {
	parts, ok := keys.SplitCompact(token)
	if !ok {
		return nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	return payload, err == nil
}

// Digest is what the index keeps of a token's value.
func Digest(token string) domain.TokenDigest {
	sum := sha256.Sum256([]byte(token))
	return domain.TokenDigest(sum[:len(domain.TokenDigest{})])
}
