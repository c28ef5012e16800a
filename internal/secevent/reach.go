package secevent

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

	"github.com/signet-auth/signet/internal/domain"
)

// reach says to which addresses a receiver's endpoint may lead. Each has connections of its own, so that none is used again
// beyond what it was checked for.
type reach int

const (
	reachPublic reach = iota
	reachLoopback
	reachPrivate // public and loopback too
)

func reachOf(r domain.Receiver) reach {
	switch u, err := url.Parse(r.Endpoint); {
	case r.AllowPrivate:
		return reachPrivate
	case err == nil && isLoopback(u.Hostname()):
		return reachLoopback
	default:
		return reachPublic
	}
}

func isLoopback(host string) bool {
	return slices.Contains([]string{"127.0.0.1", "::1", "localhost"}, host)
}

// shared are address blocks that are not the public internet, beyond those that netip knows: carrier-grade NAT (RFC 6598),
// protocol assignments and benchmarks (RFC 6890), reserved, and those that lead into IPv4 (RFC 6052, RFC 3056, RFC 4380).
var shared = func(blocks ...string) (all []netip.Prefix) {
	for _, b := range blocks {
		all = append(all, netip.MustParsePrefix(b))
	}
	return all
}("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "198.18.0.0/15", "240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")

var errUnreachable = errors.New("the endpoint's address is not on the public internet: register the receiver with --allow-private if it should be")

// allows judges the address that a connection is about to be made to, after the name was resolved. Link-local addresses, where
// clouds keep credentials, are never allowed.
func (r reach) allows(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	switch {
	case a.IsLoopback():
		return r != reachPublic
	case r == reachLoopback || !a.IsGlobalUnicast():
		return false
	case a.IsPrivate() || slices.ContainsFunc(shared, func(p netip.Prefix) bool { return p.Contains(a) }):
		return r == reachPrivate
	default:
		return true
	}
}

func newClients() map[reach]*http.Client {
	clients := map[reach]*http.Client{}
	for _, r := range []reach{reachPublic, reachLoopback, reachPrivate} {
		dialer := &net.Dialer{
			Timeout: pushTimeout / 2,
			ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
				at, err := netip.ParseAddrPort(address)
				if err != nil || !r.allows(at.Addr()) {
					return errUnreachable
				}
				return nil
			},
		}
		clients[r] = &http.Client{
			Transport: &http.Transport{ // without a proxy, which would be the only address that is checked
				DialContext: dialer.DialContext, TLSHandshakeTimeout: pushTimeout / 2, ResponseHeaderTimeout: pushTimeout,
				MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: 16 << 10, ForceAttemptHTTP2: true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	return clients
}
