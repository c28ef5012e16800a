package authn

import (
	"context"

	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Access knows what users may do.
type Access interface {
	// Access answers from the cache.
	Access(ctx context.Context, subject directory.Subject, audience string) (directory.Access, error)
}

// Refresher brings the cache up to date.
type Refresher interface {
	Refresh(ctx context.Context) error
}

// Sessions authenticates users who are signed in at a browser.
type Sessions struct {
	access Access
	cache  Refresher
}

// NewSessions makes the service.
func NewSessions(access Access, cache Refresher) *Sessions { return &Sessions{access, cache} }

// Caller is a user whose browser session is live, with the permissions of urn:signet:admin that the user's roles give at this moment.
func (s *Sessions) Caller(ctx context.Context, user domain.User) (Caller, error) {
	if err := s.cache.Refresh(ctx); err != nil {
		return Caller{}, err
	}
	access, err := s.access.Access(ctx, directory.Subject{Kind: domain.SubjectUser, ID: user.ID}, domain.AdminAudience)
	if err != nil {
		return Caller{}, err
	}
	return Caller{
		actor: event.User(user.Username), subject: user.Username, via: ViaSession, permissions: access.Permissions,
	}, nil
}
