package store

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

func TestAWriteThatSucceedsAsItsTimeEndsIsNotReportedAsLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		outcomes := []error{domain.ErrLocked, nil}
		err := retry(ctx, func() error {
			outcome := outcomes[0]
			if outcomes = outcomes[1:]; outcome == nil {
				<-ctx.Done()
			}
			return outcome
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestAWriteThatIsLockedUntilItsTimeEndsIsReportedAsLocked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		outcomes := []error{domain.ErrLocked, domain.ErrUnavailable}
		err := retry(ctx, func() error {
			outcome := outcomes[0]
			if outcomes = outcomes[1:]; len(outcomes) == 0 {
				<-ctx.Done()
			}
			return outcome
		})
		if !errors.Is(err, domain.ErrLocked) {
			t.Errorf("got error %v, want %v", err, domain.ErrLocked)
		}
	})
}
