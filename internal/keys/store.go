package keys

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Store keeps signing keys. Every method that changes one bumps the revision, in the transaction that ctx carries
// or in one of its own.
type Store interface {
	// Tx runs fn in one transaction, carried by the ctx that fn gets.
	Tx(ctx context.Context, fn func(ctx context.Context) error) error
	// InsertSigningKey returns ErrExists if there is a key in that state ("next" or "active") for the algorithm already.
	InsertSigningKey(ctx context.Context, key domain.SigningKey) (id int64, err error)
	// SetKeyState moves a key from one state to another and stamps the time of the new state. ErrConsumed if it is not in the old state
	// (another replica was quicker), ErrExists if another key of the algorithm is in the new one.
	SetKeyState(ctx context.Context, kid string, from, to domain.KeyState, now time.Time) error
	// ListSigningKeys returns all keys, oldest first.
	ListSigningKeys(ctx context.Context) ([]domain.SigningKey, error)
	// DeleteSigningKey removes a key that has nothing left to verify. ErrNotFound if there is none.
	DeleteSigningKey(ctx context.Context, kid string) error
}

// Revoker revokes tokens (internal/revocation).
type Revoker interface {
	// Begin stores a revocation in the transaction that ctx carries; it holds once that is committed.
	Begin(ctx context.Context, r domain.Revocation) (domain.Revocation, error)
}
