package e2e

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// balancer is a proxy that sends requests in turn to those servers that are ready, as /readyz told it a moment ago. It tries none twice.
type balancer struct {
	servers func() []*server

	looking sync.Mutex
	asked   time.Time                         // when they were last
	proxies map[string]*httputil.ReverseProxy // by the address of the server

	mu    sync.Mutex
	ready []*httputil.ReverseProxy
	next  int
}

// newBalancer asks the servers, which may change, ten times a second.
func newBalancer(t *testing.T, servers func() []*server) *httptest.Server {
	b := &balancer{servers: servers, proxies: map[string]*httputil.ReverseProxy{}}
	b.look(0)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			b.look(0)
			time.Sleep(100 * time.Millisecond)
		}
	}()
	front := httptest.NewServer(b)
	t.Cleanup(func() { front.Close(); stop(); <-done })
	return front
}

// look asks the servers whether they are ready, if that was longer ago.
func (b *balancer) look(ago time.Duration) {
	b.looking.Lock()
	defer b.looking.Unlock()
	if time.Since(b.asked) < ago {
		return
	}
	asked := time.Now()
	var ready []*httputil.ReverseProxy
	for _, s := range b.servers() {
		response, err := http.Get(s.url + "/readyz")
		if err != nil {
			continue
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			continue
		}
		if b.proxies[s.url] == nil {
			to, _ := url.Parse(s.url)
			b.proxies[s.url] = httputil.NewSingleHostReverseProxy(to)
			b.proxies[s.url].Transport = &http.Transport{MaxIdleConnsPerHost: 20}
		}
		ready = append(ready, b.proxies[s.url])
	}
	b.asked = asked
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ready = ready
}

// ServeHTTP implements [http.Handler].
func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.look(500 * time.Millisecond) // a busy machine may have been long about it
	b.mu.Lock()
	if len(b.ready) == 0 {
		b.mu.Unlock()
		http.Error(w, "no server is ready", http.StatusBadGateway)
		return
	}
	b.next++
	to := b.ready[b.next%len(b.ready)]
	b.mu.Unlock()
	to.ServeHTTP(w, r)
}

func TestARollingRestartUnderLoadFailsNoRequestNorPollNorPush(t *testing.T) {
	eachDatabaseWith(t, []string{"SIGNET_DRAIN=6s"}, func(t *testing.T, s *shop) {
		var pushed sync.Map // the events that arrived, by jti
		endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return // a server that stopped sends it again
			}
			pushed.Store(claims(t, string(body))["sub_id"].(map[string]any)["jti"], true)
			w.WriteHeader(http.StatusAccepted)
		}))
		t.Cleanup(endpoint.Close)
		s.signet("receiver", "create", s.orders.ID, "--push", endpoint.URL, "--event", "session-revoked")
		s.signet("receiver", "create", s.invoices.ID, "--poll") // of whom nothing happens: its polls wait

		var running atomic.Pointer[[]*server]
		running.Store(&[]*server{s.server, s.serve()})
		front := newBalancer(t, func() []*server { return *running.Load() })
		behind := &server{installation: s.installation, url: front.URL}
		want := func(what string, a answer) bool {
			if a.status != http.StatusOK {
				t.Errorf("%s: %d %s", what, a.status, a.body)
			}
			return a.status == http.StatusOK
		}
		var polled atomic.Int64
		var revoked tokenList
		requests, polls := newLoad(t), newLoad(t)
		requests.add(3, 10*time.Millisecond, func() {
			a := behind.post("/oauth2/token", s.reporting, clientCredentials())
			if !want("a token", a) {
				return
			}
			token := a.accessToken(t)
			want("introspection", behind.introspect(s.orders, token))
			if want("revocation", behind.post("/oauth2/revoke", s.reporting, url.Values{"token": {token}})) {
				revoked.put(token)
			}
			want("the keys", behind.get("/.well-known/jwks.json", ""))
		})
		polls.add(4, 10*time.Millisecond, func() {
			if want("a poll", behind.poll(s.invoices, `{}`)) {
				polled.Add(1)
			}
		})
		for range 2 {
			old, other := (*running.Load())[0], (*running.Load())[1]
			fresh := s.serve()
			running.Store(&[]*server{old, other, fresh})
			enough := revoked.count() + 10
			await(t, "there is load on all three", func() bool { return revoked.count() >= enough })
			old.terminate(t)
			running.Store(&[]*server{other, fresh})
		}
		requests.end()
		polls.halt()
		for _, old := range *running.Load() {
			old.terminate(t) // which lets the last polls go
		}
		polls.end()

		s.server = s.serve()
		await(t, "each revocation was pushed", func() bool {
			for _, token := range revoked.tokens {
				if _, there := pushed.Load(claims(t, token)["jti"]); !there {
					return false
				}
			}
			return true
		})
		t.Logf("%d tokens got, used and revoked, %d polls, none failed", len(revoked.tokens), polled.Load())
		if polled.Load() < 2 {
			t.Error("too few for a result")
		}
	})
}

// terminate stops a server as a supervisor does, and waits.
func (s *server) terminate(t *testing.T) {
	t.Helper()
	check(t, s.cmd.Process.Signal(syscall.SIGTERM))
	<-s.exited
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}
