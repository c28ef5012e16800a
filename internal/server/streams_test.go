package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/signet-auth/signet/internal/config"
)

// http2Server serves over TLS, and returns its address and a client that trusts it.
func http2Server(t *testing.T, bounds *connections, handler http.HandlerFunc) (address string, client *http.Client) {
	t.Helper()
	cfg := developmentConfig(t.TempDir(), "https://localhost")
	shown, _, err := (&Services{now: time.Now}).openCertificates(t.Context(), cfg, slog.New(slog.DiscardHandler))
	check(t, err)
	s := httpServer(cfg, handler, slog.New(slog.DiscardHandler))
	opened := &listeners{connections: bounds}
	check(t, opened.open("127.0.0.1:0", shown, s))
	go func() { _ = s.Serve(opened.all[0].at) }()
	t.Cleanup(func() { _ = s.Close() })
	return opened.all[0].at.Addr().String(), http2Client(t, readPool(t, filepath.Join(cfg.DataDir, "dev-tls", "ca.pem")))
}

// http2Client has one connection of its own.
func http2Client(t *testing.T, roots *x509.CertPool) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// statusOf asks for a path. 0: there is no answer.
func statusOf(ctx context.Context, client *http.Client, address string) int {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+address+"/", nil)
	if err != nil {
		return 0
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode
}

func TestRequestsOfHTTP2AreNoMoreThanThereMayBeConnections(t *testing.T) {
	const most = 8
	for name, bounds := range map[string]*connections{"in all": newConnections(most, 0, nil), "from one address": newConnections(0, most, nil)} {
		t.Run(name, func(t *testing.T) {
			entered, release := make(chan bool, 2*most), make(chan bool)
			address, client := http2Server(t, bounds, func(http.ResponseWriter, *http.Request) {
				entered <- true
				<-release
			})
			var under sync.WaitGroup
			begin := func(client *http.Client) {
				t.Helper()
				under.Go(func() {
					if got := statusOf(t.Context(), client, address); got != http.StatusOK {
						t.Errorf("a request of a connection that may have it: %d", got)
						entered <- false
					}
				})
				<-entered
			}
			for range most {
				begin(client)
			}
			if got := statusOf(t.Context(), client, address); got != http.StatusServiceUnavailable {
				t.Errorf("a request more than there may be connections: %d", got)
			}
			begin(http2Client(t, client.Transport.(*http.Transport).TLSClientConfig.RootCAs))
			close(release)
			under.Wait()
			for deadline := time.Now().Add(time.Minute); bounds.streams.Load() != 0; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%d requests that have ended count", bounds.streams.Load())
				}
			}
		})
	}
}

func TestAClientThatCancelsItsRequestsOfHTTP2LosesTheConnection(t *testing.T) {
	var refused sync.WaitGroup
	bounds := newConnections(100, 0, nil)
	refused.Add(1)
	bounds.refused = refused.Done // once: a second time panics
	begun := make(chan bool)
	address, client := http2Server(t, bounds, func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Patience") == "" {
			begun <- true
			<-r.Context().Done()
		}
	})
	patient := http2Client(t, client.Transport.(*http.Transport).TLSClientConfig.RootCAs)
	for range resetsAfter {
		ctx, giveUp := context.WithCancel(t.Context())
		ended := make(chan bool)
		go func() {
			statusOf(ctx, client, address)
			close(ended)
		}()
		<-begun
		giveUp()
		<-ended
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/", nil)
		check(t, err)
		r.Header.Set("Patience", "1")
		answer, err := patient.Do(r)
		check(t, err)
		check(t, answer.Body.Close())
	}
	refused.Wait()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		bounds.mu.Lock()
		open := len(bounds.open)
		bounds.mu.Unlock()
		if open == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d connections are open, want that of the patient client alone", open)
		}
	}
}

func TestEnvoyKeepsItsConnectionThoughItCancelsWhatIsLate(t *testing.T) {
	cfg := config.Default()
	cfg.Listen, cfg.ExtAuthzListen = "127.0.0.1:0", "127.0.0.1:0"
	from := make(chan string)
	envoy := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		from <- r.RemoteAddr
		<-r.Context().Done()
	})
	opened, err := openListeners(cfg, nil, nil, envoy, nil, slog.New(slog.DiscardHandler))
	check(t, err)
	for _, l := range opened.all {
		go func() { _ = l.Serve(l.at) }()
		t.Cleanup(func() { _ = l.Close() })
	}
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	seen := map[string]bool{}
	for range resetsAfter + 1 {
		ctx, giveUp := context.WithCancel(t.Context())
		ended := make(chan bool)
		go func() {
			defer close(ended)
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+opened.all[1].at.Addr().String(), nil)
			if err != nil {
				t.Error(err)
				return
			}
			if answer, err := transport.RoundTrip(r); err == nil {
				_ = answer.Body.Close()
				t.Error("a request that was cancelled is answered")
			}
		}()
		seen[<-from] = true
		giveUp()
		<-ended
		for deadline := time.Now().Add(time.Minute); opened.ofEnvoy.streams.Load() != 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("a request that was cancelled does not end")
			}
		}
	}
	if len(seen) != 1 {
		t.Errorf("Envoy needed %d connections, want one", len(seen))
	}
}

func TestAnswersOfHTTP2ThatAClientDoesNotTakeCountAsRequests(t *testing.T) {
	const most, asked = 4, 100
	bounds := newConnections(most, 0, nil)
	address, client := http2Server(t, bounds, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "an answer") })
	settings := client.Transport.(*http.Transport).TLSClientConfig.Clone()
	settings.NextProtos = []string{"h2"}
	conn, err := (&tls.Dialer{Config: settings}).DialContext(t.Context(), "tcp", address)
	check(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	check(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(conn, http2.ClientPreface)
	check(t, err)
	framer := http2.NewFramer(conn, conn)
	check(t, framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}))
	for n := range uint32(asked) {
		check(t, framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*n + 1, BlockFragment: headerBlock(t), EndStream: true, EndHeaders: true}))
	}
	reset := 0
	for answered := 0; answered+reset < asked; {
		frame, err := framer.ReadFrame()
		check(t, err)
		switch frame.(type) {
		case *http2.HeadersFrame:
			answered++
		case *http2.RSTStreamFrame:
			reset++
		}
	}
	if reset < asked/2 {
		t.Errorf("%d of %d requests are reset although the client takes no answers", reset, asked)
	}
	if open := bounds.streams.Load(); open < most {
		t.Errorf("%d requests count whose answers the client does not take", open)
	}
	check(t, framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 16}))
	go func() { _, _ = io.Copy(io.Discard, conn) }()
	for deadline := time.Now().Add(time.Minute); bounds.streams.Load() != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d requests count whose answers are taken", bounds.streams.Load())
		}
	}
}

// headerBlock is the header of a request, in HPACK.
func headerBlock(t *testing.T) []byte {
	t.Helper()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, field := range []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "https"}, {Name: ":authority", Value: "localhost"}, {Name: ":path", Value: "/"}} {
		check(t, encoder.WriteField(field))
	}
	return block.Bytes()
}
