package oauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
)

// checkChallenge judges the PKCE of an authorization request (RFC 7636 §4.4.1). A client that authenticates may leave it out, unless it
// is registered otherwise (RFC 9700 §2.1.1).
func checkChallenge(c *domain.Client, form url.Values) error {
	begun := form.Has("code_challenge") || form.Has("code_challenge_method")
	switch {
	case !begun && !c.RequirePKCE:
		return nil
	case begun && !form.Has("code_challenge"):
		return fosite.ErrInvalidRequest.WithHint(ourWords + "There is a code_challenge_method, but no code_challenge.")
	case !begun:
		return fosite.ErrInvalidRequest.WithHint(ourWords + "PKCE is required: send code_challenge with code_challenge_method=S256.")
	case form.Get("code_challenge_method") != "S256":
		return fosite.ErrInvalidRequest.WithHint(ourWords + "The code_challenge_method must be S256.")
	case !isChallenge(form.Get("code_challenge")):
		return fosite.ErrInvalidRequest.WithHint(ourWords + "The code_challenge is not a SHA-256 in base64url.")
	}
	return nil
}

// checkVerifier judges the PKCE of a token request (RFC 7636 §4.6). A verifier comes if and only if there was a challenge: an attacker
// who made the authorization request without one cannot have the client redeem its code (RFC 9700 §2.1.1, §4.8.2).
func checkVerifier(c *domain.Client, verifier, challenge string) error {
	switch {
	case challenge == "" && c.RequirePKCE:
		return errInvalidGrant.WithHint(ourWords + "The authorization request had no code_challenge, and the client has to use PKCE.")
	case challenge == "" && verifier != "":
		return errInvalidGrant.WithHint(ourWords + "The authorization request had no code_challenge, so there is no code_verifier for it.")
	case challenge != "" && verifier == "":
		return fosite.ErrInvalidRequest.WithHint(ourWords + "The parameter 'code_verifier' is missing: the authorization request had a code_challenge.")
	case challenge != "" && !verifies(verifier, challenge):
		return errInvalidGrant.WithHint(ourWords + "The code_verifier does not fit the code_challenge.")
	}
	return nil
}

// verifies checks a PKCE verifier against an S256 challenge.
func verifies(verifier, challenge string) bool {
	if !isVerifier(verifier) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

// isVerifier reports whether a text has the form of a code_verifier (RFC 7636 §4.1).
func isVerifier(text string) bool {
	return len(text) >= 43 && len(text) <= 128 && strings.Trim(text, unreserved) == ""
}

// isChallenge reports whether a text has the form of an S256 code_challenge, a SHA-256 in base64url.
func isChallenge(text string) bool { return len(text) == 43 && strings.Trim(text, base64URL) == "" }

const (
	base64URL  = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	unreserved = base64URL + ".~"
)
