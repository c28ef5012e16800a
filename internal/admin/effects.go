package admin

import (
	"context"
	"fmt"
	"slices"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/revocation"
)

// RoleChange is a change of a role, or of who holds it, that takes access away. Exactly one of these is given.
type RoleChange struct {
	Permissions *[]domain.RolePermission // all that the role gives from then on
	Delete      bool                     // the role
	SubjectKind domain.SubjectKind       // unassign it from the user, group or client
	Subject     string
}

// Effect is what a change of a role would take away.
type Effect struct {
	Role    string      `json:"role"`
	Holders Holders     `json:"holders" doc:"Of the role, or of what is unassigned"`
	APIs    []APIEffect `json:"apis" doc:"Where somebody loses something"`
	Version int64       `json:"-"`
}

// Holders says how many hold a role now.
type Holders struct {
	Users   int  `json:"users" doc:"By an assignment or by groups, each once"`
	Groups  int  `json:"groups"`
	Clients int  `json:"clients"`
	More    bool `json:"more" doc:"There are more than are counted, and so too many for exactly their tokens to be revoked"`
}

// APIEffect is what a change takes away at one API. Users and clients who have it by another role or assignment too do not lose it.
type APIEffect struct {
	Audience    string   `json:"audience"`
	Permissions []string `json:"permissions" doc:"That somebody loses"`
	RoleName    bool     `json:"role_name" doc:"Tokens name the role no more"`
	Users       int      `json:"users" doc:"Who lose something"`
	Clients     int      `json:"clients" doc:"That lose something, where they act for themselves"`
	Tokens      int      `json:"tokens" doc:"Access tokens that may carry it: of users those whose grant covers it, of clients all of their own"`
	More        bool     `json:"more" doc:"There are more tokens than are counted"`
}

// Loses says whether anybody loses anything.
func (e Effect) Loses() bool { return len(e.APIs) > 0 }

// RoleEffect shows what a change of a role would take away, from how many, and how many live access tokens carry it: those that the
// change would revoke if it is told to, see revocation.RevokeLost. Beside tokens of that version of the role, tokens that are issued
// meanwhile are revoked too. domain.ErrInvalid unless exactly one change is given, domain.ErrNotFound for what does not exist.
func (s *Service) RoleEffect(ctx context.Context, caller authn.Caller, name string, change RoleChange) (Effect, error) {
	const operation = "role.effect"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.require(ctx, caller, operation, readAssignments, readTokens)
	}
	if err != nil {
		return Effect{}, err
	}
	role, err := s.config.Directory.FindRole(ctx, name)
	if err != nil {
		return Effect{}, err
	}
	r, err := s.removal(ctx, role, change)
	if err != nil {
		return Effect{}, err
	}
	found, err := s.config.Revocation.EffectOf(ctx, r)
	if err != nil {
		return Effect{}, err
	}
	return showEffect(role, found), nil
}

// removal is what a change takes away.
func (s *Service) removal(ctx context.Context, role domain.Role, change RoleChange) (r domain.Removal, err error) {
	r = domain.Removal{RoleID: role.ID, Role: role.Name, Permissions: role.Permissions, Held: true, SubjectKind: change.SubjectKind}
	given := 0
	for _, is := range []bool{change.Permissions != nil, change.Delete, change.SubjectKind != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		return r, fmt.Errorf("%w change: give one of the permissions, the deletion and whom the role is taken from", domain.ErrInvalid)
	}
	switch {
	case change.Permissions != nil:
		r.Held = false
		r.Permissions = slices.DeleteFunc(slices.Clone(role.Permissions), func(p domain.RolePermission) bool { return slices.Contains(*change.Permissions, p) })
	case change.SubjectKind == domain.SubjectUser:
		user, err := s.config.Directory.FindUser(ctx, change.Subject)
		r.SubjectID = user.ID
		return r, err
	case change.SubjectKind == domain.SubjectGroup:
		group, err := s.config.Directory.FindGroup(ctx, change.Subject)
		r.SubjectID = group.ID
		return r, err
	case change.SubjectKind == domain.SubjectClient:
		client, err := s.config.Registry.FindClient(ctx, change.Subject)
		r.SubjectID = client.ID
		return r, err
	case !change.Delete:
		return r, fmt.Errorf("%w kind of subject %q", domain.ErrInvalid, change.SubjectKind)
	}
	return r, nil
}

func showEffect(role domain.Role, found revocation.Effect) Effect {
	e := Effect{Role: role.Name, Holders: Holders(found.Holders), APIs: []APIEffect{}, Version: role.Version}
	for _, lost := range found.Lost {
		n := len(e.APIs)
		if n == 0 || e.APIs[n-1].Audience != lost.Audience {
			count := found.Tokens[lost.Audience]
			e.APIs = append(e.APIs, APIEffect{Audience: lost.Audience, Permissions: []string{}, Tokens: count.Tokens, More: count.More})
			n++
		}
		api := &e.APIs[n-1]
		api.Users, api.Clients, api.RoleName = api.Users+len(lost.Users), api.Clients+len(lost.Clients), api.RoleName || lost.Role != ""
		api.Permissions = append(api.Permissions, lost.Permissions...)
	}
	for i := range e.APIs {
		slices.Sort(e.APIs[i].Permissions)
		e.APIs[i].Permissions = slices.Compact(e.APIs[i].Permissions)
	}
	return e
}

// UpdateRoleAndRevoke is UpdateRole that revokes exactly the access tokens that carry what it takes away, in the same transaction; see
// revocation.RevokeLost. The revocation is nil if there is nothing to revoke. A caller needs tokens:revoke, too.
func (s *Service) UpdateRoleAndRevoke(
	ctx context.Context, caller authn.Caller, name string, version *int64, edit func(*domain.Role) error,
) (role Role, begun *Revocation, err error) {
	begun, err = s.revokingLost(ctx, caller, "role.update", func(ctx context.Context, begin func(domain.Role, RoleChange) error) error {
		role, err = s.UpdateRole(ctx, caller, name, version, func(role *domain.Role) error {
			before := *role
			before.Permissions = slices.Clone(role.Permissions)
			if err := edit(role); err != nil {
				return err
			}
			return begin(before, RoleChange{Permissions: &role.Permissions})
		})
		return err
	})
	return role, begun, err
}

// DeleteRoleAndRevoke is DeleteRole that revokes tokens as UpdateRoleAndRevoke does.
func (s *Service) DeleteRoleAndRevoke(ctx context.Context, caller authn.Caller, name string) (*Revocation, error) {
	return s.revokingLost(ctx, caller, "role.delete", func(ctx context.Context, begin func(domain.Role, RoleChange) error) error {
		role, err := s.config.Directory.FindRole(ctx, name)
		if err == nil {
			err = begin(role, RoleChange{Delete: true})
		}
		if err != nil {
			return err
		}
		return s.DeleteRole(ctx, caller, name)
	})
}

// UnassignAndRevoke is Unassign that revokes tokens as UpdateRoleAndRevoke does.
func (s *Service) UnassignAndRevoke(ctx context.Context, caller authn.Caller, name string, kind domain.SubjectKind, subject string) (*Revocation, error) {
	return s.revokingLost(ctx, caller, "assignment.unassign", func(ctx context.Context, begin func(domain.Role, RoleChange) error) error {
		role, err := s.config.Directory.FindRole(ctx, name)
		if err == nil {
			err = begin(role, RoleChange{SubjectKind: kind, Subject: subject})
		}
		if err != nil {
			return err
		}
		return s.Unassign(ctx, caller, name, kind, subject)
	})
}

// revokingLost makes a change in a transaction with the revocation of the tokens that carry what it takes away. A refusal is recorded
// outside of the transaction, which it ends.
func (s *Service) revokingLost(
	ctx context.Context, caller authn.Caller, operation string, change func(ctx context.Context, begin func(domain.Role, RoleChange) error) error,
) (*Revocation, error) {
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.require(ctx, caller, operation, revokeTokens)
	}
	if err != nil {
		return nil, err
	}
	var of string
	begun, err := s.config.Revocation.RevokeLost(ctx, func(ctx context.Context, begin func(domain.Removal) error) error {
		return change(within(ctx), func(role domain.Role, change RoleChange) error {
			of = role.Name
			r, err := s.removal(ctx, role, change)
			if err != nil {
				return err
			}
			return begin(r)
		})
	})
	if err != nil || begun.ID == 0 {
		return nil, s.recordDenied(ctx, caller, err)
	}
	begun.Name = of
	shown := ShowRevocation(begun)
	return &shown, nil
}
