// Package directory keeps users, groups, roles and assignments, and computes the effective access
// of a subject at an audience.
package directory

import (
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/event"
)

// Directory holds people and what they may do. Every change is recorded in the audit log, in its own transaction.
type Directory struct {
	store   Store
	cache   *cache.Cache
	events  *event.Recorder
	revoker Revoker
	clock   *clock.Clock
	now     func() time.Time
}

// New makes a directory.
func New(store Store, cache *cache.Cache, events *event.Recorder, revoker Revoker, clock *clock.Clock, now func() time.Time) *Directory {
	return &Directory{
		store: store, cache: cache, events: events, revoker: revoker, clock: clock, now: now,
	}
}
