// Package tracing makes spans of what requests do and sends them to a collector, by OTLP over HTTP. A span says which of our own steps ran, for
// how long: never a token, a secret, a path, a query, a statement's values or who asks.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/signet-auth/signet/internal/requestid"
)

const (
	waitingSpans  = 4096             // to be sent, at most; further ones are dropped
	sentSpans     = 512              // at once, at most
	sendEvery     = 2 * time.Second  // or sooner, when there are sentSpans
	sendTimeout   = 10 * time.Second // of some spans, attempts included
	flushTimeout  = 2 * time.Second  // in the end
	logEvery      = time.Minute
	longestReason = 300 // bytes of a collector's answer that are logged

	maxAttributes     = 8
	maxAttributeBytes = 256
	maxLinks          = 256
)

// Config is where spans go, and which are made.
type Config struct {
	Endpoint string  // URL of the collector; /v1/traces is added to one without a path
	Sample   float64 // the share of requests that are traced, of those about which no trusted proxy has decided
	Version  string  // of the program
	Client   *http.Client
	Log      *slog.Logger
}

// Tracer makes the spans of requests. A nil one makes none.
type Tracer struct {
	sample   float64
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// New makes a Tracer, which sends in the background until Stop. A collector that does not answer is no error.
func New(ctx context.Context, c Config) (*Tracer, error) {
	endpoint := c.Endpoint
	if _, rest, _ := strings.Cut(endpoint, "://"); !strings.Contains(strings.TrimSuffix(rest, "/"), "/") {
		endpoint = strings.TrimSuffix(endpoint, "/") + "/v1/traces"
	}
	sender, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint), otlptracehttp.WithHTTPClient(c.Client), otlptracehttp.WithTimeout(sendTimeout),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: 4 * time.Second, MaxElapsedTime: sendTimeout}))
	if err != nil {
		return nil, fmt.Errorf("prepare to send traces: %w", err)
	}
	// Who runs the server may add to these by OTEL_RESOURCE_ATTRIBUTES.
	about, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "signet"), attribute.String("service.version", c.Version), attribute.String("service.instance.id", requestid.New()),
	), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	provider := sdk.NewTracerProvider(
		sdk.WithResource(about),
		sdk.WithSampler(sdk.AlwaysSample()), // what is not to be traced gets no span at all
		sdk.WithRawSpanLimits(sdk.SpanLimits{
			AttributeCountLimit: maxAttributes, AttributeValueLengthLimit: maxAttributeBytes, LinkCountLimit: maxLinks,
		}),
		sdk.WithBatcher(&exporter{Exporter: sender, log: c.Log},
			sdk.WithMaxQueueSize(waitingSpans), sdk.WithMaxExportBatchSize(sentSpans), sdk.WithBatchTimeout(sendEvery), sdk.WithExportTimeout(sendTimeout)),
	)
	return &Tracer{sample: c.Sample, provider: provider, tracer: provider.Tracer("github.com/signet-auth/signet")}, nil
}

// Stop sends what waits, for a short time, and ends.
func (t *Tracer) Stop(ctx context.Context) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	_ = t.provider.Shutdown(bounded) // the exporter logs why spans could not be sent
}

// exporter logs that spans could not be sent, seldom, where OpenTelemetry would write each failure to the process's output.
type exporter struct {
	*otlptrace.Exporter
	log    *slog.Logger
	logged atomic.Int64 // the time, in nanoseconds
}

// ExportSpans implements sdk.SpanExporter.
func (e *exporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.Exporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	now := time.Now().UnixNano()
	if last := e.logged.Load(); (last == 0 || now-last >= int64(logEvery)) && e.logged.CompareAndSwap(last, now) {
		reason := err.Error()
		e.log.WarnContext(ctx, "traces are not sent: those that do not fit into the queue are lost", "error", reason[:min(len(reason), longestReason)])
	}
	return nil
}
