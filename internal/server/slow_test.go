package server

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/config"
)

// slowServer is one as httpServer makes it, but for one of its times, which is a hundred times shorter.
func slowServer(t *testing.T, bounds *connections, timeout func(*http.Server) *time.Duration, handler http.HandlerFunc) (address string) {
	t.Helper()
	s := httpServer(config.Default(), handler, slog.New(slog.DiscardHandler))
	if timeout != nil {
		shorter := timeout(s)
		if *shorter <= 0 || *shorter > 2*time.Minute {
			t.Errorf("a timeout of %s", *shorter)
		}
		*shorter /= 100
	}
	opened := &listeners{connections: bounds}
	check(t, opened.open("127.0.0.1:0", nil, s))
	go func() { _ = s.Serve(opened.all[0].at) }()
	t.Cleanup(func() { _ = s.Close() })
	return opened.all[0].at.Addr().String()
}

func unbounded() *connections { return newConnections(0, 0, nil) }

// dial opens a connection, over which the client writes.
func dial(t *testing.T, address, text string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	check(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_, err = io.WriteString(c, text)
	check(t, err)
	return c
}

// wantClosed waits until the server has closed a connection.
func wantClosed(t *testing.T, c net.Conn) (answered string) {
	t.Helper()
	check(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
	text, err := io.ReadAll(c)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the server holds the connection")
	}
	return string(text)
}

func TestAClientThatSendsNoHeaderLosesItsConnection(t *testing.T) {
	address := slowServer(t, unbounded(), func(s *http.Server) *time.Duration { return &s.ReadHeaderTimeout }, func(http.ResponseWriter, *http.Request) { t.Error("a request without an end is answered") })
	wantClosed(t, dial(t, address, ""))
	wantClosed(t, dial(t, address, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "))
}

func TestAClientThatSendsNoBodyLosesItsConnection(t *testing.T) {
	read := make(chan error, 1)
	address := slowServer(t, unbounded(), func(s *http.Server) *time.Duration { return &s.ReadTimeout }, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		read <- err
	})
	c := dial(t, address, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nslow")
	if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the handler reads: %v", err)
	}
	wantClosed(t, c)
}

func TestAClientThatReadsNothingLosesItsConnection(t *testing.T) {
	written := make(chan error, 1)
	address := slowServer(t, unbounded(), func(s *http.Server) *time.Duration { return &s.WriteTimeout }, func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write(make([]byte, 64<<20)) // more than sockets hold
		written <- err
	})
	dial(t, address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-written; err == nil {
		t.Error("the answer was taken")
	}
}

func TestAClientThatAsksNothingMoreLosesItsConnection(t *testing.T) {
	address := slowServer(t, unbounded(), func(s *http.Server) *time.Duration { return &s.IdleTimeout }, func(http.ResponseWriter, *http.Request) {})
	if text := wantClosed(t, dial(t, address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")); !strings.HasPrefix(text, "HTTP/1.1 200 ") {
		t.Errorf("answered %q", text)
	}
}

func TestAHeaderThatIsTooLargeIsRefused(t *testing.T) {
	address := slowServer(t, unbounded(), nil, func(http.ResponseWriter, *http.Request) { t.Error("it is answered") })
	text := wantClosed(t, dial(t, address, "GET / HTTP/1.1\r\nHost: x\r\nX-Large: "+strings.Repeat("x", maxHeader+8<<10)+"\r\n\r\n"))
	if !strings.HasPrefix(text, "HTTP/1.1 431 ") {
		t.Errorf("answered %.100q", text)
	}
}

// asking opens a connection whose request is under way until release is closed.
func asking(t *testing.T, address string) net.Conn {
	t.Helper()
	return dial(t, address, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
}

func (s *connections) anyIdle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return longestIdle(s.open) != nil
}

func TestConnectionsAreBounded(t *testing.T) {
	for name, c := range map[string]struct {
		bounds *connections
		kept   bool // one that waits for a request
	}{
		"in all":          {newConnections(2, 0, nil), false},
		"of an address":   {newConnections(0, 2, nil), false},
		"none of a proxy": {newConnections(2, 1, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}), true},
	} {
		t.Run(name, func(t *testing.T) {
			var refused atomic.Int64
			c.bounds.refused = func() { refused.Add(1) }
			entered, release := make(chan bool, 10), make(chan bool)
			s := httpServer(config.Default(), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/wait" {
					entered <- true
					<-release
				}
			}), slog.New(slog.DiscardHandler))
			opened := &listeners{connections: c.bounds}
			check(t, opened.open("127.0.0.1:0", nil, s))
			go func() { _ = s.Serve(opened.all[0].at) }()
			t.Cleanup(func() { _ = s.Close() })
			address := opened.all[0].at.Addr().String()

			busy := asking(t, address)
			<-entered
			idle := dial(t, address, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			_, err := http.ReadResponse(bufio.NewReader(idle), nil) //nolint:bodyclose // it has none
			check(t, err)
			for deadline := time.Now().Add(time.Minute); !c.kept && !c.bounds.anyIdle(); time.Sleep(time.Millisecond) { // soon after the answer
				if time.Now().After(deadline) {
					t.Fatal("no connection is idle")
				}
			}
			third := dial(t, address, "")
			switch name {
			case "in all", "of an address": // the idle one makes room
				wantClosed(t, idle)
				fmt.Fprint(third, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
				<-entered
				wantClosed(t, dial(t, address, "")) // and none is idle any more
			default:
				fmt.Fprint(third, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
				<-entered
			}
			close(release)
			if answer, err := http.ReadResponse(bufio.NewReader(busy), nil); err != nil { //nolint:bodyclose // it has none
				t.Errorf("a request under way is not answered: %v", err)
			} else if answer.StatusCode != http.StatusOK {
				t.Errorf("a request under way is answered %s", answer.Status)
			}
			if (refused.Load() > 0) != (name != "none of a proxy") {
				t.Errorf("%d refusals are counted", refused.Load())
			}
			if c.kept {
				fmt.Fprint(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				if _, err := http.ReadResponse(bufio.NewReader(idle), nil); err != nil { //nolint:bodyclose // it has none
					t.Errorf("a connection that was there is closed: %v", err)
				}
			}
		})
	}
}

func TestAnAddressThatHasAllItsConnectionsMakesRoomAmongThese(t *testing.T) {
	bounds := newConnections(10, 2, nil)
	from := func(address string, idle int64) *connection {
		c := &connection{of: bounds, network: netip.MustParsePrefix(address)}
		c.idle.Store(idle)
		return c
	}
	other, busy, idle := from("192.0.2.1/32", 1), from("192.0.2.2/32", 0), from("192.0.2.2/32", 9)
	for _, c := range []*connection{other, busy, idle} {
		if longest, admitted := bounds.join(c); longest != nil || !admitted {
			t.Fatal("there is room")
		}
	}
	if longest, admitted := bounds.join(from("192.0.2.2/32", 0)); longest != idle || !admitted {
		t.Errorf("it makes room by %v", longest)
	}
	if longest, admitted := bounds.join(from("192.0.2.2/32", 10)); longest != nil || admitted {
		t.Error("one is admitted although none is idle")
	}
}

func TestClosedConnectionsMakeRoom(t *testing.T) {
	bounds := newConnections(1000, 1, nil)
	address := slowServer(t, bounds, nil, func(http.ResponseWriter, *http.Request) {})
	for range 20 {
		c := dial(t, address, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		if text := wantClosed(t, c); !strings.HasPrefix(text, "HTTP/1.1 200 ") {
			t.Fatalf("answered %q", text)
		}
	}
	bounds.mu.Lock()
	defer bounds.mu.Unlock()
	if len(bounds.open) > 1 || len(bounds.networks) > 1 {
		t.Errorf("%d connections of %d networks are kept", len(bounds.open), len(bounds.networks))
	}
}
