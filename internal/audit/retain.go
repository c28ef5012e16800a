package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Maintain makes a checkpoint and deletes the events that are older than the given time; zero keeps everything. It returns the checkpoint, also
// with an error of the deletion: domain.ErrClocksDiffer if this machine's clock is not to be trusted.
func (l *Log) Maintain(ctx context.Context, retention time.Duration) (domain.Checkpoint, error) {
	made, err := l.Checkpoint(ctx)
	if err != nil || retention == 0 {
		return made, err
	}
	now, err := l.clock.DeletionTime(ctx)
	if err != nil {
		return made, fmt.Errorf("purge the audit log: %w", err)
	}
	// An event has the time of whoever recorded it. One whose clock was behind must not take with it what came before, nor one whose clock
	// was ahead keep the log for ever.
	through, err := l.store.EventBefore(ctx, now.Add(-retention), now.Add(24*time.Hour))
	if err != nil || through == 0 {
		return made, err
	}
	return made, l.purge(ctx, through)
}

// purge deletes the events up to a seq. It records that first, so that the log can be verified however much of it is done.
func (l *Log) purge(ctx context.Context, through int64) error {
	if err := l.events.Record(ctx, event.AuditPurged{Through: through}); err != nil {
		return err
	}
	for {
		n, err := l.store.DeleteEvents(ctx, through, stepSize)
		if err != nil {
			return fmt.Errorf("purge the audit log: %w", err)
		}
		if n < stepSize {
			return l.store.DeleteCheckpoints(ctx, through+1)
		}
	}
}
