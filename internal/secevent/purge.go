package secevent

import (
	"context"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const purgeStep = maxPending // entries that are deleted in a transaction: all that a receiver loses by it is among its pending events

// Purge deletes what all receivers have acknowledged, and what waited for longer than the retention. A receiver that misses some of that is
// sent a stream-updated event which says so, once until it comes back. domain.ErrClocksDiffer if this machine's clock is not to be trusted.
func (s *Service) Purge(ctx context.Context) error {
	now, err := s.Clock.DeletionTime(ctx)
	if err != nil {
		return fmt.Errorf("purge the outbox: %w", err)
	}
	if err := inSteps(ctx, s.Outbox.PurgeAcknowledged); err != nil {
		return err
	}
	ctx = event.WithActor(ctx, event.System)
	return inSteps(ctx, func(ctx context.Context, limit int) (deleted int64, err error) {
		err = s.Recorder.UpdateAll(ctx, func(ctx context.Context) (missed []event.Event, err error) {
			var missing []domain.Receiver
			if deleted, missing, err = s.Outbox.PurgeUnacknowledged(ctx, now.Add(-s.Retention), limit, s.lost); err != nil {
				return nil, err
			}
			last, err := s.Outbox.LastEvent(ctx)
			if err != nil {
				return nil, err
			}
			for _, was := range missing {
				r, err := s.Store.FindReceiver(ctx, was.Client)
				if err != nil {
					return nil, err
				}
				if was.Missed > was.Progress.Acked && (was.StatusSeq == 0 || was.StatusSeq > r.Missed) { // sent before, or waits
					continue
				}
				missed = append(missed, event.ReceiverMissed{ClientID: r.Client, Status: r.Status(), Through: r.Missed})
				r.StatusSeq = last + int64(len(missed))
				if err := s.Store.SetReceiverStatus(ctx, r, 0); err != nil {
					return nil, err
				}
			}
			return missed, nil
		})
		return deleted, err
	})
}

func inSteps(ctx context.Context, purge func(ctx context.Context, limit int) (deleted int64, err error)) error {
	for {
		deleted, err := purge(ctx, purgeStep)
		if err != nil {
			return fmt.Errorf("purge the outbox: %w", err)
		}
		if deleted == 0 {
			return nil
		}
	}
}

// lost is the last event up to a seq that a receiver has still to be sent; zero: there is none.
func (s *Service) lost(ctx context.Context, r domain.Receiver, through int64) (last int64, err error) {
	client, err := s.Registry.FindClient(ctx, r.Client)
	if err != nil {
		return 0, err
	}
	entries, _, err := s.listOutbox(ctx, r, client.Serves)
	if err != nil {
		return 0, err
	}
	p := pending{receiver: r}
	p.add(entries, client.Serves)
	for _, i := range p.open {
		if i.cause.Seq <= through {
			last = i.cause.Seq
		}
	}
	return last, nil
}
