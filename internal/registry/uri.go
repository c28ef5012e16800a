package registry

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	maxRedirectBytes = 2000
	maxAudienceBytes = 500
)

var (
	// uriRule is the alphabet of URIs (RFC 3986 §2). Backslashes, quotes, spaces and controls, which readers of URIs
	// disagree about, are not in it.
	uriRule  = regexp.MustCompile(`^[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+$`)
	hostRule = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
)

var errLoopbackOnly = errors.New("http is only allowed for loopback (127.0.0.1, [::1], localhost); use https")

// Parameters of the answers that are sent to a URI: with one in its own query too, it could not be told which of the two is the answer's.
var (
	// answerParameters are those of authorization responses (RFC 6749 §4.1.2, §4.2.2; RFC 9207 §2; OpenID Connect Core §3.3.2.5, Session
	// Management 1.0 §3; JARM §2.3).
	answerParameters = []string{
		"code", "state", "iss", "error", "error_description", "error_uri", "session_state", "id_token", "access_token", "token_type", "expires_in",
		"response",
	}
	// logoutAnswerParameters are those that a client gets back after a logout (RP-Initiated Logout 1.0 §3).
	logoutAnswerParameters = []string{"state"}
	// frontchannelParameters are those of a front-channel logout (OpenID Connect Front-Channel Logout 1.0 §2).
	frontchannelParameters = []string{"iss", "sid"}
)

// checkRedirectURIs checks the URIs of a kind, which a field has, for the error. reserved are the parameters of the answers that are sent there.
func checkRedirectURIs(field, kind string, uris, reserved []string) error {
	if len(uris) > maxRedirectURIs {
		return domain.Invalid(field, domain.RuleTooMany, "%ss: there are %d; use at most %d", kind, len(uris), maxRedirectURIs)
	}
	for i, uri := range uris {
		if err := checkRedirectedTo(domain.Element(field, i), kind, uri, reserved); err != nil {
			return err
		}
	}
	return checkUnique(field, kind, uris)
}

func checkRedirectedTo(field, kind, uri string, reserved []string) error {
	if err := errors.Join(checkRedirectURI(uri), checkQuery(uri, reserved)); err != nil {
		return domain.Invalid(field, domain.RuleFormat, "%s %q: %w", kind, shorten(uri), err)
	}
	return nil
}

// checkRedirectURI says what is wrong with a redirect URI (RFC 9700 §2.1, §4.1.3; RFC 8252 §7). Private-use schemes are taken as
// applications have them. Codes are sent to it, so whatever two readers could understand differently is refused.
func checkRedirectURI(raw string) error {
	u, err := parseURI(raw, maxRedirectBytes)
	switch {
	case err != nil:
		return err
	case strings.Contains(raw, "*"):
		return errors.New("wildcards are not allowed; register each URI in full")
	case slices.ContainsFunc(strings.Split(u.Path, "/"), func(s string) bool { return s == "." || s == ".." }):
		return errors.New("remove the . and .. segments from its path")
	}
	// The authorization endpoint lets the port of a loopback address vary, and there overlooks the scheme.
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() && u.Scheme != "http" {
		return errors.New("use http for a loopback address")
	}
	switch {
	case u.Scheme == "https":
		return checkHost(u)
	case u.Scheme == "http":
		return checkLoopback(u)
	case slices.Contains(foreignSchemes, u.Scheme):
		return fmt.Errorf("the scheme %s is not an application's; use https, or for an app its reversed domain as the scheme, like com.example.app:/callback",
			u.Scheme)
	case u.Opaque != "":
		return errors.New("write a slash after the scheme, like com.example.app:/callback")
	}
	return nil
}

// checkQuery refuses a URI with a parameter in its query that the answer has. Whoever reads a semicolon as a separator, and whoever does
// not, finds none.
func checkQuery(raw string, reserved []string) error {
	_, query, _ := strings.Cut(raw, "?")
	for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, _, _ := strings.Cut(pair, "=")
		if unescaped, err := url.QueryUnescape(name); err == nil {
			name = unescaped
		}
		if slices.Contains(reserved, strings.ToLower(name)) {
			return fmt.Errorf("remove %s from its query: Signet adds a parameter of this name to what it sends there", name)
		}
	}
	return nil
}

// origin is scheme, host and port of a URI, empty if it is none.
func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// checkFetched says what is wrong with a URI that Signet itself calls, if there is one; field and what it is, for the error.
func checkFetched(field, what, raw string) error {
	if raw == "" {
		return nil
	}
	u, err := parseURI(raw, maxRedirectBytes)
	switch {
	case err != nil:
	case u.Scheme == "https":
		err = checkHost(u)
	case u.Scheme == "http":
		err = checkLoopback(u)
	default:
		err = errors.New("use an https URL")
	}
	if err != nil {
		return domain.Invalid(field, domain.RuleFormat, "%s %q: %w", what, shorten(raw), err)
	}
	return nil
}

// foreignSchemes have a meaning in browsers or to other programs: what is sent there may run as a script, or reach somebody else.
var foreignSchemes = []string{
	"javascript", "vbscript", "livescript", "mocha", "data", "file", "blob", "filesystem", "about", "view-source", "jar", "mhtml", "mk", "res",
	"resource", "chrome", "chrome-extension", "moz-extension", "edge", "opera", "devtools", "intent", "android-app", "content", "x-apple",
	"ws", "wss", "ftp", "ftps", "sftp", "gopher", "mailto", "tel", "sms", "smsto", "callto", "facetime", "news", "nntp", "irc", "ldap", "ldaps",
	"ssh", "telnet", "git", "smb", "nfs", "afp", "rtsp", "magnet", "ms-settings", "search-ms", "ms-msdt", "shell", "urn", "cid", "mid", "tag",
}

// nameRule is that of audiences that are no URLs, as other systems have them: orders, api://orders, urn:example:orders.
var nameRule = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]*$`)

// checkAudience says what is wrong with an API's audience: a URL (RFC 8707 §2), or another name.
func checkAudience(raw string) error {
	fail := func(err error) error {
		return domain.Invalid("audience", domain.RuleFormat, "audience %q: %w", shorten(raw), err)
	}
	scheme, _, _ := strings.Cut(strings.ToLower(raw), ":")
	if scheme != "https" && scheme != "http" {
		switch {
		case len(raw) > maxAudienceBytes:
			return fail(fmt.Errorf("it has %d bytes; use at most %d", len(raw), maxAudienceBytes))
		case !nameRule.MatchString(raw) || strings.HasSuffix(raw, ":"):
			return fail(errors.New("use a URL or a name in ASCII without spaces, quotes or #, like https://orders.example, orders or urn:example:orders"))
		}
		return nil
	}
	u, err := parseURI(raw, maxAudienceBytes)
	if err == nil && u.Scheme == "https" {
		err = checkHost(u)
	} else if err == nil {
		err = checkLoopback(u)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// checkReserved refuses an audience, or a client_id, which is the audience of ID tokens, that is Signet's own in whatever spelling: an API
// of the issuer's name would be sent every token for userinfo, and some services compare audiences loosely. what it is, for the error.
func checkReserved(what, name, issuer string) error {
	given, own := canonical(name), canonical(issuer)
	for _, reserved := range []string{issuer, domain.AdminAudience} {
		if given == canonical(reserved) {
			return domain.Invalid(what, domain.RuleReserved, "%s %q: tokens for %s are for Signet itself; choose another", what, shorten(name), reserved)
		}
	}
	under, below := strings.CutPrefix(given, own+"/")
	first, _, _ := strings.Cut(under, "/")
	if below && slices.Contains(domain.OwnPaths, first) {
		return domain.Invalid(what, domain.RuleReserved, "%s %q: %s/%s is Signet's own; choose another", what, shorten(name), issuer, first)
	}
	return nil
}

// canonical is one spelling of all URIs that a reader may take for the same: unescaped, in small letters, without a default port, zeros
// before a port, . and .. segments, a dot after the host, or slashes and an empty query at the end.
func canonical(uri string) string {
	if unescaped, err := url.PathUnescape(uri); err == nil {
		uri = unescaped
	}
	uri = strings.ToLower(uri)
	if u, err := url.Parse(uri); err == nil && u.Host != "" {
		port := strings.TrimLeft(u.Port(), "0")
		if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
			port = ""
		}
		if port != "" {
			port = ":" + port
		}
		uri = u.Scheme + "://" + strings.TrimRight(u.Hostname(), ".") + port + path.Clean("/"+u.Path)
	}
	return strings.TrimRight(uri, "/?:")
}

// parseURI reads an absolute URI without userinfo and fragment.
func parseURI(raw string, limit int) (*url.URL, error) {
	switch {
	case len(raw) > limit:
		return nil, fmt.Errorf("it has %d bytes; use at most %d", len(raw), limit)
	case !uriRule.MatchString(raw):
		return nil, errors.New("write an absolute URI in ASCII, without spaces, quotes or backslashes")
	case strings.Contains(raw, "#"):
		return nil, errors.New("remove the fragment, from the # on")
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, errors.New("it cannot be read as a URI")
	case !u.IsAbs():
		return nil, errors.New("write an absolute URI, beginning with https://")
	case u.User != nil:
		return nil, errors.New("remove the user name before the @")
	}
	return u, nil
}

// checkLoopback wants one of the names whose port the authorization endpoint lets vary (RFC 8252 §7.3): others would be taken to the byte,
// to the surprise of an app that finds its port taken.
func checkLoopback(u *url.URL) error {
	if !slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, u.Hostname()) {
		return errLoopbackOnly
	}
	return checkHost(u)
}

// checkHost wants a plain host, and a port that exists.
func checkHost(u *url.URL) error {
	ip := net.ParseIP(u.Hostname())
	if ip == nil && !hostRule.MatchString(u.Hostname()) {
		return errors.New("write a host after the two slashes, like https://app.example/callback")
	}
	if strings.HasSuffix(u.Host, ":") {
		return errors.New("remove the colon after the host, or add a port")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return errors.New("use a port from 1 to 65535")
		}
	}
	return nil
}

// shorten keeps a message readable when the input is huge.
func shorten(s string) string {
	if len(s) <= 200 {
		return s
	}
	return s[:200] + "…"
}
