package revocation

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Store keeps revocations. Its methods join the transaction that ctx carries.
type Store interface {
	Tx(ctx context.Context, fn func(ctx context.Context) error) error
	// InsertRevocation begins a revocation: it bumps the revision, gives the revocation that one, and returns it with its id.
	InsertRevocation(ctx context.Context, r domain.Revocation) (domain.Revocation, error)
	// FindRevocation returns ErrNotFound if there is none.
	FindRevocation(ctx context.Context, id int64) (domain.Revocation, error)
	// ListRevocations returns the revocations that a filter chooses, the newest first, without what tokens have to carry; a page of them.
	ListRevocations(ctx context.Context, f domain.RevocationFilter, p domain.Page) ([]domain.Revocation, error)
	// OpenRevocations returns the revocations that are not done, oldest first.
	OpenRevocations(ctx context.Context) ([]domain.Revocation, error)
	// StepRevocation sets the status of the next tokens that a revocation covers, reading at most limit rows from its cursor in jti order,
	// and then ends its grants. It returns the revocation in its new state; once nothing is left, DoneAt is set and the revision bumped.
	// Concurrent steps do no harm. ErrNotFound if there is no such revocation.
	StepRevocation(ctx context.Context, id int64, limit int, now time.Time) (domain.Revocation, error)
}

// Statuses sets the status of single tokens.
type Statuses interface {
	// RevokeTokens revokes tokens and returns those that it has revoked: not one that is not in the index, or was revoked before.
	RevokeTokens(ctx context.Context, now time.Time, refs ...domain.TokenRef) (revoked []domain.TokenID, err error)
	// SuspendToken suspends one token. ErrNotFound if it is not in the index, ErrRevoked if it is revoked, ErrInvalid while a revocation of
	// suspended tokens is under way that would take it too; done before is no error.
	SuspendToken(ctx context.Context, ref domain.TokenRef, now time.Time) error
	// ResumeToken undoes SuspendToken, with the same errors.
	ResumeToken(ctx context.Context, ref domain.TokenRef, now time.Time) error
}

// Grants keeps grants and their refresh tokens.
type Grants interface {
	FindGrant(ctx context.Context, id int64) (domain.Grant, error)
	// RevokeGrant ends a grant and revokes its tokens, unless its user has limit tokens or more: then it begins a revocation. It
	// returns the revocation, one without an id if all is done. ErrNotFound if there is no such grant, ErrRevoked if it was
	// revoked before.
	RevokeGrant(ctx context.Context, id int64, limit int, now time.Time) (domain.Revocation, error)
	// GrantsOfSessions returns the grants that end with sessions, have tokens which are not revoked and do not expire until now, and
	// whose clients are registered to lose these.
	GrantsOfSessions(ctx context.Context, now time.Time, sessions ...int64) ([]int64, error)
	// GrantsOfClient returns grants of a user at a client that have not ended, at most limit.
	GrantsOfClient(ctx context.Context, userID, clientID int64, now time.Time, limit int) ([]int64, error)
	FindRefreshToken(ctx context.Context, signature string) (domain.RefreshToken, error)
}
