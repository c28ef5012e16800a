package admin

import (
	"context"
	"errors"
	"slices"
	"time"

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
	Until       time.Time // with a subject: let it have the role until then; zero: unassign it
}

// Effect is what a change of a role or group would take away.
type Effect struct {
	Role    string      `json:"role,omitempty"`
	Group   string      `json:"group,omitempty"`
	Holders Holders     `json:"holders" doc:"Of the role, or of what is unassigned; of a group, who leave it"`
	APIs    []APIEffect `json:"apis" doc:"Where somebody loses something"`
	Mapped  []string    `json:"mapped" doc:"APIs whose claim mappings read roles or groups: what they make of those that are taken away is not counted, and not revoked"`
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
	Roles       []string `json:"roles" doc:"That tokens do not name any more"`
	Groups      []string `json:"groups" doc:"That tokens do not name any more"`
	Users       int      `json:"users" doc:"Who lose something"`
	Clients     int      `json:"clients" doc:"That lose something, where they act for themselves"`
	Tokens      int      `json:"tokens" doc:"Access tokens that may carry it: of users those whose grant covers it, of clients all of their own"`
	More        bool     `json:"more" doc:"There are more tokens than are counted"`
}

// Loses says whether anybody loses anything, or may do so by claim mappings.
func (e Effect) Loses() bool { return len(e.APIs)+len(e.Mapped) > 0 }

// RoleEffect shows what a change of a role would take away, from how many, and how many live access tokens carry it: those that the
// change would revoke if it is told to, see revocation.RevokeLost. Beside tokens of that version of the role, tokens that are issued
// meanwhile are revoked too. domain.ErrInvalid unless exactly one change is given, domain.ErrNotFound for what does not exist.
func (s *Service) RoleEffect(ctx context.Context, caller authn.Caller, name string, change RoleChange) (Effect, error) {
	return s.effect(ctx, caller, "role.effect", func(ctx context.Context) (domain.Removal, int64, error) {
		role, err := s.config.Directory.FindRole(ctx, name)
		if err != nil {
			return domain.Removal{}, 0, err
		}
		r, err := s.ofRole(ctx, role, change)
		return r, role.Version, err
	})
}

// GroupEffect shows what a user loses who leaves a group, or all members if it is deleted: then no user is given. Otherwise as RoleEffect.
func (s *Service) GroupEffect(ctx context.Context, caller authn.Caller, name, user string) (Effect, error) {
	return s.effect(ctx, caller, "group.effect", func(ctx context.Context) (domain.Removal, int64, error) {
		return s.ofGroup(ctx, name, user)
	})
}

func (s *Service) effect(
	ctx context.Context, caller authn.Caller, operation string, removal func(ctx context.Context) (r domain.Removal, version int64, err error),
) (Effect, error) {
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.require(ctx, caller, operation, readAssignments, readTokens)
	}
	if err != nil {
		return Effect{}, err
	}
	r, version, err := removal(ctx)
	if err != nil {
		return Effect{}, err
	}
	found, err := s.config.Revocation.EffectOf(ctx, r)
	if err == nil {
		found.Mapped, err = s.mapped(ctx, r, found.Mapped)
	}
	if err != nil {
		return Effect{}, err
	}
	return showEffect(r, version, found), nil
}

// mapped are those of the APIs whose claim mappings read what a removal takes away.
func (s *Service) mapped(ctx context.Context, r domain.Removal, audiences []string) (reading []string, err error) {
	for _, audience := range audiences {
		api, err := s.config.Registry.LookupAPI(ctx, audience)
		if errors.Is(err, domain.ErrNotFound) || err == nil && api.Claims == nil {
			continue
		}
		if err != nil {
			return nil, err
		}
		if groups, roles := api.Claims.Uses(); roles || groups && r.GroupID != 0 {
			reading = append(reading, audience)
		}
	}
	return reading, nil
}

// ofRole is what a change of a role, or of who holds it, takes away.
func (s *Service) ofRole(ctx context.Context, role domain.Role, change RoleChange) (r domain.Removal, err error) {
	r = domain.Removal{RoleID: role.ID, Role: role.Name, Held: true, SubjectKind: change.SubjectKind, After: change.Until}
	given := 0
	for _, is := range []bool{change.Permissions != nil, change.Delete, change.SubjectKind != ""} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		return r, domain.Invalid("", domain.RuleRequired, "change: give one of the permissions, the deletion and whom the role is taken from")
	case change.SubjectKind == "" && !change.Until.IsZero():
		return r, domain.Invalid("expires_at", domain.RuleConflict, "change: only an assignment has an end")
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
		return r, domain.Invalid("", domain.RuleOneOf, "kind of subject %q", change.SubjectKind)
	}
	return r, nil
}

// ofGroup is what a user loses who leaves a group, or all members if none is given, with the version of the group.
func (s *Service) ofGroup(ctx context.Context, name, username string) (r domain.Removal, version int64, err error) {
	group, err := s.config.Directory.FindGroup(ctx, name)
	if err != nil {
		return r, 0, err
	}
	r = domain.Removal{GroupID: group.ID, Group: group.Name, Held: true}
	if username != "" {
		user, err := s.config.Directory.FindUser(ctx, username)
		if err != nil {
			return r, 0, err
		}
		r.SubjectKind, r.SubjectID = domain.SubjectUser, user.ID
	}
	return r, group.Version, nil
}

func showEffect(r domain.Removal, version int64, found revocation.Effect) Effect {
	e := Effect{Role: r.Role, Group: r.Group, Holders: Holders(found.Holders), APIs: []APIEffect{}, Mapped: array(found.Mapped), Version: version}
	for _, lost := range found.Lost {
		n := len(e.APIs)
		if n == 0 || e.APIs[n-1].Audience != lost.Audience {
			count := found.Tokens[lost.Audience]
			e.APIs = append(e.APIs, APIEffect{Audience: lost.Audience, Permissions: []string{}, Roles: []string{}, Groups: []string{}, Tokens: count.Tokens, More: count.More})
			n++
		}
		api := &e.APIs[n-1]
		api.Users, api.Clients = api.Users+len(lost.Users), api.Clients+len(lost.Clients)
		api.Permissions, api.Roles, api.Groups = append(api.Permissions, lost.Permissions...), append(api.Roles, lost.Roles...), append(api.Groups, lost.Groups...)
	}
	for i := range e.APIs {
		for _, names := range []*[]string{&e.APIs[i].Permissions, &e.APIs[i].Roles, &e.APIs[i].Groups} {
			slices.Sort(*names)
			*names = slices.Compact(*names)
		}
	}
	return e
}

// UpdateRoleAndRevoke is UpdateRole that revokes exactly the access tokens that carry what it takes away, in the same transaction; see
// revocation.RevokeLost. The revocation is nil if there is nothing to revoke. A caller needs tokens:revoke, too.
func (s *Service) UpdateRoleAndRevoke(
	ctx context.Context, caller authn.Caller, name string, version *int64, edit func(*domain.Role) error,
) (role Role, begun *Revocation, err error) {
	begun, err = s.revokingLost(ctx, caller, "role.update", func(ctx context.Context, begin beginLost) error {
		role, err = s.UpdateRole(ctx, caller, name, version, func(role *domain.Role) error {
			before := *role
			before.Permissions = slices.Clone(role.Permissions)
			if err := edit(role); err != nil {
				return err
			}
			return begin(s.ofRole(ctx, before, RoleChange{Permissions: &role.Permissions}))
		})
		return err
	})
	return role, begun, err
}

// DeleteRoleAndRevoke is DeleteRole that revokes tokens as UpdateRoleAndRevoke does.
func (s *Service) DeleteRoleAndRevoke(ctx context.Context, caller authn.Caller, name string) (*Revocation, error) {
	return s.revokingOfRole(ctx, caller, "role.delete", name, RoleChange{Delete: true}, func(ctx context.Context) error {
		return s.DeleteRole(ctx, caller, name)
	})
}

// AssignAndRevoke is Assign that revokes tokens as UpdateRoleAndRevoke does: those that outlive an assignment which now ends earlier.
func (s *Service) AssignAndRevoke(
	ctx context.Context, caller authn.Caller, role string, kind domain.SubjectKind, subject string, until time.Time,
) (*Revocation, error) {
	assign := func(ctx context.Context) error { return s.Assign(ctx, caller, role, kind, subject, until) }
	if until.IsZero() { // nobody loses anything
		return nil, assign(ctx)
	}
	return s.revokingOfRole(ctx, caller, "assignment.assign", role, RoleChange{SubjectKind: kind, Subject: subject, Until: until}, assign)
}

// UnassignAndRevoke is Unassign that revokes tokens as UpdateRoleAndRevoke does.
func (s *Service) UnassignAndRevoke(ctx context.Context, caller authn.Caller, name string, kind domain.SubjectKind, subject string) (*Revocation, error) {
	return s.revokingOfRole(ctx, caller, "assignment.unassign", name, RoleChange{SubjectKind: kind, Subject: subject}, func(ctx context.Context) error {
		return s.Unassign(ctx, caller, name, kind, subject)
	})
}

// DeleteGroupAndRevoke is DeleteGroup that revokes tokens as UpdateRoleAndRevoke does.
func (s *Service) DeleteGroupAndRevoke(ctx context.Context, caller authn.Caller, name string) (*Revocation, error) {
	return s.revokingOfGroup(ctx, caller, "group.delete", name, "", func(ctx context.Context) error {
		return s.DeleteGroup(ctx, caller, name)
	})
}

// RemoveMemberAndRevoke is RemoveMember that revokes tokens as UpdateRoleAndRevoke does.
func (s *Service) RemoveMemberAndRevoke(ctx context.Context, caller authn.Caller, group, username string) (*Revocation, error) {
	return s.revokingOfGroup(ctx, caller, "group.remove_member", group, username, func(ctx context.Context) error {
		return s.RemoveMember(ctx, caller, group, username)
	})
}

func (s *Service) revokingOfRole(
	ctx context.Context, caller authn.Caller, operation, name string, change RoleChange, make func(ctx context.Context) error,
) (*Revocation, error) {
	return s.revokingLost(ctx, caller, operation, func(ctx context.Context, begin beginLost) error {
		role, err := s.config.Directory.FindRole(ctx, name)
		if err == nil {
			err = begin(s.ofRole(ctx, role, change))
		}
		if err != nil {
			return err
		}
		return make(ctx)
	})
}

func (s *Service) revokingOfGroup(
	ctx context.Context, caller authn.Caller, operation, name, user string, make func(ctx context.Context) error,
) (*Revocation, error) {
	return s.revokingLost(ctx, caller, operation, func(ctx context.Context, begin beginLost) error {
		r, _, err := s.ofGroup(ctx, name, user)
		if err := begin(r, err); err != nil {
			return err
		}
		return make(ctx)
	})
}

// beginLost begins the revocation of what a removal takes away, unless that failed.
type beginLost func(r domain.Removal, failed error) error

// revokingLost makes a change in a transaction with the revocation of the tokens that carry what it takes away. A refusal is recorded
// outside of the transaction, which it ends.
func (s *Service) revokingLost(
	ctx context.Context, caller authn.Caller, operation string, change func(ctx context.Context, begin beginLost) error,
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
		return change(within(ctx), func(r domain.Removal, failed error) error {
			if failed != nil {
				return failed
			}
			_, _, of = r.Of()
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
