package index

import (
	"context"
	"sync/atomic"

	"github.com/signet-auth/signet/internal/batch"
	"github.com/signet-auth/signet/internal/domain"
)

// Queues are the states of the queues by which tokens are recorded and found.
func (x *Index) Queues() (writes, reads batch.State) { return x.writes.State(), x.reads.State() }

// Probe sends a call that records nothing and one that finds nothing through the queues, unless the last ones are still under way. It
// does not wait for them: Queues shows whether they come through. So a queue that nobody uses shows that it moves again.
func (x *Index) Probe() { x.probe() }

func newProbe(ctx context.Context, x *Index) func() {
	once := func(call func() error) func() {
		var underWay atomic.Bool
		return func() {
			if underWay.CompareAndSwap(false, true) {
				go func() {
					defer underWay.Store(false)
					_ = call() // Queues shows it
				}()
			}
		}
	}
	write := once(func() error { _, err := x.writes.Do(ctx, entry{empty: true}); return err })
	read := once(func() error { _, err := x.reads.Do(ctx, domain.TokenRef{ExpiresAt: x.now()}); return err })
	return func() { write(); read() }
}
