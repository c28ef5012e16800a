package status

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// History tells apart what was read before and after something may have been lost.
type History interface {
	// History returns a number that changes when another database server takes the place of the one before, which may lack the last
	// commits: leases and changes of statuses of before may be lost. It is seen by whoever got anything from the new one.
	History() int64
}

// Leases hands out runs of positions of status lists.
type Leases interface {
	History
	// LeaseStatus takes count positions of a list that expires at the given time and has the given size, making one if none has room.
	// No two leases of a list share a position. It must not be called within a transaction: if that were rolled back, the positions
	// would be given again.
	LeaseStatus(ctx context.Context, expires time.Time, count, size int32, now time.Time) (domain.StatusLease, error)
}

// Lists keeps status lists and the changes of token statuses.
type Lists interface {
	History
	// FindStatusList returns ErrNotFound if there is none.
	FindStatusList(ctx context.Context, id int64) (domain.StatusList, error)
	// LiveStatusLists returns the ids of lists that have not expired, oldest first.
	LiveStatusLists(ctx context.Context, now time.Time) ([]int64, error)
	// StatusEntries returns the entries of a list that are not valid, and the seq of the last change that they hold.
	StatusEntries(ctx context.Context, list int64) (entries []domain.StatusChange, seq int64, err error)
	// StatusChanges returns changes after a seq, oldest first, and the newest seq there is. Changes of one seq are never torn apart, so
	// that a few more than limit may come. complete is false if the database was restored to a time before that seq. Of what happened
	// to one list some time ago only the outcome is kept, as one change, until the list has expired.
	StatusChanges(ctx context.Context, after int64, limit int) (changes []domain.StatusChange, newest int64, complete bool, err error)
}
