package session

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Store keeps browser sessions and consents.
type Store interface {
	// InsertSession stores a session and returns its id.
	InsertSession(ctx context.Context, session domain.Session) (id int64, err error)
	// FindSession finds by the hash of the cookie's value. ErrNotFound if there is none.
	FindSession(ctx context.Context, hash []byte) (domain.Session, error)
	// TouchSession sets when a session was last seen.
	TouchSession(ctx context.Context, id int64, now time.Time) error
	// EndSession ends one session; done before is no error.
	EndSession(ctx context.Context, id int64, now time.Time) error

	// PutConsent stores or replaces what a user allowed a client at an audience.
	PutConsent(ctx context.Context, consent domain.Consent) error
	// FindConsent returns ErrNotFound if there is none.
	FindConsent(ctx context.Context, userID, clientID int64, audience string) (domain.Consent, error)
}
