// Package clock compares this machine's clock with the database's: what is deleted by a clock that is ahead may still be in use.
package clock

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	// Tolerance is how far the clocks may differ without being reported.
	Tolerance = time.Minute
	// limit is how far they may differ while something is deleted.
	limit = 5 * time.Minute
)

// Database has a clock of its own.
type Database interface {
	// Clock returns the database's time.
	Clock(ctx context.Context) (time.Time, error)
}

// Clock is this machine's clock beside the database's.
type Clock struct {
	database Database
	now      func() time.Time
}

// New makes a Clock of this machine's time.
func New(database Database, now func() time.Time) *Clock {
	return &Clock{database: database, now: now}
}

// Ahead is by how much this machine's clock is ahead of the database's; negative if it is behind.
func (c *Clock) Ahead(ctx context.Context) (time.Duration, error) {
	there, err := c.database.Clock(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the database's clock: %w", err)
	}
	return c.now().Sub(there), nil
}

// DeletionTime is the time by which everything is judged that is deleted because it is old: the earlier of the two clocks.
// domain.ErrClocksDiffer if they differ by more than five minutes: then nothing may be deleted.
func (c *Clock) DeletionTime(ctx context.Context) (time.Time, error) {
	ahead, err := c.Ahead(ctx)
	switch {
	case err != nil:
		return time.Time{}, err
	case ahead > limit:
		return time.Time{}, fmt.Errorf("%w: this machine's is %v ahead of the database's", domain.ErrClocksDiffer, ahead.Round(time.Second))
	case ahead < -limit:
		return time.Time{}, fmt.Errorf("%w: this machine's is %v behind the database's", domain.ErrClocksDiffer, -ahead.Round(time.Second))
	default:
		return c.now().Add(-max(0, ahead)), nil
	}
}
