package forwardauth

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// What is sealed, each for its purpose alone.
const (
	sealedTicket = "ticket"
	sealedSignIn = "sign-in"
)

// ticket is a sign-in on its way: the "state" of the authorization request.
type ticket struct {
	Client   string
	Host     string
	To       string // where the browser wanted to go: path and query
	Verifier string // of the code (RFC 7636)
	Browser  []byte // hash of the secret of the browser that began
	Until    time.Time
}

// signIn is what the cookie on the application's host holds.
type signIn struct {
	Host    string
	Grant   int64  // of one client
	Session string // the SID of that grant: a failover that lost the newest commits gives its id out again
}

const (
	ticketLife = 30 * time.Minute // for a person who looks for a password
	maxSealed  = 8 << 10          // bytes
)

// sealer encrypts and authenticates what browsers keep.
type sealer struct{ aead cipher.AEAD }

func newSealer(key []byte) (*sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("the key of sign-ins behind proxies: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("the cipher of sign-ins behind proxies: %w", err)
	}
	return &sealer{aead}, nil
}

func (s *sealer) seal(purpose string, value any) string {
	var plain bytes.Buffer
	to := json.NewEncoder(&plain)
	to.SetEscapeHTML(false) // an & would take six bytes
	if err := to.Encode(value); err != nil {
		panic(err) // our own types
	}
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, plain.Bytes(), []byte(purpose)))
}

// open reads what seal made for the purpose. false: it did not.
func (s *sealer) open(purpose, text string, value any) bool {
	if len(text) > maxSealed {
		return false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return false
	}
	plain, err := s.aead.Open(nil, nil, sealed, []byte(purpose))
	return err == nil && json.Unmarshal(plain, value) == nil
}

// openTicket reads a ticket that is good at a host now.
func (s *sealer) openTicket(state, host string, now time.Time) (t ticket, ok bool) {
	ok = s.open(sealedTicket, state, &t) && t.Host == host && now.Before(t.Until)
	return t, ok
}

// openSignIn reads a sign-in that is good at a host.
func (s *sealer) openSignIn(cookie, host string) (found signIn, ok bool) {
	ok = s.open(sealedSignIn, cookie, &found) && found.Host == host
	return found, ok
}

// cookies are those on an application's host.
type cookies struct{ https bool }

const (
	cookieSignIn  = "signet-proxy"
	cookieBrowser = "signet-proxy-browser"
)

// name is a cookie's: with https one that no other host can have set.
func (c cookies) name(name string) string {
	if c.https {
		return "__Host-" + name
	}
	return name
}

func (c cookies) set(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: c.name(name), Value: value, Path: "/", HttpOnly: true, Secure: c.https, SameSite: http.SameSiteLaxMode,
	})
}

// value is a cookie of a request, empty if there is none, or several of the name.
func (c cookies) value(h http.Header, name string) string {
	found := (&http.Request{Header: h}).CookiesNamed(c.name(name))
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

// browser is the secret of a browser that is on its way to sign in, which it is given first.
func (c cookies) browser(w http.ResponseWriter, r *http.Request) string {
	secret := c.value(r.Header, cookieBrowser)
	if len(secret) != len(rand.Text()) {
		secret = rand.Text()
		c.set(w, cookieBrowser, secret)
	}
	return secret
}

func hashBrowser(secret string) []byte {
	sum := sha256.Sum256([]byte("proxy " + secret))
	return sum[:]
}

// began says whether the browser with this secret began the sign-in.
func (t *ticket) began(secret string) bool {
	return secret != "" && subtle.ConstantTimeCompare(hashBrowser(secret), t.Browser) == 1
}
