package page

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	trustedName      = "device"
	trustedLifetime  = 180 * 24 * time.Hour
	maxTrustedLength = 2 << 10 // bytes of the cookie
	maxTrustedUsers  = 8       // names
)

// trustedBrowser is the content of a cookie that says which users signed in on this browser before. It authenticates nobody.
type trustedBrowser struct {
	ID    string // random, new with each sign-in
	Users []trustedUser
}

type trustedUser struct {
	Username string
	Until    time.Time
}

// Remember puts the names that a user may sign in by into the trusted browser cookie, for 180 days.
func (p *Pages) Remember(w http.ResponseWriter, r *http.Request, usernames ...string) {
	users := p.trustedBrowser(r).Users
	for _, username := range slices.Backward(usernames) {
		users = slices.DeleteFunc(users, func(u trustedUser) bool { return strings.EqualFold(u.Username, username) })
		users = slices.Insert(users, 0, trustedUser{username, p.now().Add(trustedLifetime)})
	}
	users = users[:min(len(users), maxTrustedUsers)]
	var value string
	var err error
	for ; len(users) > 0; users = users[:len(users)-1] { // whom the cookie has no room for is forgotten
		if value, err = p.trusted.Encode(trustedName, trustedBrowser{rand.Text(), users}); err == nil {
			break
		}
	}
	if len(users) == 0 {
		return // a name too long for a cookie: the browser is not remembered
	}
	http.SetCookie(w, &http.Cookie{
		Name: p.cookie + "-device", Value: value, Path: p.cookies.Options.Path, MaxAge: int(trustedLifetime.Seconds()),
		HttpOnly: true, Secure: p.https, SameSite: http.SameSiteLaxMode,
	})
}

// Remembers returns a name for this browser if the user signed in on it before, or "".
func (p *Pages) Remembers(r *http.Request, username string) (browser string) {
	b := p.trustedBrowser(r)
	if slices.ContainsFunc(b.Users, func(u trustedUser) bool { return strings.EqualFold(u.Username, username) }) {
		return b.ID
	}
	return ""
}

// trustedBrowser reads the request's cookie, without users whose time is over. It is empty if the seal is invalid.
func (p *Pages) trustedBrowser(r *http.Request) (b trustedBrowser) {
	cookie, err := r.Cookie(p.cookie + "-device")
	if err != nil || p.trusted.Decode(trustedName, cookie.Value, &b) != nil {
		return trustedBrowser{}
	}
	b.Users = slices.DeleteFunc(b.Users, func(u trustedUser) bool { return !p.now().Before(u.Until) })
	return b
}
