package session

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Store keeps browser sessions. Its methods join the transaction that ctx carries.
type Store interface {
	Tx(ctx context.Context, fn func(ctx context.Context) error) error
	// InsertSession stores a session and returns its id.
	InsertSession(ctx context.Context, session domain.Session) (id int64, err error)
	// FindSession finds by the hash of the cookie's value. ErrNotFound if there is none.
	FindSession(ctx context.Context, hash []byte) (domain.Session, error)
	// FindSessionByID returns ErrNotFound if there is none.
	FindSessionByID(ctx context.Context, id int64) (domain.Session, error)
	// TouchSession sets when a session was last seen.
	TouchSession(ctx context.Context, id int64, now time.Time) error
	// EndSessions ends sessions and returns those that had not ended, in their new state. It queues back-channel logouts for the clients
	// that have a grant of these.
	EndSessions(ctx context.Context, now time.Time, ids ...int64) ([]domain.Session, error)
	// HoldExpiredSessions returns at most limit sessions that have not ended, but have expired by now or were last seen at idleSince or
	// before. They are locked until the transaction ends.
	HoldExpiredSessions(ctx context.Context, now, idleSince time.Time, limit int) ([]domain.Session, error)
}

// Browsers keeps the sessions of a browser. Its methods join the transaction that ctx carries, which holds the audit log.
type Browsers interface {
	// BrowserSessions returns the sessions of a browser that have not ended, the newest first.
	BrowserSessions(ctx context.Context, browser []byte) ([]domain.Session, error)
	// RenewSession replaces what the last sign-in has set of a session, the hash included. Grants that end with the session are
	// extended to its new end.
	RenewSession(ctx context.Context, session domain.Session) error
}

// Frontchannel finds the clients that are notified of a sign-out by the browser.
type Frontchannel interface {
	// FrontchannelLogouts returns at most limit URIs of clients that have a grant of a session.
	FrontchannelLogouts(ctx context.Context, session int64, limit int) ([]domain.FrontchannelLogout, error)
}

// Revoker revokes tokens.
type Revoker interface {
	// RevokeOfSessions revokes, in the transaction that ctx carries, the tokens that were given in sessions which end there, of the
	// clients that are registered so.
	RevokeOfSessions(ctx context.Context, sessions ...int64) error
	// RevokeOfClient ends, in the transaction that ctx carries, at most limit grants of a user at a client, and says how many.
	RevokeOfClient(ctx context.Context, userID, clientID int64, limit int) (ended int, err error)
}

// Consents keeps what users allowed.
type Consents interface {
	// PutConsent stores or replaces what a user allowed a client at an audience.
	PutConsent(ctx context.Context, consent domain.Consent) error
	// FindConsent returns ErrNotFound if there is none.
	FindConsent(ctx context.Context, userID, clientID int64, audience string) (domain.Consent, error)
	// DeleteConsents deletes all that a user allowed a client, and says how many consents that were.
	DeleteConsents(ctx context.Context, userID, clientID int64) (int64, error)
}
