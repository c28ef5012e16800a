package server

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/forwardauth"
)

// realAddress puts the client's address into the request's RemoteAddr when the request came through trusted proxies.
func realAddress(trusted []netip.Prefix, next http.Handler) http.Handler {
	if len(trusted) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
			r.RemoteAddr = behindProxies(trusted, peer, r.Header).String()
		}
		next.ServeHTTP(w, r)
	})
}

// markProxies marks the contexts of connections that come from trusted proxies.
func markProxies(trusted []netip.Prefix) func(ctx context.Context, c net.Conn) context.Context {
	return func(ctx context.Context, c net.Conn) context.Context {
		if peer, err := netip.ParseAddrPort(c.RemoteAddr().String()); err == nil && containsAddr(trusted, peer.Addr()) {
			return forwardauth.FromProxy(ctx)
		}
		return ctx
	}
}

// behindProxies goes back hop by hop while the hop is a trusted proxy; the first other one is the client. A hop without an address ends
// the search. X-Forwarded-For comes first: Forwarded (RFC 7239), which most proxies pass on from the client, is read only without it.
func behindProxies(trusted []netip.Prefix, peer netip.AddrPort, header http.Header) netip.AddrPort {
	hops := forwardedFor(header.Values("X-Forwarded-For"))
	if len(hops) == 0 {
		hops = forwarded(header.Values("Forwarded"))
	}
	for _, hop := range slices.Backward(hops) {
		before, ok := parseNode(hop)
		if !ok || !containsAddr(trusted, peer.Addr()) {
			break
		}
		peer = before
	}
	return peer
}

func containsAddr(prefixes []netip.Prefix, addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// forwardedFor lists the hops of X-Forwarded-For, the nearest last. Blank members of a list do not count (RFC 9110 §5.6.1).
func forwardedFor(lines []string) []string {
	var hops []string
	for hop := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		if hop = strings.Trim(hop, " \t"); hop != "" {
			hops = append(hops, strings.Trim(hop, `"`))
		}
	}
	return hops
}

// forwarded lists the hops of Forwarded (RFC 7239 §4), the nearest last; one that names no client is "". A line that is not
// well-formed ends what is known: a client may have written its first half.
func forwarded(lines []string) []string {
	var hops []string
	for _, line := range lines {
		found, ok := forwardedLine(line)
		if !ok {
			found = []string{""}
		}
		hops = append(hops, found...)
	}
	return hops
}

func forwardedLine(line string) (hops []string, ok bool) {
	hop, blank := "", true
	for line = strings.TrimLeft(line, " \t"); line != ""; line = strings.TrimLeft(line, " \t") {
		switch line[0] {
		case ',':
			if !blank {
				hops = append(hops, hop)
			}
			hop, blank, line = "", true, line[1:]
		case ';':
			line = line[1:]
		default:
			name, value, rest, ok := forwardedPair(line)
			if !ok {
				return nil, false
			}
			if strings.EqualFold(name, "for") {
				hop = value
			}
			blank, line = false, rest
		}
	}
	if !blank {
		hops = append(hops, hop)
	}
	return hops, true
}

// forwardedPair reads name=value or name="value" from the beginning of text; after it comes a separator, or nothing.
func forwardedPair(text string) (name, value, rest string, ok bool) {
	name, rest, ok = strings.Cut(text, "=")
	name, rest = strings.TrimRight(name, " \t"), strings.TrimLeft(rest, " \t")
	if !ok || name == "" || strings.ContainsAny(name, " \t,;\"") {
		return "", "", "", false
	}
	if value, ok = strings.CutPrefix(rest, `"`); ok {
		value, rest, ok = unquote(value)
	} else {
		end := strings.IndexAny(rest, " \t,;")
		if end < 0 {
			end = len(rest)
		}
		value, rest, ok = rest[:end], rest[end:], !strings.Contains(rest[:end], `"`)
	}
	rest = strings.TrimLeft(rest, " \t")
	return name, value, rest, ok && (rest == "" || rest[0] == ',' || rest[0] == ';')
}

// unquote reads a quoted-string (RFC 9110 §5.6.4) whose opening quote has been read.
func unquote(text string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), text[i+1:], true
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return "", "", false
}

// parseNode reads the address of a hop: 203.0.113.7, 203.0.113.7:51234, 2001:db8::1, [2001:db8::1] or [2001:db8::1]:51234
// (RFC 7239 §6). The port is 0 where none is given or it is obfuscated. "unknown" and obfuscated names are no addresses.
func parseNode(node string) (netip.AddrPort, bool) {
	if addr, err := netip.ParseAddr(node); err == nil {
		return netip.AddrPortFrom(addr.Unmap(), 0), true
	}
	host, port := node, ""
	if !strings.HasPrefix(node, "[") || !strings.HasSuffix(node, "]") {
		var err error
		if host, port, err = net.SplitHostPort(node); err != nil {
			return netip.AddrPort{}, false
		}
	}
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
	if err != nil {
		return netip.AddrPort{}, false
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		number = 0
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(number)), true
}
