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

// NetworkPrefix is the network of one customer that a request comes from: an IPv4 address, or the /64 of an IPv6 address. The zero Prefix
// if there is no address.
func NetworkPrefix(remote string) netip.Prefix {
	addr := RemoteAddr(remote)
	length := addr.BitLen()
	if addr.Is6() {
		length = 64
	}
	network, _ := addr.Prefix(length)
	return network
}

// Network is NetworkPrefix as text: an IPv4 address without its length, and the remote address itself if it cannot be read.
func Network(remote string) string {
	network := NetworkPrefix(remote)
	switch {
	case !network.IsValid():
		return remote
	case network.IsSingleIP():
		return network.Addr().String()
	}
	return network.String()
}
