package event

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bounded records events that anybody can cause: so many at once, then one in a time. The next that it records says how many were
// left out, so that a flood neither fills the log nor goes unseen.
type Bounded struct {
	recorder *Recorder

	mu      sync.Mutex
	limit   *rate.Limiter
	omitted int64
}

// NewBounded makes one.
func NewBounded(recorder *Recorder, atOnce int, every time.Duration) *Bounded {
	return &Bounded{recorder: recorder, limit: rate.NewLimiter(rate.Every(every), atOnce)}
}

// Record records what of returns, given the number of events that were left out since the last that was recorded; or it leaves this
// one out. ErrNoActor if ctx names no actor.
func (b *Bounded) Record(ctx context.Context, of func(omitted int64) Event) error {
	omitted, ok := b.take()
	if !ok {
		return nil
	}
	err := b.recorder.Record(ctx, of(omitted))
	if err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.omitted += omitted + 1
	}
	return err
}

func (b *Bounded) take() (omitted int64, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.limit.Allow() {
		b.omitted++
		return 0, false
	}
	omitted, b.omitted = b.omitted, 0
	return omitted, true
}
