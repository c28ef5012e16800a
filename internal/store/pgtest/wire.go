package pgtest

import (
	"bytes"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"testing"
)

// Wire is the network between one user of a database and its server, to be cut.
type Wire struct {
	listener net.Listener
	server   string // host:port
	url      *url.URL

	mu      sync.Mutex
	refuses bool
	silence chan struct{}         // closed when it ends; nil: none
	snag    []byte                // a connection over which this comes is dropped, once; nil: none
	ends    map[net.Conn]struct{} // of all connections, both
	left    map[net.Conn]int      // how many bytes of answers still come over a connection, by its near end, before it is reset
}

// NewWire lays a wire to the server of a database. It ends with the test.
func NewWire(tb testing.TB, database string) *Wire {
	tb.Helper()
	to, err := url.Parse(database)
	if err != nil {
		tb.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	w := &Wire{listener: listener, server: to.Host, url: to, ends: map[net.Conn]struct{}{}, left: map[net.Conn]int{}}
	w.url.Host = listener.Addr().String()
	go w.accept()
	tb.Cleanup(func() {
		_ = listener.Close()
		w.Restore()
		w.Cut()
	})
	return w
}

// URL is the database's, over this wire.
func (w *Wire) URL() string { return w.url.String() }

// Cut drops all connections, and new ones as they come.
func (w *Wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuses = true
	for end := range w.ends {
		_ = end.Close()
	}
	clear(w.ends)
}

// Silence lets connections stay open and new ones be made, but nothing gets through.
func (w *Wire) Silence() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.silence == nil {
		w.silence = make(chan struct{})
	}
}

// Snag drops the next connection over which a word comes, once: before it has arrived or after, as chance will have it.
func (w *Wire) Snag(word string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.snag = []byte(word)
}

// Break resets each connection that there is as soon as so many more bytes of answers have come over it.
func (w *Wire) Break(after int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for end := range w.ends {
		if end.LocalAddr().String() == w.listener.Addr().String() {
			w.left[end] = after
		}
	}
}

// Restore ends a Cut, a Silence or a Break. What was sent in the silence arrives now.
func (w *Wire) Restore() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuses = false
	clear(w.left)
	if w.silence != nil {
		close(w.silence)
		w.silence = nil
	}
}

func (w *Wire) accept() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		go w.connect(near)
	}
}

func (w *Wire) connect(near net.Conn) {
	w.awaitSound()
	far, err := net.Dial("tcp", w.server)
	if err != nil {
		_ = near.Close()
		return
	}
	if !w.add(near, far) {
		return
	}
	go w.carry(near, far)
	w.carry(far, near)
}

// add says whether the connection may be; if not it is closed.
func (w *Wire) add(near, far net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuses {
		_, _ = near.Close(), far.Close()
		return false
	}
	w.ends[near], w.ends[far] = struct{}{}, struct{}{}
	return true
}

// carry takes bytes from one end to the other until one is closed.
func (w *Wire) carry(from, to net.Conn) {
	defer func() {
		_, _ = from.Close(), to.Close()
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.ends, from)
		delete(w.left, from)
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		w.awaitSound()
		snagged := w.snags(buffer[:n])
		if snagged && rand.N(2) == 0 {
			return
		}
		passes, breaks := w.passes(to, n)
		if _, failed := to.Write(buffer[:passes]); err != nil || failed != nil || snagged {
			return
		}
		if breaks {
			_ = to.(*net.TCPConn).SetLinger(0) // closing it resets it
			return
		}
	}
}

// passes says how many of n bytes come to an end, and whether it is to be reset then.
func (w *Wire) passes(to net.Conn, n int) (passes int, breaks bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	left, breaks := w.left[to]
	switch {
	case !breaks:
		return n, false
	case n < left:
		w.left[to] = left - n
		return n, false
	}
	return left, true
}

func (w *Wire) snags(sent []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	snags := w.snag != nil && bytes.Contains(sent, w.snag)
	if snags {
		w.snag = nil
	}
	return snags
}

func (w *Wire) awaitSound() {
	w.mu.Lock()
	silence := w.silence
	w.mu.Unlock()
	if silence != nil {
		<-silence
	}
}
