package revocation

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Suspend makes a token inactive until Resume, and suspended in its status list.
// domain.ErrNotFound if it is not in the index, domain.ErrRevoked if it is revoked, domain.ErrInvalid while a revocation of suspended
// tokens is under way that would take it too. Done before is no error.
func (s *Service) Suspend(ctx context.Context, id domain.TokenID) error {
	suspended := func(audience string) event.Event { return event.TokenSuspended{ID: id, Audience: audience} }
	return s.setSuspended(ctx, id, suspended, s.statuses.SuspendToken)
}

// Resume makes a suspended token active again, with the same errors.
func (s *Service) Resume(ctx context.Context, id domain.TokenID) error {
	resumed := func(audience string) event.Event { return event.TokenResumed{ID: id, Audience: audience} }
	return s.setSuspended(ctx, id, resumed, s.statuses.ResumeToken)
}

func (s *Service) setSuspended(ctx context.Context, id domain.TokenID, changed func(audience string) event.Event,
	set func(ctx context.Context, ref domain.TokenRef, now time.Time) error) error {
	entry, err := s.index.Find(ctx, id)
	if err != nil {
		return err
	}
	e := changed(entry.Audience)
	err = s.events.Change(ctx, e, func(ctx context.Context) error {
		return set(ctx, entry.Ref(), s.now())
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", e.Kind(), id, err)
	}
	return nil
}
