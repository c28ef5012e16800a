package forwardauth

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

// asked is a question of a proxy: what the application needs, and the request that wants to pass.
type asked struct {
	needs
	method  string
	host    string // with the port, if it has one; in small letters
	uri     string // path and query, as the client sent them
	header  http.Header
	address string // the client's
}

// needs is what the configuration of the proxy says that a request needs.
type needs struct {
	client      string   // the application that browsers sign in to, by client_id; empty: access tokens alone
	api         string   // the audience of access tokens; empty: sign-ins alone
	permissions []string // of that API, all of which are needed
	resource    string   // the type of resource of which the API's policy decides; empty: it is not asked
}

const (
	maxNeed = 2000 // bytes
	maxHost = 300  // bytes
	maxURI  = 8 << 10
)

// readNeeds reads the parameters by which a proxy is configured.
func readNeeds(values url.Values) (n needs, err error) {
	for name, given := range values {
		if len(given) != 1 || len(given[0]) > maxNeed || !utf8.ValidString(given[0]) || strings.Contains(given[0], "\x00") {
			return n, misconfigured("A parameter is given twice, or is no text of at most 2000 bytes.")
		}
		if strings.Trim(given[0], " ") == "" { // nothing would be needed where the configuration means something
			return n, misconfigured("A parameter is empty.")
		}
		switch value := given[0]; name {
		case "client":
			n.client = value
		case "api":
			n.api = value
		case "permission":
			n.permissions = token.SplitScopes(value)
		case "resource":
			n.resource = value
		default:
			return n, misconfigured("The parameters are client, api, permission and resource.")
		}
	}
	switch {
	case n.client == "" && n.api == "":
		return n, misconfigured("Say with the parameter 'api' which access tokens count, or with 'client' which sign-ins.")
	case n.api == "" && (len(n.permissions) > 0 || n.resource != ""):
		return n, misconfigured("Say with the parameter 'api' of which API permissions and resources are.")
	}
	return n, nil
}

func misconfigured(text string) error { return &refusal{http.StatusBadRequest, text} }

// denied refuses a request for what its client has sent. Not 400, which nginx takes for a failure.
func denied(text string) error { return &refusal{http.StatusForbidden, text} }

// readHTTP reads a question of nginx, Traefik or Caddy.
func readHTTP(r *http.Request) (*asked, error) {
	if !fromProxy(r) {
		return nil, denied("This is for proxies that trusted_proxies names.")
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, misconfigured("The query cannot be read.")
	}
	a := &asked{header: r.Header, address: r.RemoteAddr}
	if a.needs, err = readNeeds(values); err != nil {
		return nil, err
	}
	for _, part := range []struct {
		to    *string
		names []string
	}{
		{&a.method, []string{"X-Forwarded-Method", "X-Original-Method"}},
		{&a.uri, []string{"X-Forwarded-Uri", "X-Original-Uri"}},
		{&a.host, []string{"X-Forwarded-Host"}},
	} {
		var said []string
		for _, name := range part.names {
			said = append(said, r.Header.Values(name)...)
		}
		switch len(said) {
		case 0:
			return nil, misconfigured("The proxy has to send " + strings.Join(part.names, " or ") + ".")
		case 1:
			*part.to = said[0]
		default: // its client sends one, too
			return nil, denied("Send no headers of proxies.")
		}
	}
	return a, a.check()
}

// check refuses what no honest client sends.
func (a *asked) check() error {
	a.host = strings.ToLower(a.host)
	switch {
	case !plainASCII(a.method) || len(a.method) > 32, !plainASCII(a.host) || len(a.host) > maxHost, strings.ContainsAny(a.host, `/\@?#,`):
		return denied("The request has no method or host that can be read.")
	case !plainASCII(a.uri) || len(a.uri) > maxURI || !strings.HasPrefix(a.uri, "/"):
		return denied("The address of the request is too long, or not well-formed.")
	}
	return nil
}

// plainASCII says whether text is of visible ASCII characters, and not empty.
func plainASCII(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// path is the path of the request without escapes. false: others may read it as another path.
func (a *asked) path() (string, bool) {
	raw, _, _ := strings.Cut(a.uri, "?")
	path, err := url.PathUnescape(raw)
	if err != nil || !utf8.ValidString(path) || strings.ContainsAny(path, `\%;#?`) || strings.Contains(path, "//") ||
		strings.Contains(strings.ToLower(raw), "%2f") || strings.ContainsFunc(path, unicode.IsControl) {
		return "", false
	}
	dots := func(segment string) bool { return segment == "." || segment == ".." }
	return path, !slices.ContainsFunc(strings.Split(path, "/"), dots)
}

// presentsToken says whether a request has an Authorization header of the scheme Bearer.
func (a *asked) presentsToken() bool {
	return slices.ContainsFunc(a.header.Values("Authorization"), func(header string) bool {
		scheme, _, _ := strings.Cut(header, " ")
		return strings.EqualFold(scheme, "Bearer")
	})
}

// ip is the client's address, empty if it is not known.
func (a *asked) ip() string {
	if address := domain.RemoteAddr(a.address); address.IsValid() {
		return address.String()
	}
	return ""
}
