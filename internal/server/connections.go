package server

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signet-auth/signet/internal/limits"
)

// connections bounds how many connections are open, in all and from one network. Those of trusted proxies, which bound them
// themselves, have no limit.
type connections struct {
	most, ofNetwork int // 0: any number
	trusted         []netip.Prefix
	refused         func() // is called for each that was closed

	mu       sync.Mutex
	open     map[*connection]struct{}
	networks map[netip.Prefix]map[*connection]struct{} // the same by where they come from
}

func newConnections(most, ofNetwork int, trusted []netip.Prefix) *connections {
	return &connections{
		most: most, ofNetwork: ofNetwork, trusted: trusted, refused: func() {},
		open: map[*connection]struct{}{}, networks: map[netip.Prefix]map[*connection]struct{}{},
	}
}

// connection is one that counts.
type connection struct {
	net.Conn
	of      *connections
	network netip.Prefix
	idle    atomic.Int64 // since when it has no request, in nanoseconds of Unix time; 0: it has one
	closed  sync.Once
}

// Close implements net.Conn.
func (c *connection) Close() error {
	c.closed.Do(func() { c.of.leave(c) })
	return c.Conn.Close()
}

// CloseWrite lets net/http end an answer before it closes, so that a client reads it whole.
func (c *connection) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// boundedListener closes connections that are too many.
type boundedListener struct {
	net.Listener
	connections *connections
}

// Accept implements net.Listener.
func (l boundedListener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if admitted := l.connections.admit(accepted); admitted != nil {
			return admitted, nil
		}
		_ = accepted.Close()
	}
}

// admit counts a connection; nil if there are too many. Where all are taken, or all of its network, the one of these that has had no
// request for the longest makes room.
func (s *connections) admit(accepted net.Conn) net.Conn {
	from, err := netip.ParseAddrPort(accepted.RemoteAddr().String())
	if err == nil && containsAddr(s.trusted, from.Addr()) {
		return accepted
	}
	c := &connection{Conn: accepted, of: s, network: limits.At(accepted.RemoteAddr().String(), "").Network}
	c.idle.Store(time.Now().UnixNano())
	longest, admitted := s.join(c)
	if !admitted || longest != nil {
		s.refused()
	}
	if longest != nil {
		_ = longest.Close()
	}
	if !admitted {
		return nil
	}
	return c
}

// join adds a connection, and returns the one that has to close for it.
func (s *connections) join(c *connection) (longest *connection, admitted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	full := s.open
	switch ofNetwork := s.networks[c.network]; {
	case s.ofNetwork > 0 && len(ofNetwork) >= s.ofNetwork:
		full = ofNetwork
	case s.most == 0 || len(s.open) < s.most:
		full = nil
	}
	if full != nil {
		if longest = longestIdle(full); longest == nil {
			return nil, false
		}
		s.remove(longest)
	}
	s.open[c] = struct{}{}
	if s.networks[c.network] == nil {
		s.networks[c.network] = map[*connection]struct{}{}
	}
	s.networks[c.network][c] = struct{}{}
	return longest, true
}

func longestIdle(connections map[*connection]struct{}) (longest *connection) {
	since := int64(0)
	for c := range connections {
		if idle := c.idle.Load(); idle != 0 && (longest == nil || idle < since) {
			longest, since = c, idle
		}
	}
	return longest
}

func (s *connections) leave(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(c)
}

// remove forgets a connection, unless it is forgotten.
func (s *connections) remove(c *connection) {
	if _, open := s.open[c]; !open {
		return
	}
	delete(s.open, c)
	delete(s.networks[c.network], c)
	if len(s.networks[c.network]) == 0 {
		delete(s.networks, c.network)
	}
}

// note is the ConnState of servers.
func (s *connections) note(of net.Conn, state http.ConnState) {
	if secured, ok := of.(*tls.Conn); ok {
		of = secured.NetConn()
	}
	c, ok := of.(*connection)
	switch {
	case !ok:
	case state == http.StateActive:
		c.idle.Store(0)
	case state == http.StateIdle:
		c.idle.Store(time.Now().UnixNano())
	}
}
