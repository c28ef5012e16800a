// Package clock compares this machine's clock with the database's: what is deleted by a clock that is ahead may still be in use.
package clock

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	// Tolerance is how far the clocks may differ without being reported.
	Tolerance = time.Minute
	// noise is how far this machine's seems to be ahead because the database's answer took its time.
	noise = 5 * time.Second
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
	ahead    atomic.Int64 // when they were last compared
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
	ahead := c.now().Sub(there)
	c.ahead.Store(int64(ahead))
	return ahead, nil
}

// IssuingTime is the time at which a token is issued: by this machine's clock, or by the database's where this one was ahead when they were
// last compared, since others would refuse a token from the future.
func (c *Clock) IssuingTime() time.Time {
	now := c.now()
	if ahead := time.Duration(c.ahead.Load()); ahead > noise {
		return now.Add(-ahead)
	}
	return now
}

// InDatabase is what time it is by the database's clock when it is t by this machine's, as they were when they were last compared.
func (c *Clock) InDatabase(t time.Time) time.Time { return t.Add(-time.Duration(c.ahead.Load())) }

// DeletionTime is the time by which everything is judged that is deleted because it is old: the earlier of the two clocks.
// domain.ErrClocksDiffer: then nothing may be deleted.
func (c *Clock) DeletionTime(ctx context.Context) (time.Time, error) {
	ahead, err := c.Ahead(ctx)
	switch {
	case err != nil:
		return time.Time{}, err
	case ahead > domain.MaxClockDifference:
		return time.Time{}, fmt.Errorf("%w: this machine's is %v ahead of the database's", domain.ErrClocksDiffer, ahead.Round(time.Second))
	case ahead < -domain.MaxClockDifference:
		return time.Time{}, fmt.Errorf("%w: this machine's is %v behind the database's", domain.ErrClocksDiffer, -ahead.Round(time.Second))
	default:
		return c.now().Add(-max(0, ahead)), nil
	}
}
