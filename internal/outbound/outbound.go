// Package outbound is how Signet calls others over HTTP: to addresses that were judged after their names were resolved, without redirects
// and proxies.
package outbound

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/signet-auth/signet/internal/tracing"
)

// Reach says to which addresses an endpoint may lead. Each has connections of its own, so that none is used again beyond what it was
// checked for.
type Reach int

// The reaches.
const (
	Public Reach = iota
	Loopback
	Private // public and loopback too
)

func reachOf(endpoint *url.URL, allowPrivate bool) Reach {
	switch {
	case allowPrivate:
		return Private
	case IsLoopback(endpoint.Hostname()) && !hidesIPv4(endpoint.Hostname()):
		return Loopback
	default:
		return Public
	}
}

// IsLoopback reports whether a host is this machine's own: localhost, 127.0.0.0/8 or ::1.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// hidesIPv4 reports whether a host is an IPv6 address that stands for one of IPv4: nobody who means this machine writes that.
func hidesIPv4(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Is4In6()
}

// shared are address blocks that are not the public internet, beyond those that netip knows: carrier-grade NAT (RFC 6598),
// protocol assignments and benchmarks (RFC 6890), reserved, and those that lead into IPv4 (RFC 6052, RFC 3056, RFC 4380).
var shared = func(blocks ...string) (all []netip.Prefix) {
	for _, b := range blocks {
		all = append(all, netip.MustParsePrefix(b))
	}
	return all
}("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")

// ErrNotPublic says that an endpoint leads to an address that is not on the public internet.
var ErrNotPublic = errors.New("the endpoint's address is not on the public internet")

// allows judges the address that a connection is about to be made to, after the name was resolved. Link-local addresses, where
// clouds keep credentials, are never allowed.
func (r Reach) allows(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	switch {
	case a.IsLoopback():
		return r != Public
	case r == Loopback || !a.IsGlobalUnicast():
		return false
	case a.IsPrivate() || slices.ContainsFunc(shared, func(p netip.Prefix) bool { return p.Contains(a) }):
		return r == Private
	default:
		return true
	}
}

// Clients are HTTP clients, one for each reach.
type Clients map[Reach]*http.Client

// NewClients makes them; a request takes at most about the given time.
func NewClients(timeout time.Duration) Clients { return newClients(timeout, nil) }

// newClients resolves names by a resolver, nil: the system's.
func newClients(timeout time.Duration, resolver *net.Resolver) Clients {
	clients := Clients{}
	for _, r := range []Reach{Public, Loopback, Private} {
		dialer := &net.Dialer{
			Timeout: timeout / 2, Resolver: resolver,
			// Called with each address that is about to be connected to: what the name resolves to at another time does not matter.
			ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
				at, err := netip.ParseAddrPort(address)
				if err != nil || !r.allows(at.Addr()) {
					return ErrNotPublic
				}
				return nil
			},
		}
		clients[r] = &http.Client{
			Transport: &http.Transport{ // without a proxy, which would be the only address that is checked
				DialContext: dialer.DialContext, TLSHandshakeTimeout: timeout / 2, ResponseHeaderTimeout: timeout,
				MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 16 << 10, ForceAttemptHTTP2: true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return clients
}

// Do sends a request to an endpoint, which may be at a private address if that is allowed. ErrNotPublic if the endpoint's address is
// beyond its reach. No error has the URL in it, whose query may be secret.
func (c Clients) Do(request *http.Request, allowPrivate bool) (*http.Response, error) {
	return c.send(request, reachOf(request.URL, allowPrivate))
}

// DoForStranger is Do where somebody unknown chose the endpoint: this machine is no public endpoint either, whatever its name in the URL.
func (c Clients) DoForStranger(request *http.Request, allowPrivate bool) (*http.Response, error) {
	if allowPrivate {
		return c.send(request, Private)
	}
	return c.send(request, Public)
}

func (c Clients) send(request *http.Request, reach Reach) (*http.Response, error) {
	defer tracing.StartCall(request.Context(), request.URL.Hostname())()
	response, err := c[reach].Do(request) //nolint:gosec // the client judges the address that it connects to
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	return response, err
}
