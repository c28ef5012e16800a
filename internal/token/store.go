package token

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Store keeps the index of issued tokens, and the grants, codes and refresh tokens they came from.
// State that may be used only once is changed by compare-and-set: the loser gets ErrConsumed.
type Store interface {
	// Tx runs fn in one transaction, carried by the ctx that fn gets. Begin, Commit and Rollback do the same in steps.
	Tx(ctx context.Context, fn func(ctx context.Context) error) error
	// InTx says whether ctx carries a transaction.
	InTx(ctx context.Context) bool

	// InsertIssuedTokens writes, in one statement, those tokens whose revision (same position) is not older than the
	// database's, and returns that: a token whose revision is smaller was not written.
	InsertIssuedTokens(ctx context.Context, tokens []domain.IssuedToken, revisions []int64) (revision int64, err error)
	// FindIssuedTokens finds tokens in one statement; those that are not there are missing from the answer.
	// It also returns the database's revision.
	FindIssuedTokens(ctx context.Context, refs []domain.TokenRef) (found map[domain.TokenID]domain.IssuedToken, revision int64, err error)
	// ListIssuedTokens returns tokens, newest first, at most filter.Limit unless that is zero. There may be more if next is not
	// zero: they come after it. A page may be short, even empty, although there are more: in a state, and of several owners,
	// tokens are looked for among a limited number. What a revocation under way covers is revoked.
	ListIssuedTokens(ctx context.Context, filter domain.TokenFilter) (entries []domain.TokenEntry, next domain.TokenID, err error)

	// RevokeTokens marks tokens and returns those that it has marked: not one that is not in the index, or was revoked before.
	RevokeTokens(ctx context.Context, now time.Time, refs ...domain.TokenRef) (revoked []domain.TokenID, err error)
	// SuspendToken and ResumeToken mark one token as suspended, or not any more. ErrNotFound if it is not in the index,
	// ErrRevoked if it is revoked; done before is no error.
	SuspendToken(ctx context.Context, ref domain.TokenRef, now time.Time) error
	ResumeToken(ctx context.Context, ref domain.TokenRef, now time.Time) error

	// InsertRevocation begins a revocation: it bumps the revision, gives the revocation that one, and returns it with its id.
	InsertRevocation(ctx context.Context, r domain.Revocation) (domain.Revocation, error)
	// FindRevocation returns ErrNotFound if there is none.
	FindRevocation(ctx context.Context, id int64) (domain.Revocation, error)
	// OpenRevocations returns the revocations that are not done.
	OpenRevocations(ctx context.Context) ([]domain.Revocation, error)
	// StepRevocation marks the next tokens that a revocation covers, at most limit rows looked at in jti order from its cursor,
	// and moves the cursor; once there are no more, it marks grants. It returns the revocation as it stands then; DoneAt is set
	// once nothing is left, and that bumps the revision. Steps of the same revocation at the same time do no harm.
	StepRevocation(ctx context.Context, id int64, limit int, now time.Time) (domain.Revocation, error)

	// LeaseStatus takes count positions of a list whose tokens expire by the given time, making a list of that size if none
	// has room. No two leases of a list share a position.
	LeaseStatus(ctx context.Context, expires time.Time, count, size int32, now time.Time) (domain.StatusLease, error)
	// FindStatusList returns ErrNotFound if there is none.
	FindStatusList(ctx context.Context, id int64) (domain.StatusList, error)
	// LiveStatusLists returns the ids of lists that have not expired, oldest first.
	LiveStatusLists(ctx context.Context, now time.Time) ([]int64, error)
	// StatusEntries returns the entries of a list that are not valid, and the seq of the last change that they hold.
	StatusEntries(ctx context.Context, list int64) (entries []domain.StatusChange, seq int64, err error)
	// StatusChanges returns changes after a seq, oldest first, at most limit, and the newest seq there is.
	// complete is false if older changes are gone, so that some are missing.
	StatusChanges(ctx context.Context, after int64, limit int) (changes []domain.StatusChange, newest int64, complete bool, err error)

	// PreparePartitions makes the partitions of the index that tokens of the next days need, and drops those whose tokens
	// have all expired before the given time. One replica does it at a time; elsewhere, and on SQLite, it does nothing.
	PreparePartitions(ctx context.Context, now, before time.Time) error

	// InsertGrant stores a grant and returns its id, in a transaction that holds the revision: a revocation covers just the
	// grants that were stored before it.
	InsertGrant(ctx context.Context, grant domain.Grant) (id int64, err error)
	// FindGrant returns ErrNotFound if there is none.
	FindGrant(ctx context.Context, id int64) (domain.Grant, error)
	// HoldGrant locks a grant that is neither revoked nor expired for the rest of the transaction, so that no
	// revocation can slip in between. ErrRevoked if it is not live.
	HoldGrant(ctx context.Context, id int64, now time.Time) error
	// RevokeGrant ends a grant. It marks the grant's tokens, unless its user has limit tokens or more: then it begins a
	// revocation. It returns the revocation, one without an id if all is done. ErrNotFound if there is no such grant,
	// ErrRevoked if it was revoked before.
	RevokeGrant(ctx context.Context, id int64, limit int, now time.Time) (domain.Revocation, error)

	// InsertCode stores an authorization code.
	InsertCode(ctx context.Context, code domain.AuthorizationCode) error
	// FindCode returns ErrNotFound if there is none; a used code is found, and one of a grant that has ended.
	FindCode(ctx context.Context, signature string) (domain.AuthorizationCode, error)
	// UseCode marks a code as used. ErrConsumed if it was used before.
	UseCode(ctx context.Context, signature string, now time.Time) error

	// InsertRefreshToken stores a refresh token.
	InsertRefreshToken(ctx context.Context, token domain.RefreshToken) error
	// FindRefreshToken returns ErrNotFound if there is none; a used one is found, and one of a grant that has ended.
	FindRefreshToken(ctx context.Context, signature string) (domain.RefreshToken, error)
	// UseRefreshToken marks a refresh token as used. ErrConsumed if it was used before.
	UseRefreshToken(ctx context.Context, signature string, now time.Time) error

	// Purge deletes at most limit rows of each kind that expired before the given time, and says how many in all.
	Purge(ctx context.Context, before time.Time, limit int) (int64, error)
}
