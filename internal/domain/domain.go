// Package domain holds Signet's objects and the errors that its layers share.
// It imports nothing but the standard library.
package domain

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The errors between layers. Each surface translates them into the errors of its protocol, in one file.
var (
	// ErrNotFound says that no such object exists.
	ErrNotFound = errors.New("not found")
	// ErrExists says that another object already has that name.
	ErrExists = errors.New("already exists")
	// ErrConflict says that the object was changed since the version that the change was made for.
	ErrConflict = errors.New("changed by another caller meanwhile")
	// ErrTooSoon says that the change would do harm until some time has passed.
	ErrTooSoon = errors.New("too soon")
	// ErrInvalid says that the input breaks a rule; wrap it with how to correct it.
	ErrInvalid = errors.New("invalid")
	// ErrConsumed says that a once-only thing (code, refresh token, setup link) was used before.
	ErrConsumed = errors.New("already used")
	// ErrRevoked says that a grant, session or key was revoked.
	ErrRevoked = errors.New("revoked")
	// ErrStale says that the database has a newer revision than the cache that a decision was based on:
	// nothing was written; refresh the cache and decide again.
	ErrStale = errors.New("decided on a stale cache")
	// ErrUnavailable says that the database could not be reached or did not answer in time: the outcome is unknown.
	ErrUnavailable = errors.New("database unavailable")
	// ErrDenied says that the caller lacks a permission.
	ErrDenied = errors.New("not allowed")
	// ErrBusy says that too much is being done at the moment: nothing was tried, and it may be later.
	ErrBusy = errors.New("busy")
	// ErrReadOnly is the ErrUnavailable of a database that answers, but takes no changes.
	ErrReadOnly = fmt.Errorf("%w: it is read-only", ErrUnavailable)
	// ErrRestored is the ErrUnavailable of a database that was restored from a backup: it issues nothing until that is accepted.
	ErrRestored = fmt.Errorf("%w: it was restored from a backup, and may have given out more since: nothing is issued until `signet restore --accept`", ErrUnavailable)
	// ErrClocksDiffer says that this machine's clock and the database's differ by more than MaxClockDifference.
	ErrClocksDiffer = errors.New("the clocks differ")
	// ErrLocked is the ErrUnavailable of a database to which other processes write all the time: nothing was written.
	ErrLocked = fmt.Errorf("%w: other processes keep it locked", ErrUnavailable)
	// ErrReferenced says that the object cannot be removed while other objects refer to it.
	ErrReferenced = errors.New("still in use")
)

// MaxClockDifference is by how much this machine's clock and the database's may differ while tokens are issued, judged or deleted.
const MaxClockDifference = 5 * time.Minute

// IsTemporary tells whether the same call may succeed later: nothing is wrong with what was asked.
func IsTemporary(err error) bool {
	for _, temporary := range []error{ErrUnavailable, ErrBusy, ErrStale, ErrClocksDiffer, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, temporary) {
			return true
		}
	}
	return false
}
