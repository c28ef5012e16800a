package index

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Purge drops what expired some time ago, in small steps, until nothing is left or ctx ends, and makes the partitions that
// the next days need. It says how many rows it deleted one by one; whole partitions are not counted. domain.ErrClocksDiffer if this
// machine's clock is not to be trusted.
func (x *Index) Purge(ctx context.Context) (int64, error) {
	const step, keep = 1000, time.Hour
	now, err := x.clock.DeletionTime(ctx)
	if err != nil {
		return 0, fmt.Errorf("purge: %w", err)
	}
	before := now.Add(-keep)
	failed := x.store.PreparePartitions(ctx, x.now(), before) // no reason to leave the rest
	if failed != nil {
		failed = fmt.Errorf("prepare the partitions: %w", failed)
	}
	var total int64
	for ctx.Err() == nil {
		n, err := x.store.Purge(ctx, before, step)
		total += n
		if n > 0 {
			continue // whatever failed: the rest goes
		}
		if err != nil {
			err = fmt.Errorf("purge: %w", err)
		}
		return total, errors.Join(failed, err)
	}
	return total, errors.Join(failed, ctx.Err())
}
