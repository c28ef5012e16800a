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
	hasher  *hasher
	clock   *clock.Clock
	now     func() time.Time

	minPassword int // characters
}

// New makes a directory.
func New(store Store, cache *cache.Cache, events *event.Recorder, revoker Revoker, clock *clock.Clock, now func() time.Time) *Directory {
	return &Directory{
		store: store, cache: cache, events: events, revoker: revoker, hasher: newHasher(hashesAtOnce()), clock: clock, now: now,
		minPassword: defaultMinPassword,
	}
}

// SetMinPassword sets the least length of new passwords, in characters; 10 if it is not set. Call it before the directory is used.
func (d *Directory) SetMinPassword(characters int) { d.minPassword = characters }

// MinPassword is the least length of new passwords, in characters.
func (d *Directory) MinPassword() int { return d.minPassword }
