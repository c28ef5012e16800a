package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// output is what a command that still runs has written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(text)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// run runs a command that succeeds and returns what it answers.
func run(t *testing.T, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if code := Main(t.Context(), args, nil, &stdout, &stderr); code != exitDone {
		t.Fatalf("%v: exit code %d: %s", args, code, &stderr)
	}
	return stdout.String()
}

// watching is a command with --watch.
type watching struct {
	t              *testing.T
	stdout, stderr output
	stop           func()
	ended          chan int
}

func watchCommand(t *testing.T, args ...string) *watching {
	ctx, stop := context.WithCancel(t.Context())
	w := &watching{t: t, stop: stop, ended: make(chan int, 1)}
	go func() { w.ended <- Main(ctx, append(args, "--watch", "--interval", "1s"), nil, &w.stdout, &w.stderr) }()
	t.Cleanup(stop)
	return w
}

// until waits until it says something.
func (w *watching) until(says string, in *output) {
	w.t.Helper()
	eventually(w.t, func() bool { return strings.Contains(in.String(), says) })
}

func (w *watching) interrupt() {
	w.t.Helper()
	if w.stop(); <-w.ended != exitDone {
		w.t.Errorf("interrupted, it fails: %s", w.stderr.String())
	}
}

func TestAWatchedCommandWritesEachChangeOnce(t *testing.T) {
	dir := t.TempDir()
	issuer := serve(t, dir)
	administrator(t, dir, issuer)()
	run(t, "api", "create", "https://orders.example", "--data-dir", dir)
	var absent atomic.Bool
	server := httputil.NewSingleHostReverseProxy(must(url.Parse(issuer))(t))
	before := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if absent.Load() {
			http.Error(w, "Bad gateway", http.StatusBadGateway)
			return
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(before.Close)
	for i, target := range [][]string{{"--data-dir", dir}, {"--server", before.URL}} {
		log := watchCommand(t, append(target, "audit", "list", "--limit", "2", "--action", "group.create", "-o", "json")...)
		list := watchCommand(t, append(target, "receiver", "list")...)
		events := watchCommand(t, append(target, "audit", "list", "--action", "client.create")...)
		events.until("client:automation", &events.stdout)
		for n := range 3 {
			run(t, "group", "create", fmt.Sprintf("g%d-%d", i, n), "--data-dir", dir)
		}
		log.until(fmt.Sprintf("g%d-2", i), &log.stdout)
		var seqs []int
		decoder := json.NewDecoder(strings.NewReader(log.stdout.String()))
		for decoder.More() {
			var e struct{ Seq int }
			must(0, decoder.Decode(&e))(t)
			seqs = append(seqs, e.Seq)
		}
		for n := 1; n < len(seqs); n++ {
			if seqs[n] <= seqs[n-1] {
				t.Errorf("the events come as %v", seqs)
			}
		}
		if lines := strings.Count(log.stdout.String(), "\n"); lines != len(seqs) {
			t.Errorf("%d events in %d lines", len(seqs), lines)
		}
		run(t, "client", "create", "orders", "--serves", "https://orders.example", "--data-dir", dir, "-o", "json")
		run(t, "receiver", "create", "orders", "--poll", "--data-dir", dir)
		list.until("orders", &list.stdout)
		run(t, "receiver", "delete", "orders", "--data-dir", dir)
		list.until("removed orders\n", &list.stdout)
		run(t, "client", "delete", "orders", "--data-dir", dir)
		if i == 1 { // the server is away for a while
			absent.Store(true)
			log.until("trying again", &log.stderr)
			run(t, "group", "create", "meanwhile", "--data-dir", dir)
			absent.Store(false)
			log.until("meanwhile", &log.stdout)
			log.until("there are answers again", &log.stderr)
		}
		log.interrupt()
		list.interrupt()
		events.interrupt()
		if text := list.stdout.String(); strings.Count(text, "CLIENT_ID") != 1 || strings.Count(text, "removed") != 1 {
			t.Errorf("a list of one change:\n%s", text)
		}
	}
	for _, args := range [][]string{{"key", "list", "--watch", "--interval", "999ms"}, {"key", "list", "--interval", "5s"}} {
		var stdout, stderr bytes.Buffer
		if code := Main(t.Context(), append(args, "--data-dir", dir), nil, &stdout, &stderr); code != exitUsage {
			t.Errorf("%v: exit code %d: %s", args, code, &stderr)
		}
	}
	absent.Store(true)
	if code := <-watchCommand(t, "key", "list", "--server", before.URL).ended; code != exitFailed {
		t.Errorf("without a first answer: exit code %d", code)
	}
}

// eventually waits until a condition holds.
func eventually(t *testing.T, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not come to that")
		}
	}
}
