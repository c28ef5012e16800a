package admin

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
)

// Access is what a user, group or client may do now, and through what.
type Access struct {
	SubjectKind domain.SubjectKind `json:"subject_kind" enum:"user,group,client"`
	Subject     string             `json:"subject"`
	Disabled    bool               `json:"disabled" doc:"It gets no tokens, whatever its roles give"`
	Roles       []HeldRole         `json:"roles"`
}

// HeldRole is a role that a subject holds, by one assignment.
type HeldRole struct {
	Role        string           `json:"role"`
	Group       string           `json:"group,omitempty" doc:"Through which a user holds it; left out: it is assigned directly"`
	ExpiresAt   time.Time        `json:"expires_at,omitzero" doc:"When the assignment ends; left out: it does not"`
	Permissions []RolePermission `json:"permissions"`
}

// UserAccess shows what a user may do, and through what. domain.ErrNotFound if there is no such username.
func (s *Service) UserAccess(ctx context.Context, caller authn.Caller, username string) (Access, error) {
	return s.access(ctx, caller, "user.access", func(ctx context.Context) (Access, directory.Subject, error) {
		user, err := s.config.Directory.FindUser(ctx, username)
		return Access{SubjectKind: domain.SubjectUser, Subject: user.Username, Disabled: !user.DisabledAt.IsZero()},
			directory.Subject{Kind: domain.SubjectUser, ID: user.ID}, err
	})
}

// GroupAccess shows what the members of a group may do by being in it. domain.ErrNotFound if there is no such group.
func (s *Service) GroupAccess(ctx context.Context, caller authn.Caller, name string) (Access, error) {
	return s.access(ctx, caller, "group.access", func(ctx context.Context) (Access, directory.Subject, error) {
		group, err := s.config.Directory.FindGroup(ctx, name)
		return Access{SubjectKind: domain.SubjectGroup, Subject: group.Name}, directory.Subject{Kind: domain.SubjectGroup, ID: group.ID}, err
	})
}

// ClientAccess shows what a client may do on its own behalf, and through what. domain.ErrNotFound if there is no such client_id.
func (s *Service) ClientAccess(ctx context.Context, caller authn.Caller, clientID string) (Access, error) {
	return s.access(ctx, caller, "client.access", func(ctx context.Context) (Access, directory.Subject, error) {
		client, err := s.config.Registry.FindClient(ctx, clientID)
		return Access{SubjectKind: domain.SubjectClient, Subject: client.ClientID, Disabled: !client.DisabledAt.IsZero()},
			directory.Subject{Kind: domain.SubjectClient, Name: client.ClientID}, err
	})
}

func (s *Service) access(
	ctx context.Context, caller authn.Caller, operation string, find func(ctx context.Context) (Access, directory.Subject, error),
) (Access, error) {
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Access{}, err
	}
	access, subject, err := find(ctx)
	if err == nil {
		err = s.config.Cache.Refresh(ctx)
	}
	if err != nil {
		return Access{}, err
	}
	held, err := s.config.Directory.Holdings(ctx, subject)
	access.Roles, err = list(held, err, func(h directory.Holding) HeldRole {
		permissions, _ := list(h.Permissions, nil, func(p domain.RolePermission) RolePermission { return RolePermission(p) })
		return HeldRole{h.Role, h.Group, h.ExpiresAt, permissions}
	})
	return access, err
}
