package page

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"net/http"
)

const (
	fieldCSRF  = "csrf"
	secretSize = 32
)

func newSecret() []byte {
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails
	return secret
}

// csrfToken is the secret under a random mask, so that every page has another token (against BREACH).
func (p *Pages) csrfToken(w http.ResponseWriter, r *http.Request) (string, error) {
	cookie := p.cookieSession(r)
	secret, ok := cookie.Values[valueCSRF].([]byte)
	if !ok {
		secret = newSecret()
		cookie.Values[valueCSRF] = secret
		if err := cookie.Save(r, w); err != nil {
			return "", fmt.Errorf("save the cookie: %w", err)
		}
	}
	token := make([]byte, 2*secretSize)
	mask := token[:secretSize]
	rand.Read(mask)
	subtle.XORBytes(token[secretSize:], mask, secret)
	return base64.RawURLEncoding.EncodeToString(token), nil
}

// csrfValid reports whether the form came from a page that Signet rendered for this browser.
func (p *Pages) csrfValid(r *http.Request) bool {
	secret, ok := p.cookieSession(r).Values[valueCSRF].([]byte)
	if !ok {
		return false
	}
	token, err := base64.RawURLEncoding.Strict().DecodeString(r.PostForm.Get(fieldCSRF))
	if err != nil || len(token) != 2*secretSize {
		return false
	}
	sent := make([]byte, secretSize)
	subtle.XORBytes(sent, token[:secretSize], token[secretSize:])
	return subtle.ConstantTimeCompare(sent, secret) == 1
}
