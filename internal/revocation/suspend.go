package revocation

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Suspend makes a token inactive until Resume, and suspended in its status list.
// domain.ErrNotFound if it is not in the index, domain.ErrRevoked if it is revoked. Done before is no error.
func (s *Service) Suspend(ctx context.Context, id domain.TokenID) error {
	return s.setSuspended(ctx, id, "token.suspend", s.statuses.SuspendToken)
}

// Resume makes a suspended token active again, with the same errors.
func (s *Service) Resume(ctx context.Context, id domain.TokenID) error {
	return s.setSuspended(ctx, id, "token.resume", s.statuses.ResumeToken)
}

func (s *Service) setSuspended(ctx context.Context, id domain.TokenID, action string,
	set func(ctx context.Context, ref domain.TokenRef, now time.Time) error) error {
	entry, err := s.index.Find(ctx, id)
	if err != nil {
		return err
	}
	details := map[string]any{"aud": entry.Audience}
	err = s.log.Change(ctx, action, "token:"+id.String(), details, func(ctx context.Context) error {
		return set(ctx, entry.Ref(), s.now())
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", action, id, err)
	}
	return nil
}
