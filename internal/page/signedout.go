package page

import (
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// SignedOut is what the page says to whoever has signed out.
type SignedOut struct {
	Frames []string // addresses where applications hear of it (OpenID Connect Front-Channel Logout 1.0 §2)
	Next   string   // where to go then, a registered URI; empty: nowhere
	Reason string   // why not, although the application wants it; empty: it does not
}

// signedOut adds what the template needs.
type signedOut struct {
	SignedOut
	Link template.HTMLAttr
}

// SignedOut answers with the page. It tells applications of the sign-out by frames, and goes on when these have loaded or after a few
// seconds; without scripts a link does. The policy allows frames of the applications alone.
func (p *Pages) SignedOut(w http.ResponseWriter, r *http.Request, s SignedOut) {
	status := http.StatusOK
	if s.Reason != "" {
		status = http.StatusBadRequest
	}
	p.secure(w)
	if len(s.Frames) > 0 {
		w.Header().Set("Content-Security-Policy", policy+"; form-action 'self'; frame-src "+strings.Join(origins(s.Frames), " "))
	}
	data := signedOut{SignedOut: s}
	if s.Next != "" {
		w.Header().Set("Cross-Origin-Opener-Policy", "unsafe-none") // as AllowRedirect: a popup may report back to its opener
		// Not as a URL: the template knows no private-use schemes.
		data.Link = template.HTMLAttr(`href="` + template.HTMLEscapeString(s.Next) + `"`) //nolint:gosec // escaped
	}
	p.Render(w, r, status, "signed_out", data)
}

// origins are those of addresses, each once.
func origins(addresses []string) (found []string) {
	for _, address := range addresses {
		if u, err := url.Parse(address); err == nil {
			found = append(found, u.Scheme+"://"+u.Host)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// frontchannelAddress is where a client hears of the end of a session. Its query stays as it was registered.
func (p *Pages) frontchannelAddress(l domain.FrontchannelLogout, sid string) string {
	if !l.WithSession {
		return l.URI
	}
	separator := "?"
	if strings.Contains(l.URI, "?") {
		separator = "&"
	}
	return l.URI + separator + url.Values{"iss": {p.issuer}, "sid": {sid}}.Encode()
}
