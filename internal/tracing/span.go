package tracing

import (
	"context"
	"math/rand/v2"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// Span is one that others are begun below. The zero Span is of what is not traced.
type Span struct {
	tracer trace.Tracer
	span   trace.Span
}

// key is that of the span in a ctx. It is not OpenTelemetry's, by which libraries would add spans of their own, with what they like.
type key struct{}

func with(ctx context.Context, s Span) context.Context { return context.WithValue(ctx, key{}, s) }

// Of is the span that a ctx belongs to.
func Of(ctx context.Context) Span {
	s, _ := ctx.Value(key{}).(Span)
	return s
}

// Traced reports whether there is a span.
func (s Span) Traced() bool { return s.span != nil }

func nothing() {}

// Start begins a span of a step, below that of ctx; end ends it. Without one in ctx it does nothing.
func Start(ctx context.Context, name string) (_ context.Context, end func()) {
	return Of(ctx).start(ctx, name)
}

// StartCall is Start of a call to another host, over HTTP.
func StartCall(ctx context.Context, host string) (end func()) {
	s := Of(ctx)
	if !s.Traced() {
		return nothing
	}
	_, end = s.start(ctx, "outbound call", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("server.address", host)))
	return end
}

// StartShared begins a span of what is done for several others at once: below the first, and linked to the rest.
func StartShared(ctx context.Context, name string, of []Span) (_ context.Context, end func()) {
	if len(of) == 0 {
		return ctx, nothing
	}
	links := make([]trace.Link, 0, len(of)-1)
	for _, s := range of[1:] {
		links = append(links, trace.Link{SpanContext: s.span.SpanContext()})
	}
	return of[0].start(ctx, name, trace.WithLinks(links...))
}

func (s Span) start(ctx context.Context, name string, options ...trace.SpanStartOption) (_ context.Context, end func()) {
	if !s.Traced() {
		return ctx, nothing
	}
	_, span := s.tracer.Start(trace.ContextWithSpan(context.Background(), s.span), name, options...)
	return with(ctx, Span{s.tracer, span}), func() { span.End() }
}

// StartJob begins the span of a run of what the server does by itself, in a trace of its own, at the share of requests that are traced. end
// ends it, with the error of the run.
func (t *Tracer) StartJob(ctx context.Context, name string) (_ context.Context, end func(err error)) {
	if t == nil || rand.Float64() >= t.sample {
		return ctx, func(error) {}
	}
	_, span := t.tracer.Start(context.Background(), "job: "+name)
	return with(ctx, Span{t.tracer, span}), func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "") // its text may have anything
		}
		span.End()
	}
}
