package directory

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/event"
)

// expiryStep is how many expired assignments are recorded in one transaction.
const expiryStep = 100

// RecordExpired records the assignments that have expired since it was last called, each once whichever replica calls it. They give
// nothing any more without it: this is for services to hear of it. domain.ErrClocksDiffer if this machine's clock is not to be trusted.
func (d *Directory) RecordExpired(ctx context.Context) error {
	now, err := d.clock.DeletionTime(ctx)
	if err != nil {
		return fmt.Errorf("record expired assignments: %w", err)
	}
	for {
		n := 0
		err := d.assignments.Tx(ctx, func(ctx context.Context) error {
			expired, err := d.assignments.TakeExpired(ctx, now, expiryStep)
			if err != nil {
				return err
			}
			n = len(expired)
			events := make([]event.Event, n)
			for i, a := range expired {
				events[i] = event.AssignmentExpired{Role: a.Role, Subject: subjectName(a), ExpiresAt: a.ExpiresAt.UTC().Format(time.RFC3339)}
			}
			return d.events.Record(ctx, events...)
		})
		if err != nil {
			return fmt.Errorf("record expired assignments: %w", err)
		}
		if n < expiryStep {
			return nil
		}
	}
}
