package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/outbound"
)

// localIssuer is how a browser on the same machine reaches the listener. Empty if listen is no host:port.
func localIssuer(listen string, https bool) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		host = "localhost"
	}
	local := url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}
	if https {
		local.Scheme = "https"
	}
	if exact, err := exactOrigin(&local); err == nil {
		return exact
	}
	return local.String()
}

// checkIssuer holds the issuer to RFC 8414 §2, and lets it be plain http on this machine alone. Clients compare
// issuers letter by letter (RFC 3986 §6.2.1), and libraries of HTTP and URLs write a URL in its normal form: one in any other form
// matches at no client, so it is refused with the form to use.
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case issuer == "": // listen is wrong, and said so
		return nil
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%q is not a URL such as https://login.example.com", issuer)
	}
	exact, err := exactOrigin(u)
	host := strings.ToLower(u.Hostname())
	switch {
	case err != nil:
		return fmt.Errorf("%q has %w", issuer, err)
	case u.Scheme == "http" && !outbound.IsLoopback(strings.TrimSuffix(host, ".")):
		return fmt.Errorf("%q must be https, as only a loopback host may be http: set the URL that clients use, such as %s",
			issuer, "https"+strings.TrimPrefix(exact, "http"))
	case u.User != nil:
		return fmt.Errorf("must not contain a user or password: use %s", exact)
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(issuer, "#"):
		return fmt.Errorf("%q must have no query or fragment: use %s", issuer, exact)
	}
	path := strings.TrimRight(u.EscapedPath(), "/")
	err = checkIssuerPath(path)
	switch {
	case err != nil:
		return fmt.Errorf("%q has a path %w, such as %s/auth", issuer, err, exact)
	case strings.HasSuffix(issuer, "/"):
		return fmt.Errorf("%q must not end in a slash: use %s", issuer, exact+path)
	case issuer != exact+path:
		return fmt.Errorf("%q is not how clients write it: use %s", issuer, exact+path)
	}
	return nil
}

const maxPath = 200 // bytes of the issuer's path, which is in each cookie and token

var pathRule = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)*$`)

// checkIssuerPath says what is wrong with the issuer's path. Nothing in it needs escaping, so that a path has one spelling. A request under it
// is told from one whose path a proxy has stripped by the first segment, which therefore is none of Signet's own.
func checkIssuerPath(path string) error {
	segments := strings.Split(path, "/")
	switch {
	case path == "":
		return nil
	case len(path) > maxPath:
		return fmt.Errorf("of %d bytes: use one of %d at most", len(path), maxPath)
	case !pathRule.MatchString(path) || slices.Contains(segments, ".") || slices.Contains(segments, ".."):
		return errors.New("that is not plain: use letters, digits, -, _ and ~ between single slashes")
	case slices.Contains(domain.OwnPaths, segments[1]):
		return fmt.Errorf("that begins with /%s, which is one of Signet's own pages: use another", segments[1])
	}
	return nil
}

// exactOrigin writes scheme, host and port of a URL in their normal form (RFC 3986 §6.2.2, §6.2.3): small letters, a host name as it
// is in the DNS, no default port. The error says what no client can reach.
func exactOrigin(u *url.URL) (string, error) {
	host, err := exactHost(u.Hostname())
	if err != nil {
		return "", err
	}
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" {
		return scheme + "://" + host, nil
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil || number == 0 {
		return "", errors.New("no port between 1 and 65535")
	}
	if scheme == "https" && number == 443 || scheme == "http" && number == 80 {
		return scheme + "://" + host, nil
	}
	return fmt.Sprintf("%s://%s:%d", scheme, host, number), nil
}

var (
	hostName    = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$`)
	likeAddress = regexp.MustCompile(`(^|\.)([0-9]+|0x[0-9a-f]*)$`) // URL Standard §3.5, "ends in a number"
)

// domainToASCII is what browsers do (URL Standard §3.3): "_" is none of IDNA's letters, and yet in use.
var domainToASCII = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false), idna.CheckHyphens(false))

// exactHost writes a host as in a normal URL, an IPv6 address in brackets.
func exactHost(host string) (string, error) {
	addr, err := netip.ParseAddr(host)
	switch {
	case err == nil && (addr.Unmap().IsUnspecified() || addr.Zone() != ""):
		return "", errors.New("an address that other machines cannot reach")
	case err == nil && addr.Is4In6(): // in hexadecimal, too (URL Standard §3.5, "IPv6 serializer")
		b := addr.As16()
		return fmt.Sprintf("[::ffff:%x:%x]", uint16(b[12])<<8|uint16(b[13]), uint16(b[14])<<8|uint16(b[15])), nil
	case err == nil && addr.Is6():
		return "[" + addr.String() + "]", nil
	case err == nil:
		return addr.String(), nil
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	name, err := domainToASCII.ToASCII(host)
	longLabel := func(label string) bool { return len(label) > 63 }
	if err != nil || !hostName.MatchString(name) || len(name) > 253 || slices.ContainsFunc(strings.Split(name, "."), longLabel) || likeAddress.MatchString(name) {
		return "", errors.New("no host name such as login.example.com")
	}
	return name, nil
}
