package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// expiryStep is how many expired assignments are recorded in one transaction, each of which may concern thousands of users.
const expiryStep = 5

// RecordExpired records the assignments that have expired since it was last called, each once whichever replica calls it. They give
// nothing any more without it: this is for services to hear of it. domain.ErrClocksDiffer if this machine's clock is not to be trusted.
func (d *Directory) RecordExpired(ctx context.Context) error {
	now, err := d.clock.DeletionTime(ctx)
	if err != nil {
		return fmt.Errorf("record expired assignments: %w", err)
	}
	for step := expiryStep; ; {
		n, err := d.recordExpired(ctx, now, step, false)
		if errors.Is(err, domain.ErrUnavailable) && step > 1 { // it may have taken too long
			step = 1
			continue
		}
		if errors.Is(err, domain.ErrUnavailable) {
			n, err = d.recordExpired(ctx, now, step, true)
		}
		if err != nil {
			return fmt.Errorf("record expired assignments: %w", err)
		}
		if n < step {
			return nil
		}
	}
}

// recordExpired records at most limit assignments in one transaction, and says how many. If tooMany, whom they concern is not named.
func (d *Directory) recordExpired(ctx context.Context, now time.Time, limit int, tooMany bool) (n int, err error) {
	err = d.assignments.Tx(ctx, func(ctx context.Context) error {
		expired, err := d.assignments.AdvanceExpired(ctx, now, limit)
		if err != nil {
			return err
		}
		n = len(expired)
		events := make([]event.Event, n)
		for i, a := range expired {
			events[i] = event.AssignmentExpired{
				Role: a.Role, Subject: subjectName(a), ExpiresAt: a.ExpiresAt.UTC().Format(time.RFC3339), TooMany: tooMany,
			}
		}
		return d.events.Record(ctx, events...)
	})
	return n, err
}
