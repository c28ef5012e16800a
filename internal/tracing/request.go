package tracing

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/signet-auth/signet/internal/requestid"
)

// methods are those by whose name a request is told; a client may invent others.
var methods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
}

// Begin begins the span of a request, and puts it into the request's context. It returns nil for one that is not traced.
//
// A trusted proxy decides by its traceparent whether it is traced, otherwise this server samples. Other clients must not decide, neither by
// the flag nor by the trace id: they could have each of their requests traced.
func (t *Tracer) Begin(r *http.Request, trusted bool) *Request {
	if t == nil {
		return nil
	}
	var parent trace.SpanContext
	if trusted {
		parent = parentOf(r)
	}
	if parent.IsValid() && !parent.IsSampled() || !parent.IsValid() && rand.Float64() >= t.sample {
		return nil
	}
	if !trusted {
		parent = parentOf(r)
	}
	ctx := trace.ContextWithRemoteSpanContext(r.Context(), parent)
	_, span := t.tracer.Start(ctx, "", trace.WithSpanKind(trace.SpanKindServer))
	*r = *r.WithContext(with(r.Context(), Span{t.tracer, span}))
	return &Request{span}
}

// maxTraceparent is the longest traceparent that is read; those of later versions may be longer than today's 55 characters.
const maxTraceparent = 128

// traceparent is the header, and all that is read: tracestate and baggage are texts of strangers.
type traceparent string

const traceparentHeader = "Traceparent"

// Get implements propagation.TextMapCarrier.
func (t traceparent) Get(key string) string {
	if http.CanonicalHeaderKey(key) == traceparentHeader {
		return string(t)
	}
	return ""
}

// Set implements propagation.TextMapCarrier.
func (traceparent) Set(string, string) {}

// Keys implements propagation.TextMapCarrier.
func (traceparent) Keys() []string { return []string{traceparentHeader} }

// parentOf is the span that a request belongs to (W3C Trace Context §3.2), invalid: none, or one that is not well-formed.
func parentOf(r *http.Request) trace.SpanContext {
	given := r.Header[traceparentHeader]
	if len(given) != 1 || len(given[0]) > maxTraceparent {
		return trace.SpanContext{}
	}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(r.Context(), traceparent(given[0])))
}

// Request is the span of a request. A nil one is of a request that is not traced.
type Request struct{ span trace.Span }

// End ends the span of a request that was answered with a status. It is named after the pattern that the path has, not the path.
func (q *Request) End(r *http.Request, status int) {
	if q == nil {
		return
	}
	method := r.Method
	if !slices.Contains(methods, method) {
		method = "_OTHER"
	}
	name := method
	q.span.SetAttributes(attribute.String("http.request.method", method), attribute.Int("http.response.status_code", status),
		attribute.String("signet.request_id", requestid.Of(r.Context())))
	if r.Pattern != "" {
		route := r.Pattern[strings.IndexByte(r.Pattern, ' ')+1:]
		name += " " + route
		q.span.SetAttributes(attribute.String("http.route", route))
	}
	q.span.SetName(name)
	if status >= http.StatusInternalServerError {
		q.span.SetStatus(codes.Error, "")
	}
	q.span.End()
}
