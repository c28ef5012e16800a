package tracing_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/batch"
	"github.com/signet-auth/signet/internal/outbound"
	"github.com/signet-auth/signet/internal/tracing"
	"github.com/signet-auth/signet/internal/tracing/tracingtest"
)

func open(t *testing.T, endpoint string, sample float64, log io.Writer) *tracing.Tracer {
	t.Helper()
	tracer, err := tracing.New(t.Context(), tracing.Config{
		Endpoint: endpoint, Sample: sample, Version: "1.2.3", Client: http.DefaultClient, Log: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return tracer
}

// request is one with these values of traceparent.
func request(parents ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, p := range parents {
		r.Header.Add("traceparent", p)
	}
	return r
}

const (
	traceID = "0af7651916cd43dd8448eb211c80319c"
	lowID   = "00000000000000000000000000000001" // which samplers by trace id always take
	spanID  = "b7ad6b7169203331"
)

func TestOnlyATrustedProxyDecidesThatARequestIsTraced(t *testing.T) {
	collected := tracingtest.New(t)
	tracers := map[float64]*tracing.Tracer{0: open(t, collected.URL, 0, io.Discard), 1: open(t, collected.URL+"/", 1, io.Discard)}
	sampled, unsampled := "00-"+traceID+"-"+spanID+"-01", "00-"+traceID+"-"+spanID+"-00"
	for i, c := range []struct {
		parents []string
		trusted bool
		sample  float64
		traced  bool
		child   bool // of the caller's span
	}{
		{nil, false, 1, true, false},
		{nil, true, 0, false, false},
		{[]string{sampled}, true, 0, true, true},
		{[]string{unsampled}, true, 1, false, false},
		{[]string{sampled}, false, 0, false, false},
		{[]string{"00-" + lowID + "-" + spanID + "-01"}, false, 0, false, false},
		{[]string{unsampled}, false, 1, true, true},
		{[]string{sampled}, false, 1, true, true},
		{[]string{"cc-" + traceID + "-" + spanID + "-01-later"}, true, 0, true, true}, // of a later version
		{[]string{"cc-" + traceID + "-" + spanID + "-01-" + strings.Repeat("a", 1000)}, true, 1, true, false},
		{[]string{"ff-" + traceID + "-" + spanID + "-01"}, true, 1, true, false},
		{[]string{sampled + "-more"}, true, 1, true, false},
		{[]string{strings.ToUpper(sampled)}, true, 1, true, false},
		{[]string{"00-" + strings.Repeat("0", 32) + "-" + spanID + "-01"}, true, 1, true, false},
		{[]string{"00-\x00\xff-01"}, true, 1, true, false},
		{[]string{"", sampled}, true, 1, true, false},
		{[]string{sampled, sampled}, true, 0, false, false},
	} {
		r := request(c.parents...)
		r.Pattern = "/case" + string(rune('a'+i))
		r.Header.Set("tracestate", "who=me")
		r.Header.Set("baggage", "who=me")
		span := tracers[c.sample].Begin(r, c.trusted)
		if traced := span != nil; traced != c.traced || tracing.Of(r.Context()).Traced() != c.traced {
			t.Errorf("%+v: traced is %v", c, traced)
		}
		span.End(r, http.StatusOK)
		if !c.traced {
			continue
		}
		tracers[c.sample].Stop(t.Context())
		tracers[c.sample] = open(t, collected.URL, c.sample, io.Discard)
		got := collected.Await(t, func(s tracingtest.Span) bool { return s.Name == "GET "+r.Pattern })
		if child := got.Trace == traceID && got.Parent == spanID; child != c.child || !child && got.Parent != "" {
			t.Errorf("%+v: it is in trace %s below %q", c, got.Trace, got.Parent)
		}
	}
	for _, tracer := range tracers {
		tracer.Stop(t.Context())
	}
	if bytes.Contains(collected.Bytes(), []byte("who=")) {
		t.Error("tracestate or baggage is handed on")
	}
}

func TestWithoutATraceAStepCostsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if n := testing.AllocsPerRun(100, func() {
		_, end := tracing.Start(ctx, "step")
		end()
		tracing.StartCall(ctx, "host")()
		_, end = tracing.StartShared(ctx, "step", nil)
		end()
	}); n != 0 {
		t.Errorf("%v allocations of steps", n)
	}
	tracer := open(t, "http://127.0.0.1:1", 0, io.Discard)
	defer tracer.Stop(ctx)
	r := request("00-" + traceID + "-" + spanID + "-01")
	for _, begins := range []*tracing.Tracer{nil, tracer} {
		if n := testing.AllocsPerRun(100, func() { begins.Begin(r, false).End(r, http.StatusOK) }); n != 0 {
			t.Errorf("%v allocations of a request that is not traced", n)
		}
	}
}

func TestACollectorThatIsDownIsLoggedSeldomAndHoldsNothingUp(t *testing.T) {
	silence, asked := make(chan struct{}), make(chan struct{}, 100)
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked <- struct{}{}; <-silence }))
	defer silent.Close()
	defer close(silence)
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, strings.Repeat("no", 10_000), http.StatusForbidden)
	}))
	defer refusing.Close()
	for _, endpoint := range []string{"http://127.0.0.1:1", silent.URL, refusing.URL} {
		var log bytes.Buffer
		tracer := open(t, endpoint, 1, &log)
		for range 10_000 { // more than can wait
			r := request()
			tracer.Begin(r, false).End(r, http.StatusOK)
		}
		if endpoint == silent.URL {
			<-asked
		}
		begun := time.Now()
		tracer.Stop(t.Context())
		if took := time.Since(begun); took > 30*time.Second { // far less than to send all that waits
			t.Errorf("%s: to stop took %v", endpoint, took)
		}
		if lines := strings.Count(log.String(), "\n"); lines > 1 || len(log.String()) > 600 || endpoint == refusing.URL && lines != 1 {
			t.Errorf("%s: logged %d lines: %.2000s", endpoint, lines, log.String())
		}
	}
}

func TestStoppingEndsAllThatWasStarted(t *testing.T) {
	collected := tracingtest.New(t)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tracer, err := tracing.New(t.Context(), tracing.Config{Endpoint: collected.URL, Sample: 1, Client: client, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r := request()
	tracer.Begin(r, false).End(r, http.StatusOK)
	tracer.Stop(t.Context())
	if len(collected.Spans()) != 1 {
		t.Error("what waited is not sent")
	}
	stacks := make([]byte, 1<<20)
	for range 600 { // those of other tests may be ending
		if !bytes.Contains(stacks[:runtime.Stack(stacks, true)], []byte("batchSpanProcessor")) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the sender goes on")
}

func TestABatchIsBelowOneOfItsRequestsAndLinkedToTheOthers(t *testing.T) {
	collected := tracingtest.New(t)
	tracer := open(t, collected.URL, 1, io.Discard)
	first, full := make(chan struct{}), make(chan struct{})
	batches := batch.New(t.Context(), "store", 1, func(_ context.Context, calls []int) ([]int, error) {
		if calls[0] == 0 {
			close(first)
			<-full
		}
		return calls, nil
	})
	done := make(chan struct{})
	call := func(n int, traced bool) {
		r := request()
		if traced {
			span := tracer.Begin(r, false)
			defer span.End(r, http.StatusOK)
		}
		if _, err := batches.Do(r.Context(), n); err != nil {
			t.Error(err)
		}
		done <- struct{}{}
	}
	go call(0, false)
	<-first
	for n := range 3 {
		go call(n+1, n < 2)
	}
	for batches.State().Waiting < 2 { // besides the one that the next batch begins with
		time.Sleep(time.Millisecond)
	}
	close(full)
	for range 4 {
		<-done
	}
	tracer.Stop(t.Context())
	var waits []string
	var batched []tracingtest.Span
	for _, s := range collected.Spans() {
		switch s.Name {
		case "wait: store":
			waits = append(waits, s.ID)
		case "store":
			batched = append(batched, s)
		}
	}
	if len(waits) != 2 || len(batched) != 1 || len(batched[0].Links) != 1 {
		t.Fatalf("%d requests wait for %+v", len(waits), batched)
	}
	if b := batched[0]; b.Parent == b.Links[0] || !slices.Contains(waits, b.Parent) || !slices.Contains(waits, b.Links[0]) {
		t.Errorf("of %v: %+v", waits, b)
	}
}

func TestACallToAnotherHostShowsTheHostAloneAndSendsNoTrace(t *testing.T) {
	collected := tracingtest.New(t)
	tracer := open(t, collected.URL, 1, io.Discard)
	var got http.Header
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Header }))
	defer other.Close()
	r := request("00-" + traceID + "-" + spanID + "-01")
	span := tracer.Begin(r, true)
	call, err := http.NewRequestWithContext(r.Context(), http.MethodGet, other.URL+"/path?secret=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := outbound.NewClients(10*time.Second).Do(call, false)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	span.End(r, http.StatusBadGateway)
	tracer.Stop(t.Context())
	for name := range got {
		if strings.HasPrefix(name, "Trace") || name == "Baggage" || name == "B3" {
			t.Errorf("the other host gets %s", name)
		}
	}
	sent := collected.Await(t, func(s tracingtest.Span) bool { return s.Kind == "SPAN_KIND_CLIENT" })
	parent := collected.Await(t, func(s tracingtest.Span) bool { return s.Kind == "SPAN_KIND_SERVER" })
	if sent.Parent != parent.ID || len(sent.Attributes) != 1 || sent.Attributes["server.address"] != "127.0.0.1" || !parent.Failed {
		t.Errorf("%+v below %+v", sent, parent)
	}
	if bytes.Contains(collected.Bytes(), []byte("secret")) || bytes.Contains(collected.Bytes(), []byte("/path")) {
		t.Error("the query or the path is sent")
	}
}
