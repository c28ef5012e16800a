package status

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Leases hands out runs of positions of status lists.
type Leases interface {
	// LeaseStatus takes count positions of a list whose tokens expire by the given time, making a list of that size if none
	// has room. No two leases of a list share a position.
	LeaseStatus(ctx context.Context, expires time.Time, count, size int32, now time.Time) (domain.StatusLease, error)
}

// Lists keeps status lists and the changes of token statuses.
type Lists interface {
	// FindStatusList returns ErrNotFound if there is none.
	FindStatusList(ctx context.Context, id int64) (domain.StatusList, error)
	// LiveStatusLists returns the ids of lists that have not expired, oldest first.
	LiveStatusLists(ctx context.Context, now time.Time) ([]int64, error)
	// StatusEntries returns the entries of a list that are not valid, and the seq of the last change that they hold.
	StatusEntries(ctx context.Context, list int64) (entries []domain.StatusChange, seq int64, err error)
	// StatusChanges returns changes after a seq, oldest first, at most limit, and the newest seq there is.
	// complete is false if older changes are gone, so that some are missing.
	StatusChanges(ctx context.Context, after int64, limit int) (changes []domain.StatusChange, newest int64, complete bool, err error)
}
