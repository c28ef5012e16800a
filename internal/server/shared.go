package server

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// sharedLimits counts over all replicas by the database's clock: a replica whose clock is ahead would find all limits free, and block
// people at the others by what it counts.
type sharedLimits struct {
	*store.DB
	clock *clock.Clock
}

// Spend implements device.Store, limits.Shared, registration.Limits and signin.Shared.
func (s sharedLimits) Spend(ctx context.Context, now time.Time, limits ...domain.Limit) (wait time.Duration, err error) {
	return s.DB.Spend(ctx, s.clock.InDatabase(now), limits...)
}

// Refund implements signin.Shared.
func (s sharedLimits) Refund(ctx context.Context, now time.Time, limits ...domain.Limit) error {
	return s.DB.Refund(ctx, s.clock.InDatabase(now), limits...)
}
