package session

import (
	"context"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Lists says who is signed in, and what users have granted.
type Lists interface {
	// ListSessions returns sessions that a filter chooses, the last seen first; a page of them.
	ListSessions(ctx context.Context, f domain.SessionFilter, p domain.Page) ([]domain.SessionEntry, error)
	// FindSessionBySID returns ErrNotFound if there is none of the name.
	FindSessionBySID(ctx context.Context, sid string) (domain.Session, error)
	// UserSessions returns sessions of a user that have not ended, but for one, at most limit.
	UserSessions(ctx context.Context, userID, except int64, limit int) ([]domain.Session, error)
	// SessionClients returns the client_ids that have a grant of a session, by session.
	SessionClients(ctx context.Context, sessions ...int64) (map[int64][]string, error)
	// ListConsents returns a user's by client and audience; a page of them.
	ListConsents(ctx context.Context, userID int64, p domain.Page) ([]domain.ConsentEntry, error)
	// ListGrants returns the grants that a filter chooses, the newest first; a page of them.
	ListGrants(ctx context.Context, f domain.GrantFilter, p domain.Page) ([]domain.GrantEntry, error)
}

// List returns the live sessions of a user, or with zero everybody's, the last seen first; a page of them.
func (s *Sessions) List(ctx context.Context, userID int64, p domain.Page) ([]domain.SessionEntry, error) {
	now := s.now()
	sessions, err := s.lists.ListSessions(ctx, domain.SessionFilter{UserID: userID, Now: now, SeenAfter: now.Add(-s.lim.Idle)}, p)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return sessions, nil
}

// Named returns a live session by its name. ErrNotFound if there is none.
func (s *Sessions) Named(ctx context.Context, sid string) (domain.Session, error) {
	session, err := s.lists.FindSessionBySID(ctx, sid)
	if err == nil && !s.live(session, s.now()) {
		err = domain.ErrNotFound
	}
	if err != nil {
		return domain.Session{}, fmt.Errorf("session %q: %w", domain.ClipText(sid, 64), err)
	}
	return session, nil
}

// Clients returns the client_ids that were granted something in sessions, by session.
func (s *Sessions) Clients(ctx context.Context, sessions ...int64) (map[int64][]string, error) {
	return s.lists.SessionClients(ctx, sessions...)
}

// userStep is how many sessions or grants of a user end in one transaction.
const userStep = 50

// EndUser ends all sessions of a user but for one; zero stands for none.
func (s *Sessions) EndUser(ctx context.Context, userID, except int64) error {
	for n := userStep; n == userStep; {
		err := s.store.Tx(ctx, func(ctx context.Context) error {
			sessions, err := s.lists.UserSessions(ctx, userID, except, userStep)
			if n = len(sessions); err != nil || n == 0 {
				return err
			}
			return s.end(ctx, s.now(), sessions...)
		})
		if err != nil {
			return fmt.Errorf("end the sessions of user %d: %w", userID, err)
		}
	}
	return nil
}

// ListConsents returns what a user allowed, by client and audience; a page of it.
func (s *Sessions) ListConsents(ctx context.Context, userID int64, p domain.Page) ([]domain.ConsentEntry, error) {
	return s.lists.ListConsents(ctx, userID, p)
}

// ListGrants returns the live grants of a user, at a client or, if that is zero, at all, the newest first; a page of them.
func (s *Sessions) ListGrants(ctx context.Context, userID, clientID int64, p domain.Page) ([]domain.GrantEntry, error) {
	return s.lists.ListGrants(ctx, domain.GrantFilter{UserID: userID, ClientID: clientID, Now: s.now()}, p)
}

// WithdrawConsent takes back what a user allowed a client: it has to ask again, and its grants of the user end with their tokens. Of very many
// grants some end after others; called again, it goes on. Where there is nothing to take back nothing is recorded, and it is no error.
func (s *Sessions) WithdrawConsent(ctx context.Context, user domain.User, client domain.Client) error {
	var ended int
	revoke := func(ctx context.Context) (err error) {
		ended, err = s.revoker.RevokeOfClient(ctx, user.ID, client.ID, userStep)
		return err
	}
	err := s.events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		deleted, err := s.consents.DeleteConsents(ctx, user.ID, client.ID)
		if err == nil {
			err = revoke(ctx)
		}
		if err != nil || deleted == 0 && ended == 0 {
			return nil, err
		}
		return event.ConsentWithdrawn{ClientID: client.ClientID, User: user.Username}, nil
	})
	for err == nil && ended == userStep {
		err = s.store.Tx(ctx, revoke)
	}
	if err != nil {
		return fmt.Errorf("withdraw what %q allowed client %q: %w", user.Username, client.ClientID, err)
	}
	return nil
}
