package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"regexp"
)

// verifies checks a PKCE verifier against an S256 challenge (RFC 7636 §4.6).
func verifies(verifier, challenge string) bool {
	if !verifierForm.MatchString(verifier) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

var (
	verifierForm  = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`) // RFC 7636 §4.1
	challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)       // a SHA-256 in base64url
)
