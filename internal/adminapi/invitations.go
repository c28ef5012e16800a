package adminapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
)

func (s *surface) mountInvitations() {
	register(s, http.MethodGet, "/invitations", "invitation.list", list(s.Admin.ListInvitations))
	creating(s, http.StatusCreated, "/invitations", "invitation.create", func(ctx context.Context, caller authn.Caller, in *createInvitationInput) (*objectOutput[admin.MadeInvitation], error) {
		made, err := s.Admin.CreateInvitation(ctx, caller, in.Body.Note, in.Body.MaxUses, in.Body.ExpiresAt)
		return created(made, 0, "/invitations/"+strconv.FormatInt(made.ID, 10), err)
	})
	register(s, http.MethodDelete, "/invitations/{id}", "invitation.delete", func(ctx context.Context, caller authn.Caller, in *invitationInput) (*done, error) {
		return nil, s.Admin.DeleteInvitation(ctx, caller, in.ID)
	})
}

type createInvitationInput struct {
	Body struct {
		Note      string    `json:"note,omitempty" minLength:"1" maxLength:"200" doc:"What it is for"`
		MaxUses   int       `json:"max_uses,omitempty" minimum:"1" maximum:"1000" default:"1" doc:"How many clients may be registered with it"`
		ExpiresAt time.Time `json:"expires_at" doc:"Within a year"`
	}
}

type invitationInput struct {
	ID int64 `path:"id" minimum:"1"`
}
