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
	if err := p.makeSecrets(w, r); err != nil {
		return "", err
	}
	token := make([]byte, 2*secretSize)
	mask := token[:secretSize]
	rand.Read(mask)
	subtle.XORBytes(token[secretSize:], mask, p.secret(r, valueCSRF))
	return base64.RawURLEncoding.EncodeToString(token), nil
}

// Browser is a secret that this browser has, and keeps when somebody signs in. The first use gives the browser its cookie.
func (p *Pages) Browser(w http.ResponseWriter, r *http.Request) (string, error) {
	if err := p.makeSecrets(w, r); err != nil {
		return "", err
	}
	return string(p.secret(r, valueBrowser)), nil
}

// makeSecrets gives the browser the secrets that it has not.
func (p *Pages) makeSecrets(w http.ResponseWriter, r *http.Request) error {
	cookie, missing := p.cookieSession(r), false
	for _, name := range []string{valueCSRF, valueBrowser} {
		if p.secret(r, name) == nil {
			cookie.Values[name] = newSecret()
			missing = true
		}
	}
	if !missing {
		return nil
	}
	if err := cookie.Save(r, w); err != nil {
		return fmt.Errorf("save the cookie: %w", err)
	}
	return nil
}

// secret is one that the cookie holds, nil if it does not.
func (p *Pages) secret(r *http.Request, name string) []byte {
	secret, _ := p.cookieSession(r).Values[name].([]byte)
	return secret
}

// csrfCheck is what a form's token is.
type csrfCheck int

const (
	csrfMissing csrfCheck = iota // no token of ours, or no cookie
	csrfStale                    // a token for another secret than this browser's
	csrfBefore                   // from a page of this browser before its last sign-in
	csrfValid                    // from a page of this browser
)

// checkCSRF says whether the form came from a page that Signet rendered for this browser.
func (p *Pages) checkCSRF(r *http.Request) csrfCheck {
	token, err := base64.RawURLEncoding.Strict().DecodeString(r.PostForm.Get(fieldCSRF))
	if err != nil || len(token) != 2*secretSize || p.secret(r, valueCSRF) == nil {
		return csrfMissing
	}
	sent := make([]byte, secretSize)
	subtle.XORBytes(sent, token[:secretSize], token[secretSize:])
	switch {
	case subtle.ConstantTimeCompare(sent, p.secret(r, valueCSRF)) == 1:
		return csrfValid
	case subtle.ConstantTimeCompare(sent, p.secret(r, valueOldCSRF)) == 1:
		return csrfBefore
	}
	return csrfStale
}
