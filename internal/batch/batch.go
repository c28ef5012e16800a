// Package batch groups concurrent calls into batches.
package batch

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/tracing"
)

// Batcher runs concurrent calls as one batch: while one batch is being written to the database, the next is collected.
// Each caller waits for its own batch. The queue is bounded; when it is full, calls fail at once.
type Batcher[In, Out any] struct {
	name, waiting string // of spans
	run           func(ctx context.Context, batch []In) ([]Out, error)
	queue         chan *call[In, Out]
	work          work
}

type call[In, Out any] struct {
	in   In
	span tracing.Span // of waiting for it
	out  Out
	err  error
	done chan struct{} // closed once out or err is set
}

const (
	batchSize = 256  // most calls in one batch
	queueSize = 4096 // calls that can wait
)

// headStart delays the next batch, so that it grows. The delay ends early once the running batch is done.
const headStart = 2 * time.Millisecond

// New starts a batcher, whose name traces show, that runs at most the given number of batches concurrently.
// It stops when ctx ends. run returns one result for each call of the batch, in order; its error is returned to every caller.
func New[In, Out any](ctx context.Context, name string, concurrency int, run func(context.Context, []In) ([]Out, error)) *Batcher[In, Out] {
	b := &Batcher[In, Out]{name: name, waiting: "wait: " + name, run: run, queue: make(chan *call[In, Out], queueSize), work: work{begun: make([]time.Time, concurrency)}}
	go b.dispatch(ctx, concurrency)
	return b
}

// Do puts one call into the next batch and waits for its result. domain.ErrUnavailable if the queue is full; otherwise the error
// of the batch, or that of ctx: then the call may still be executed.
func (b *Batcher[In, Out]) Do(ctx context.Context, in In) (Out, error) {
	ctx, end := tracing.Start(ctx, b.waiting)
	defer end()
	c := &call[In, Out]{in: in, span: tracing.Of(ctx), done: make(chan struct{})}
	var none Out
	select {
	case b.queue <- c:
	default:
		return none, fmt.Errorf("the queue is full: %w", domain.ErrUnavailable)
	}
	select {
	case <-c.done:
		return c.out, c.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// dispatch starts one batch after the other.
func (b *Batcher[In, Out]) dispatch(ctx context.Context, concurrency int) {
	free := make(chan int, concurrency) // places for batches
	for place := range concurrency {
		free <- place
	}
	before := make(chan struct{}) // closed once the batch before is done
	close(before)
	for {
		var first *call[In, Out]
		select {
		case first = <-b.queue:
		case <-ctx.Done():
			return
		}
		select {
		case <-before:
		default:
			await(before, headStart)
		}
		place := <-free
		calls := b.collect(first)
		done := make(chan struct{})
		go func() {
			b.execute(ctx, place, calls)
			free <- place
			close(done)
		}()
		before = done
	}
}

// await waits for done, at most for some time.
func await(done <-chan struct{}, atMost time.Duration) {
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// collect takes what waits besides the first call.
func (b *Batcher[In, Out]) collect(first *call[In, Out]) []*call[In, Out] {
	calls := append(make([]*call[In, Out], 0, min(len(b.queue)+1, batchSize)), first)
	for len(calls) < batchSize {
		select {
		case c := <-b.queue:
			calls = append(calls, c)
		default:
			return calls
		}
	}
	return calls
}

func (b *Batcher[In, Out]) execute(ctx context.Context, place int, calls []*call[In, Out]) {
	batch := make([]In, len(calls))
	var traced []tracing.Span
	for i, c := range calls {
		batch[i] = c.in
		if c.span.Traced() {
			traced = append(traced, c.span)
		}
	}
	ctx, end := tracing.StartShared(ctx, b.name, traced)
	b.work.begin(place, len(calls))
	outs, err := b.run(ctx, batch)
	b.work.end(place, err)
	end()
	for i, c := range calls {
		if c.err = err; err == nil {
			c.out = outs[i]
		}
		close(c.done)
	}
}
