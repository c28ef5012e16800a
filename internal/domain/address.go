package domain

import (
	"net"
	"net/netip"
)

// RemoteAddr is the address in what a server calls the remote address of a request; the zero Addr if there is none.
func RemoteAddr(remote string) netip.Addr {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// Network is what is noted of where a request comes from: an IPv4 address, or the /64 of an IPv6 address, of which one person has
// many.
func Network(remote string) string {
	addr := RemoteAddr(remote)
	switch {
	case !addr.IsValid():
		return remote
	case addr.Is6():
		return netip.PrefixFrom(addr, 64).Masked().String()
	}
	return addr.String()
}
