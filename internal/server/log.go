package server

import (
	"context"
	"log/slog"
	"sync"

	"golang.org/x/time/rate"

	"github.com/signet-auth/signet/internal/requestid"
)

// How many records one statement may log at once, and per second from then on, so that requests that fail cannot fill the disk.
const (
	logBurst     = 100
	logPerSecond = 1
)

// boundedLog is a log handler that leaves out what one statement logs too often, and says how much. It keeps all debug records, which
// are off by default.
type boundedLog struct {
	slog.Handler
	places *places
}

// places counts by program counter, so that there are no more of them than statements that log.
type places struct {
	mu sync.Mutex
	by map[uintptr]*place
}

type place struct {
	limit   *rate.Limiter
	leftOut int // since the last record that was let through
}

func newBoundedLog(h slog.Handler) slog.Handler {
	return boundedLog{h, &places{by: map[uintptr]*place{}}}
}

// Handle implements slog.Handler. What belongs to a request has its id.
func (b boundedLog) Handle(ctx context.Context, r slog.Record) error {
	if id := requestid.Of(ctx); id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("request_id", id))
	}
	if r.Level >= slog.LevelInfo {
		leftOut, ok := b.places.admit(r)
		if !ok {
			return nil
		}
		if leftOut > 0 {
			r = r.Clone()
			r.AddAttrs(slog.Int("left_out", leftOut))
		}
	}
	return b.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (b boundedLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return boundedLog{b.Handler.WithAttrs(attrs), b.places}
}

// WithGroup implements slog.Handler.
func (b boundedLog) WithGroup(name string) slog.Handler {
	return boundedLog{b.Handler.WithGroup(name), b.places}
}

func (p *places) admit(r slog.Record) (leftOut int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.by[r.PC]
	if at == nil {
		at = &place{limit: rate.NewLimiter(logPerSecond, logBurst)}
		p.by[r.PC] = at
	}
	if !at.limit.AllowN(r.Time, 1) {
		at.leftOut++
		return 0, false
	}
	leftOut, at.leftOut = at.leftOut, 0
	return leftOut, true
}
