// Package batch groups concurrent calls into batches.
package batch

import (
	"context"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
)

// Batcher runs concurrent calls as one batch: while one batch is being written to the database, the next is collected.
// Each caller waits for its own batch. The queue is bounded; when it is full, calls fail at once.
type Batcher[In, Out any] struct {
	run   func(ctx context.Context, batch []In) ([]Out, error)
	queue chan call[In, Out]
}

type call[In, Out any] struct {
	in   In
	done chan<- result[Out]
}

type result[Out any] struct {
	out Out
	err error
}

const (
	batchSize = 256  // most calls in one batch
	queueSize = 4096 // calls that can wait
)

// New starts a batcher that runs at most the given number of batches concurrently: with two, one is collected and sent while the other
// commits. It stops when ctx ends. run returns one result for each call of the batch, in order; its error is returned to every caller.
func New[In, Out any](ctx context.Context, concurrency int, run func(context.Context, []In) ([]Out, error)) *Batcher[In, Out] {
	b := &Batcher[In, Out]{run: run, queue: make(chan call[In, Out], queueSize)}
	for range concurrency {
		go b.work(ctx)
	}
	return b
}

// Do puts one call into the next batch and waits for its result. domain.ErrUnavailable if the queue is full; otherwise the error
// of the batch, or that of ctx: then the call may still be executed.
func (b *Batcher[In, Out]) Do(ctx context.Context, in In) (Out, error) {
	done := make(chan result[Out], 1)
	var none Out
	select {
	case b.queue <- call[In, Out]{in, done}:
	default:
		return none, fmt.Errorf("the queue is full: %w", domain.ErrUnavailable)
	}
	select {
	case r := <-done:
		return r.out, r.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

func (b *Batcher[In, Out]) work(ctx context.Context) {
	calls := make([]call[In, Out], 0, batchSize)
	batch := make([]In, 0, batchSize)
	for {
		calls, batch = calls[:0], batch[:0]
		select {
		case c := <-b.queue:
			calls, batch = append(calls, c), append(batch, c.in)
		case <-ctx.Done():
			return
		}
	collect:
		for len(calls) < batchSize {
			select {
			case c := <-b.queue:
				calls, batch = append(calls, c), append(batch, c.in)
			default:
				break collect
			}
		}
		outs, err := b.run(ctx, batch)
		for i, c := range calls {
			if err != nil {
				c.done <- result[Out]{err: err}
			} else {
				c.done <- result[Out]{out: outs[i]}
			}
		}
	}
}
