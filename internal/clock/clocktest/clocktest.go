// Package clocktest gives tests whose time does not pass by itself a clock.
package clocktest

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/clock"
)

// New makes a clock of a database that has the same time.
func New(now func() time.Time) *clock.Clock { return clock.New(Database(now), now) }

// Database is one whose clock the test sets.
type Database func() time.Time

// Clock implements clock.Database.
func (d Database) Clock(context.Context) (time.Time, error) { return d(), nil }
