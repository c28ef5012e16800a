package token

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Suspend takes a token back for the time being: until Resume it is inactive, and suspended in its status list.
// domain.ErrNotFound if it is not in the index, domain.ErrRevoked if it is revoked. Done before is no error.
func (t *Tokens) Suspend(ctx context.Context, id domain.TokenID) error {
	return t.setSuspended(ctx, id, "token.suspend", t.store.SuspendToken)
}

// Resume makes a suspended token count again, with the same errors.
func (t *Tokens) Resume(ctx context.Context, id domain.TokenID) error {
	return t.setSuspended(ctx, id, "token.resume", t.store.ResumeToken)
}

func (t *Tokens) setSuspended(ctx context.Context, id domain.TokenID, action string,
	mark func(ctx context.Context, ref domain.TokenRef, now time.Time) error) error {
	entry, err := t.Find(ctx, id)
	if err != nil {
		return err
	}
	details := map[string]any{"aud": entry.Audience}
	err = t.log.Change(ctx, action, "token:"+id.String(), details, func(ctx context.Context) error {
		return mark(ctx, entry.Ref(), t.now())
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", action, id, err)
	}
	return nil
}
