package batch

import (
	"math/bits"
	"sync"
	"time"
)

// State is how a batcher is getting on.
type State struct {
	Waiting int           // calls in the queue
	Running time.Duration // since the oldest batch under way began; zero: there is none
	Failing time.Duration // since the first began of batches that all have failed; zero: the last one did not
	Failed  int64         // batches, since the start
	Calls   int64         // in all batches, since the start
	Sizes   [sizes]int64  // batches of at most 1, 2, 4 … 256 calls, and of more than the size before
}

// sizes is how many powers of two there are from 1 to batchSize.
const sizes = 9

// QueueSize is how many calls can wait.
const QueueSize = queueSize

// work is what a batcher has done and is doing.
type work struct {
	mu      sync.Mutex
	begun   []time.Time // by place: of the batch under way there; zero: none
	failing time.Time   // when the first began of batches that all have failed
	failed  int64
	calls   int64
	sizes   [sizes]int64
}

func (w *work) begin(place, calls int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun[place] = time.Now()
	w.calls += int64(calls)
	w.sizes[bits.Len(uint(calls-1))]++
}

func (w *work) end(place int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		w.failing = time.Time{}
	case w.failing.IsZero():
		w.failing = w.begun[place]
	}
	if err != nil {
		w.failed++
	}
	w.begun[place] = time.Time{}
}

// State tells how the batcher is getting on.
func (b *Batcher[In, Out]) State() State {
	w, now := &b.work, time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	s := State{Waiting: len(b.queue), Failed: w.failed, Calls: w.calls, Sizes: w.sizes}
	for _, begun := range w.begun {
		if !begun.IsZero() {
			s.Running = max(s.Running, now.Sub(begun))
		}
	}
	if !w.failing.IsZero() {
		s.Failing = now.Sub(w.failing)
	}
	return s
}
