package index

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Store keeps the index of issued tokens.
type Store interface {
	InTx(ctx context.Context) bool
	// InsertIssuedTokens writes, in one statement, those tokens whose revision (same position) is not older than the database's, which it
	// returns, and not of before a promotion. No change is committed until the transaction ends, so a change sees all tokens that it revokes.
	// After a promotion of another database server it returns more than any revision, until Changes has read everything anew.
	InsertIssuedTokens(ctx context.Context, tokens []domain.IssuedToken, revisions []int64) (revision int64, err error)
	// FindIssuedTokens finds tokens in one statement; those that do not exist are missing from the answer.
	// It also returns the database's revision, as InsertIssuedTokens does.
	FindIssuedTokens(ctx context.Context, refs []domain.TokenRef) (found map[domain.TokenID]domain.IssuedToken, revision int64, err error)
	// ListIssuedTokens returns tokens, newest first, at most filter.Limit unless that is zero. There may be more if next is not
	// zero: they come after it, or with filter.After before it. A page may be short, even empty, although there are more: in a state, and of several owners,
	// tokens are looked for among a limited number. What a pending revocation covers is revoked.
	ListIssuedTokens(ctx context.Context, filter domain.TokenFilter) (entries []domain.TokenEntry, next domain.TokenID, err error)
	// FindTokenEntries finds tokens by jti, in no order; those that do not exist are missing from the answer.
	FindTokenEntries(ctx context.Context, ids ...domain.TokenID) ([]domain.TokenEntry, error)
	// CountIssuedTokens counts tokens among a limited number of the newest. If next is not zero there may be more: it counts those with
	// it as filter.Before.
	CountIssuedTokens(ctx context.Context, filter domain.TokenFilter) (n int, next domain.TokenID, err error)
	// PreparePartitions makes the partitions of the index that tokens of the next day need, and drops those whose tokens
	// have all expired before the given time. It makes those of the audit log for this month and the next, too. One replica does it at a time; elsewhere, and on SQLite, it does nothing.
	PreparePartitions(ctx context.Context, now, before time.Time) error
	// Purge deletes at most limit rows of each kind that expired before the given time, and says how many in all, those that it deleted before an error,
	// too: what cannot be deleted keeps nothing else.
	Purge(ctx context.Context, before time.Time, limit int) (int64, error)
}
