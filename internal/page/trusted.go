package page

import (
	"net/http"
	"strings"
	"time"
)

const (
	trustedName      = "device"
	trustedLifetime  = 180 * 24 * time.Hour
	maxTrustedLength = 2 << 10
)

// trustedBrowser is the content of a cookie that says which user signed in on this browser before. It authenticates nobody.
type trustedBrowser struct {
	Username string
	Until    time.Time
}

// Remember sets the trusted browser cookie of the user, for 180 days.
func (p *Pages) Remember(w http.ResponseWriter, username string) {
	value, err := p.trusted.Encode(trustedName, trustedBrowser{username, p.now().Add(trustedLifetime)})
	if err != nil {
		return // a name too long for a cookie: the browser is not remembered
	}
	http.SetCookie(w, &http.Cookie{
		Name: p.cookie + "-device", Value: value, Path: "/", MaxAge: int(trustedLifetime.Seconds()),
		HttpOnly: true, Secure: p.https, SameSite: http.SameSiteLaxMode,
	})
}

// Remembers reports whether the user signed in on this browser before.
func (p *Pages) Remembers(r *http.Request, username string) bool {
	cookie, err := r.Cookie(p.cookie + "-device")
	if err != nil {
		return false
	}
	var b trustedBrowser
	if err := p.trusted.Decode(trustedName, cookie.Value, &b); err != nil {
		return false
	}
	return strings.EqualFold(b.Username, username) && p.now().Before(b.Until)
}
