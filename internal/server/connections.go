package server

import (
	"context"
	"crypto/tls"
	"io"
	"math"
	"net"
	"net/http"
	"net/netip"
	"slices"
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
	mayCancel       bool   // clients of HTTP/2 may cancel as many requests as they like

	crowdedFrom int         // so many open ones
	crowded     atomic.Bool // it is tracked which connections wait for their clients

	streams atomic.Int64 // requests of HTTP/2 that are open

	mu       sync.Mutex
	open     map[*connection]struct{}
	networks map[netip.Prefix]*network
}

// network counts the connections of one network.
type network struct {
	streams atomic.Int64
	open    map[*connection]struct{}
}

func newConnections(most, ofNetwork int, trusted []netip.Prefix) *connections {
	return &connections{
		most: most, ofNetwork: ofNetwork, trusted: trusted, refused: func() {}, crowdedFrom: crowdedFrom(most, ofNetwork),
		open: map[*connection]struct{}{}, networks: map[netip.Prefix]*network{},
	}
}

// crowdedFrom is half of the lower bound, so that half of the connections can make room.
func crowdedFrom(bounds ...int) int {
	bounds = slices.DeleteFunc(bounds, func(bound int) bool { return bound == 0 })
	if len(bounds) == 0 {
		return math.MaxInt
	}
	return slices.Min(bounds) / 2
}

// connection is one that is counted.
type connection struct {
	net.Conn
	of      *connections
	from    netip.Prefix
	network *network
	waits   atomic.Int64 // since when the server waits for the client, in nanoseconds of Unix time; 0: the client waits for an answer
	streams streams
	closed  sync.Once
}

// Write implements net.Conn. A client that does not take its answer is waited for.
func (c *connection) Write(part []byte) (int, error) {
	if !c.of.crowded.Load() {
		return c.Conn.Write(part)
	}
	since := time.Now().UnixNano()
	before := c.waits.Swap(since)
	n, err := c.Conn.Write(part)
	c.waits.CompareAndSwap(since, before)
	return n, err
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
			boundWrites(accepted)
			return admitted, nil
		}
		_ = accepted.Close()
	}
}

// writeBuffer is how many bytes of answers the system holds for a client that does not read them; its default would be megabytes.
const writeBuffer = 128 << 10

func boundWrites(accepted net.Conn) {
	if buffered, ok := accepted.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = buffered.SetWriteBuffer(writeBuffer) // if it fails, the default stays
	}
}

// admit counts a connection; nil if there are too many. At a limit, of all or of its network, it closes one that has waited long for its
// client: for a request, the rest of one, or until an answer is read. So slow clients keep nobody out, from however many addresses.
func (s *connections) admit(accepted net.Conn) net.Conn {
	from, err := netip.ParseAddrPort(accepted.RemoteAddr().String())
	if err == nil && containsAddr(s.trusted, from.Addr()) {
		return accepted
	}
	c := &connection{Conn: accepted, of: s, from: limits.At(accepted.RemoteAddr().String(), "").Network}
	c.waits.Store(time.Now().UnixNano())
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
	if c.network = s.networks[c.from]; c.network == nil {
		c.network = &network{open: map[*connection]struct{}{}}
	}
	full := s.open
	switch {
	case s.ofNetwork > 0 && len(c.network.open) >= s.ofNetwork:
		full = c.network.open
	case s.most == 0 || len(s.open) < s.most:
		full = nil
	}
	if full != nil {
		if longest = longestWaiting(full); longest == nil {
			return nil, false
		}
		s.remove(longest)
	}
	s.open[c] = struct{}{}
	c.network.open[c] = struct{}{}
	s.networks[c.from] = c.network // also where the one that made room was its last
	s.crowded.Store(len(s.open) >= s.crowdedFrom)
	return longest, true
}

// sample is among how many connections the one that has waited longest is searched: searching all would hold the lock for long, with each
// new connection of a flood.
const sample = 100

func longestWaiting(connections map[*connection]struct{}) (longest *connection) {
	since, seen := int64(0), 0
	for c := range connections { // in any order
		if waits := c.waits.Load(); waits != 0 && (longest == nil || waits < since) {
			longest, since = c, waits
		}
		if seen++; seen >= sample && longest != nil {
			break
		}
	}
	return longest
}

func (s *connections) leave(c *connection) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(c)
}

// remove forgets a connection. Calling it again does nothing.
func (s *connections) remove(c *connection) {
	if _, open := s.open[c]; !open {
		return
	}
	delete(s.open, c)
	delete(c.network.open, c)
	if len(c.network.open) == 0 {
		delete(s.networks, c.from)
	}
	s.crowded.Store(len(s.open) >= s.crowdedFrom)
}

// counted is the connection below one of a server; nil if it does not count.
func counted(of net.Conn) *connection {
	if secured, ok := of.(*tls.Conn); ok {
		of = secured.NetConn()
	}
	c, _ := of.(*connection)
	return c
}

// note is the ConnState of servers.
func (s *connections) note(of net.Conn, state http.ConnState) {
	c := counted(of)
	switch {
	case c == nil:
	case state == http.StateActive:
		c.waits.Store(0)
	case state == http.StateIdle:
		c.waits.Store(time.Now().UnixNano())
	}
}

type connectionKey struct{}

// observe tracks by the requests of a server which of its connections wait for their clients.
func (s *connections) observe(server *http.Server) {
	server.ConnState = s.note
	mark, handler := server.ConnContext, server.Handler
	server.ConnContext = func(ctx context.Context, of net.Conn) context.Context {
		if mark != nil {
			ctx = mark(ctx, of)
		}
		if c := counted(of); c != nil {
			ctx = context.WithValue(ctx, connectionKey{}, c)
		}
		return ctx
	}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		multiplexed, crowded := r.ProtoMajor > 1, s.crowded.Load()
		if !multiplexed && !crowded {
			handler.ServeHTTP(w, r)
			return
		}
		c, ok := r.Context().Value(connectionKey{}).(*connection)
		if ok && crowded {
			r = c.begin(r)
		}
		if ok && multiplexed {
			c.serveStream(w, r, handler)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// begin notes that the rest of a request is awaited. A connection of HTTP/2, which may have several requests, counts as waiting since the
// last one began. The request returned is a copy: net/http needs the Body of its own to send 100 Continue.
func (c *connection) begin(r *http.Request) *http.Request {
	if r.ProtoMajor == 1 && r.Body == http.NoBody {
		return r
	}
	c.waits.Store(time.Now().UnixNano())
	if r.ProtoMajor > 1 {
		return r
	}
	watched := *r
	watched.Body = arriving{r.Body, c}
	return &watched
}

// arriving is the body of a request, whose connection waits for its client until it is there.
type arriving struct {
	io.ReadCloser
	on *connection
}

// Read implements io.Reader.
func (a arriving) Read(part []byte) (int, error) {
	n, err := a.ReadCloser.Read(part)
	if err != nil {
		a.on.waits.Store(0)
	}
	return n, err
}
