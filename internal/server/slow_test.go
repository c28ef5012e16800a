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
	for range 100 {
		wantClosed(t, dial(t, address, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nslow"))
		select {
		case err := <-read:
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the handler reads: %v", err)
			}
			return
		default: // a busy machine took longer to send the header
		}
	}
	t.Error("no handler is called")
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

func (s *connections) anyWaiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return longestWaiting(s.open) != nil
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
			for deadline := time.Now().Add(time.Minute); !c.kept && !c.bounds.anyWaiting(); time.Sleep(time.Millisecond) { // soon after the answer
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
	from := func(address string, waits int64) *connection {
		c := &connection{of: bounds, from: netip.MustParsePrefix(address)}
		c.waits.Store(waits)
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

func TestAClientThatSendsItsBodyOnlyWhenAskedIsRefusedWithoutIt(t *testing.T) {
	address := slowServer(t, newConnections(1, 0, nil), func(s *http.Server) *time.Duration {
		s.ReadTimeout = 0 // else that ends a wait for the body
		return &s.IdleTimeout
	}, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	c := dial(t, address, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
	check(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
	if answer, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil { //nolint:bodyclose // it has none
		t.Errorf("not answered before it sends its body: %v", err)
	} else if answer.StatusCode != http.StatusForbidden {
		t.Errorf("answered %s", answer.Status)
	}
}

func TestSlowClientsMakeRoomForOthersFromHoweverManyAddresses(t *testing.T) {
	for name, slow := range map[string]string{
		"to send a request": "POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nslow",
		"to take an answer": "GET /write HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			bounds, entered, release := newConnections(4, 0, nil), make(chan bool, 4), make(chan bool)
			address := slowServer(t, bounds, nil, func(w http.ResponseWriter, r *http.Request) {
				switch r.URL.Path {
				case "/whole":
					_, _ = io.ReadAll(r.Body)
					entered <- true
					<-release
				case "/read":
					entered <- true
					_, _ = io.ReadAll(r.Body)
				case "/write":
					entered <- true
					_, _ = w.Write(make([]byte, 64<<20))
				}
			})
			begin := func(request string) net.Conn {
				c := dial(t, address, request)
				<-entered
				return c
			}
			begin(slow)
			whole := begin("POST /whole HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nsent")
			begin(slow)
			begin(slow)
			probe := func() bool {
				answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + address + "/healthz") //nolint:noctx // a moment
				if err == nil {
					_ = answer.Body.Close()
				}
				return err == nil && answer.StatusCode == http.StatusOK
			}
			for deadline := time.Now().Add(time.Minute); !probe(); time.Sleep(time.Millisecond) { // until the first waits for its client
				if time.Now().After(deadline) {
					t.Fatal("no slow client makes room for a probe")
				}
			}
			close(release)
			if answer, err := http.ReadResponse(bufio.NewReader(whole), nil); err != nil { //nolint:bodyclose // it has none
				t.Errorf("a request that has arrived is not answered: %v", err)
			} else if answer.StatusCode != http.StatusOK {
				t.Errorf("a request that has arrived is answered %s", answer.Status)
			}
		})
	}
}

func TestWhoTakesAllPublicConnectionsKeepsEnvoyNotFromAsking(t *testing.T) {
	cfg := config.Default()
	cfg.Listen, cfg.ExtAuthzListen, cfg.Limits.Connections = "127.0.0.1:0", "127.0.0.1:0", 1
	entered, release := make(chan bool), make(chan bool)
	public := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		entered <- true
		<-release
	})
	opened, err := openListeners(cfg, nil, public, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), nil, slog.New(slog.DiscardHandler))
	check(t, err)
	for _, l := range opened.all {
		go func() { _ = l.Serve(l.at) }()
		t.Cleanup(func() { _ = l.Close() })
	}
	asking(t, opened.all[0].at.Addr().String())
	<-entered
	defer close(release)
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	answer, err := (&http.Client{Transport: transport}).Get("http://" + opened.all[1].at.Addr().String()) //nolint:noctx // a moment
	check(t, err)
	check(t, answer.Body.Close())
}
