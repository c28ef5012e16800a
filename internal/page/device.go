package page

import (
	"net/http"
	"strings"
	"time"
)

const (
	deviceName      = "device"
	deviceLifetime  = 180 * 24 * time.Hour
	maxDeviceLength = 2 << 10
)

// device is what a browser keeps to show that somebody signed in on it before. It opens nothing.
type device struct {
	Username string
	Until    time.Time
}

// Remember marks the browser as one that the user signed in on, for 180 days.
func (p *Pages) Remember(w http.ResponseWriter, username string) {
	value, err := p.devices.Encode(deviceName, device{username, p.now().Add(deviceLifetime)})
	if err != nil {
		return // a name too long for a cookie: the browser stays a stranger
	}
	http.SetCookie(w, &http.Cookie{
		Name: p.cookie + "-device", Value: value, Path: "/", MaxAge: int(deviceLifetime.Seconds()),
		HttpOnly: true, Secure: p.https, SameSite: http.SameSiteLaxMode,
	})
}

// Remembers says whether the user signed in on this browser before.
func (p *Pages) Remembers(r *http.Request, username string) bool {
	cookie, err := r.Cookie(p.cookie + "-device")
	if err != nil {
		return false
	}
	var d device
	if err := p.devices.Decode(deviceName, cookie.Value, &d); err != nil {
		return false
	}
	return strings.EqualFold(d.Username, username) && p.now().Before(d.Until)
}
