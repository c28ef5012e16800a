// Package directory keeps users, their attributes, groups, roles and assignments, and computes the effective access
// of a subject at an audience.
package directory

import (
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/event"
)

// Config is what a Directory is made of.
type Config struct {
	Users       Users
	Attributes  Attributes
	Groups      Groups
	Members     Members
	Roles       Roles
	Assignments Assignments
	Sets        Sets
	Setup       Setup
	Sessions    Sessions
	Cache       *cache.Cache
	Events      *event.Recorder
	Revoker     Revoker
	Clock       *clock.Clock
	Now         func() time.Time
}

// Directory holds people and what they may do. Every change is recorded in the audit log, in its own transaction.
type Directory struct {
	users       Users
	attributes  Attributes
	groups      Groups
	members     Members
	roles       Roles
	assignments Assignments
	sets        Sets
	setup       Setup
	sessions    Sessions
	cache       *cache.Cache
	events      *event.Recorder
	revoker     Revoker
	clock       *clock.Clock
	now         func() time.Time
}

// Uncached is the directory with an empty cache, so that within a transaction it reads the database.
func (d *Directory) Uncached() *Directory {
	uncached := *d
	uncached.cache = d.cache.Empty()
	return &uncached
}

// New makes a directory.
func New(c Config) *Directory {
	return &Directory{
		users: c.Users, attributes: c.Attributes, groups: c.Groups, members: c.Members, roles: c.Roles, assignments: c.Assignments, sets: c.Sets, setup: c.Setup, sessions: c.Sessions,
		cache: c.Cache, events: c.Events, revoker: c.Revoker, clock: c.Clock, now: c.Now,
	}
}
