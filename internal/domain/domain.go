// Package domain holds Signet's nouns and the errors that its layers agree on.
// It imports nothing but the standard library.
package domain

import "errors"

// The vocabulary of failure between layers. Surfaces translate it into wire errors, each in one file.
var (
	// ErrNotFound says that no such object exists.
	ErrNotFound = errors.New("not found")
	// ErrExists says that another object already has that name.
	ErrExists = errors.New("already exists")
	// ErrConflict says that the object is not of the version for which the change was made: somebody else changed it.
	ErrConflict = errors.New("changed by somebody else meanwhile")
	// ErrInvalid says that the caller's input breaks a rule; wrap it with what to do about it.
	ErrInvalid = errors.New("invalid")
	// ErrConsumed says that a once-only thing (code, refresh token, setup link) was used before.
	ErrConsumed = errors.New("already used")
	// ErrRevoked says that a grant, session or key was taken back.
	ErrRevoked = errors.New("revoked")
	// ErrStale says that the database moved past the revision on which a decision was based:
	// nothing was written, refresh the snapshot and decide anew.
	ErrStale = errors.New("decided on a stale snapshot")
	// ErrUnavailable says that the database could not be asked or did not answer in time. The answer is unknown.
	ErrUnavailable = errors.New("database unavailable")
	// ErrReferenced says that the object cannot be removed while others point to it.
	ErrReferenced = errors.New("still in use")
)
