package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/outbound"
	"github.com/signet-auth/signet/internal/tracing"
)

const collectorTimeout = 5 * time.Second // of one attempt

// openTracer makes what traces requests, nil where no collector is set.
func openTracer(ctx context.Context, to config.Tracing, version string, log *slog.Logger) (*tracing.Tracer, error) {
	if to.Endpoint == "" {
		return nil, nil
	}
	return tracing.New(ctx, tracing.Config{
		Endpoint: to.Endpoint, Sample: to.Sample, Version: version, Client: outbound.NewClients(collectorTimeout)[outbound.Private], Log: log,
	})
}

// traceJobs has runs of jobs traced.
func traceJobs(jobs []job, by *tracing.Tracer) {
	if by == nil {
		return
	}
	for i, j := range jobs {
		jobs[i].do = func(ctx context.Context) error {
			ctx, end := by.StartJob(ctx, j.name)
			err := j.do(ctx)
			end(err)
			return err
		}
	}
}
