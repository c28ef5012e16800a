package forwardauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// Where browsers sign in, on the host of an application.
const (
	ownPaths     = "/.signet/"
	signInPath   = ownPaths + "sign-in"
	callbackPath = ownPaths + "callback"
)

// application is one behind a proxy: a client with a redirect URI at callbackPath of the host.
type application struct {
	client   *domain.Client
	callback string
	origin   string // scheme and host
	cookies  cookies
}

// application finds the application of a client at a host. A client that registered itself is none.
func (s *Surface) application(ctx context.Context, clientID, host string) (application, error) {
	client, err := s.Registry.LookupClient(ctx, clientID)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return application{}, err
	}
	if err != nil || !client.DisabledAt.IsZero() || client.SelfRegistered() || !slices.Contains(client.GrantTypes, domain.GrantAuthorizationCode) {
		return application{}, denied("There is no such application.")
	}
	for _, uri := range client.RedirectURIs {
		if at, err := url.Parse(uri); err == nil && at.Path == callbackPath && at.RawQuery == "" && strings.ToLower(at.Host) == host {
			return application{client, uri, at.Scheme + "://" + at.Host, cookies{at.Scheme == "https"}}, nil
		}
	}
	return application{}, denied("The application is not registered for this host.")
}

// signInAddress is where a browser signs in that wants to go to a path of the application.
func (a application) signInAddress(to string) string {
	return a.origin + signInPath + "?" + url.Values{"client": {a.client.ClientID}, "to": {local(to)}}.Encode()
}

const maxTo = 1 << 10 // bytes: it is sealed twice into addresses, which proxies bound

// local is an address if that is a path, which cannot lead to another host, and not too long; else the front page.
func local(to string) string {
	if len(to) > maxTo || !plainASCII(to) || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.Contains(to, `\`) {
		return "/"
	}
	return to
}

// navigates says whether a browser goes to an address, and so can be sent elsewhere: its scripts and images cannot.
func (a *asked) navigates() bool {
	if a.method != http.MethodGet && a.method != http.MethodHead {
		return false
	}
	if mode := a.header.Get("Sec-Fetch-Mode"); mode != "" {
		return mode == "navigate"
	}
	return strings.Contains(a.header.Get("Accept"), "text/html")
}
