package admin

import (
	"context"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// Invitation is an initial access token, by which clients register themselves (RFC 7591 §1.2).
type Invitation struct {
	ID        int64     `json:"id"`
	Note      string    `json:"note"`
	MaxUses   int       `json:"max_uses"`
	Uses      int       `json:"uses"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// MadeInvitation is a new invitation with its token, which is shown this once.
type MadeInvitation struct {
	Invitation
	Token string `json:"token" doc:"Not shown again"`
}

func showInvitation(i domain.Invitation) Invitation {
	return Invitation{ID: i.ID, Note: i.Note, MaxUses: i.MaxUses, Uses: i.Uses, CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt}
}

// CreateInvitation lets clients register themselves, so many and until a time. A caller needs the administrative permissions that such
// clients may ask users for.
func (s *Service) CreateInvitation(ctx context.Context, caller authn.Caller, note string, uses int, expiresAt time.Time) (MadeInvitation, error) {
	const operation = "invitation.create"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.require(ctx, caller, operation, Requestable(domain.Client{APIs: s.config.Registry.Ceiling()})...)
	}
	if err != nil {
		return MadeInvitation{}, err
	}
	made, token, err := s.config.Registrations.Invite(ctx, domain.Invitation{Note: note, MaxUses: uses, ExpiresAt: expiresAt})
	return MadeInvitation{showInvitation(made), token}, err
}

// ListInvitations lists invitations, the oldest first; a search looks at their notes. They go a month after they expired. ErrCursor for
// that of another list.
func (s *Service) ListInvitations(ctx context.Context, caller authn.Caller, q Query) (Page[Invitation], error) {
	const operation = "invitation.list"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Page[Invitation]{}, err
	}
	return page(ctx, s, operation, q, s.config.Registrations.Invitations, func(i domain.Invitation) string { return strconv.FormatInt(i.ID, 10) }, each(showInvitation))
}

// DeleteInvitation takes an invitation back; clients that were registered with it stay. domain.ErrNotFound if there is none of the id.
func (s *Service) DeleteInvitation(ctx context.Context, caller authn.Caller, id int64) error {
	ctx, err := s.authorize(ctx, caller, "invitation.delete")
	if err != nil {
		return err
	}
	return s.config.Registrations.Uninvite(ctx, id)
}
