package secevent

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Store keeps receivers.
type Store interface {
	Tx(ctx context.Context, fn func(ctx context.Context) error) error

	// InsertReceiver stores a receiver that hears of what is recorded from now on. ErrExists if the client is one already,
	// ErrNotFound if there is no such client.
	InsertReceiver(ctx context.Context, r domain.Receiver) (id int64, err error)
	// FindReceiver finds by client_id. ErrNotFound if that client is no receiver.
	FindReceiver(ctx context.Context, clientID string) (domain.Receiver, error)
	// ListReceivers returns receivers by client_id; a page of them.
	ListReceivers(ctx context.Context, p domain.Page) ([]domain.Receiver, error)
	// UpdateReceiver stores the settings of a receiver whose version is r's, adds one to that, and makes its failed deliveries due.
	// ErrConsumed if it has another version.
	UpdateReceiver(ctx context.Context, r domain.Receiver) error
	// SetVerification stores the last verification event of a receiver, unless it has a later one. A new one ends waiting for the next attempt.
	SetVerification(ctx context.Context, id int64, v domain.Verification) error
	// SetReceiverStatus stores what state the stream of a receiver is in, and ends waiting for the next attempt. Up to the seq forget, unless
	// that is zero, everything counts as acknowledged.
	SetReceiverStatus(ctx context.Context, r domain.Receiver, forget int64) error
	// DeleteReceiver returns ErrNotFound if that client is no receiver.
	DeleteReceiver(ctx context.Context, clientID string) error
}

// Subjects keeps the subjects that receivers added to their streams.
type Subjects interface {
	// PutSubject notes that a receiver added a subject to its stream, or removed it, and returns how many it has added, or removed, then. changed is false if
	// it was so before. ErrNotFound, with the count too, if there is no such subject.
	PutSubject(ctx context.Context, receiver int64, subject domain.StreamSubject, removed bool, now time.Time) (changed bool, count int64, err error)
}

// Outbox is what receivers are sent.
type Outbox interface {
	// PurgeAcknowledged deletes at most limit entries that all receivers have acknowledged.
	PurgeAcknowledged(ctx context.Context, limit int) (deleted int64, err error)
	// PurgeUnacknowledged deletes at most limit entries from before a time, whether or not they are acknowledged. In its transaction it asks
	// lost for the last event up to a seq that a receiver has still to be sent, notes that as missed, and returns the receivers that miss
	// something as they were before. lost answers zero if there is none.
	PurgeUnacknowledged(
		ctx context.Context, before time.Time, limit int, lost func(ctx context.Context, r domain.Receiver, through int64) (last int64, err error),
	) (deleted int64, missing []domain.Receiver, err error)
	// LastEvent is the seq of the last event of the audit log.
	LastEvent(ctx context.Context) (int64, error)
	// NewestEntry is the seq of the newest entry; zero if there is none.
	NewestEntry(ctx context.Context) (int64, error)
	// History returns a number that changes when another database server takes the place of the one before, which may lack the last entries.
	History() int64
	// ListOutbox returns what a receiver of kinds of event that serves audiences has to be sent after a seq, but of subjects that it removed: entries of whole events,
	// oldest first, as many as make at least limit entries; and through, the last seq that was looked at. What no longer exists, and
	// could only have had its claims changed, is left out.
	ListOutbox(ctx context.Context, receiver, after int64, kinds, audiences []string, limit int) (entries []domain.OutboxEntry, through int64, err error)
}

// Deliveries is how far receivers have come, and who pushes to them.
type Deliveries interface {
	// DueReceivers returns the receivers to push to, in the order in which they became due, for which the outbox has something new, or which are so many events behind the end
	// of the audit log, and which nobody pushes to. now is by the database's clock.
	DueReceivers(ctx context.Context, now time.Time, behind int64) ([]domain.Receiver, error)
	// MoveReceiver sets how far a receiver has come, which also answers the event of its status that this covers. ErrConsumed if it has not just come as far as from.
	MoveReceiver(ctx context.Context, id int64, from, to domain.Progress) error
	// LeaseReceiver makes the caller the only one who pushes to a receiver, until the given time; both by the database's clock. ErrConsumed if another does.
	LeaseReceiver(ctx context.Context, id int64, now, until time.Time) error
	// ReleaseReceiver ends the lease until r.LeasedUntil, and sets attempts, next attempt and last error, unless another made the next
	// attempt due at another time than this one. ErrConsumed if that lease has ended.
	ReleaseReceiver(ctx context.Context, r domain.Receiver, due time.Time) error
}
