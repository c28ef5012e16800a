// Package tracingtest is a collector of traces, for tests.
package tracingtest

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Span is one that a collector got.
type Span struct {
	Name, Trace, ID, Parent string // hexadecimal
	Kind                    string
	Failed                  bool
	Attributes              map[string]any // texts and int64
	Links                   []string       // ids of spans
}

// Collector takes traces by OTLP over HTTP (opentelemetry.io/docs/specs/otlp).
type Collector struct {
	URL string

	mu    sync.Mutex
	bytes []byte
	spans []Span
}

// New starts one, which ends with the test.
func New(t *testing.T) *Collector {
	c := &Collector{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var request collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &request)
		}
		if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%s %s of type %q is no export of traces: %v", r.Method, r.URL, r.Header.Get("Content-Type"), err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.take(body, &request)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

func (c *Collector) take(body []byte, request *collector.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bytes = append(c.bytes, body...)
	for _, ofResource := range request.GetResourceSpans() {
		for _, ofScope := range ofResource.GetScopeSpans() {
			for _, s := range ofScope.GetSpans() {
				c.spans = append(c.spans, spanOf(s))
			}
		}
	}
}

func spanOf(s *v1.Span) Span {
	span := Span{
		Name: s.GetName(), Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
		Kind: s.GetKind().String(), Failed: s.GetStatus().GetCode() == v1.Status_STATUS_CODE_ERROR, Attributes: map[string]any{},
	}
	for _, a := range s.GetAttributes() {
		span.Attributes[a.GetKey()] = a.GetValue().GetStringValue()
		if a.GetValue().GetStringValue() == "" {
			span.Attributes[a.GetKey()] = a.GetValue().GetIntValue()
		}
	}
	for _, l := range s.GetLinks() {
		span.Links = append(span.Links, hex.EncodeToString(l.GetSpanId()))
	}
	return span
}

// Spans are those that it got.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span{}, c.spans...)
}

// Bytes are all that was sent to it.
func (c *Collector) Bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]byte{}, c.bytes...)
}

// Await waits until it got a span that fulfils a condition.
func (c *Collector) Await(t *testing.T, fulfils func(Span) bool) Span {
	t.Helper()
	for range 600 {
		for _, s := range c.Spans() {
			if fulfils(s) {
				return s
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("the collector did not get such a span")
	return Span{}
}
