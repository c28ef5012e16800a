package adminapi

import (
	"context"
	"net/http"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountEffects() {
	register(s, http.MethodPost, "/roles/{name}/effect", "role.effect", s.roleEffect)
	register(s, http.MethodPost, "/groups/{name}/effect", "group.effect", s.groupEffect)
}

type roleEffectInput struct {
	NamedInput
	Body NewRoleEffect
}

// NewRoleEffect is a change whose effect is asked for.
type NewRoleEffect struct {
	Permissions *[]admin.RolePermission `json:"permissions,omitempty" maxItems:"1000" doc:"All that the role gives from then on"`
	Delete      bool                    `json:"delete,omitempty" doc:"The role is deleted"`
	User        string                  `json:"user,omitempty" minLength:"1" doc:"It is unassigned from the user of this name"`
	Group       string                  `json:"group,omitempty" minLength:"1" doc:"It is unassigned from the group of this name"`
	Client      string                  `json:"client,omitempty" minLength:"1" doc:"It is unassigned from the client with this client_id"`
	ExpiresAt   time.Time               `json:"expires_at,omitzero" doc:"With one of these three: it is not unassigned, but ends then"`
}

// roleEffect answers with the ETag of the role that it looked at: send it as If-Match with the change.
func (s *surface) roleEffect(ctx context.Context, caller authn.Caller, in *roleEffectInput) (*objectOutput[admin.Effect], error) {
	b := &in.Body
	change := admin.RoleChange{Delete: b.Delete, Until: b.ExpiresAt}
	if b.Permissions != nil {
		permissions := rolePermissions(*b.Permissions)
		change.Permissions = &permissions
	}
	for kind, name := range map[domain.SubjectKind]string{domain.SubjectUser: b.User, domain.SubjectGroup: b.Group, domain.SubjectClient: b.Client} {
		if name == "" {
			continue
		}
		if change.SubjectKind != "" {
			return nil, invalid("body.user", domain.RuleConflict, "Name one of user, group and client.")
		}
		change.SubjectKind, change.Subject = kind, name
	}
	effect, err := s.Admin.RoleEffect(ctx, caller, in.Name, change)
	return shown(effect, effect.Version, err)
}

type groupEffectInput struct {
	NamedInput
	Body NewGroupEffect
}

// NewGroupEffect is a change of a group whose effect is asked for: one of these.
type NewGroupEffect struct {
	Delete bool   `json:"delete,omitempty" doc:"The group is deleted"`
	User   string `json:"user,omitempty" minLength:"1" doc:"The user of this name is taken out of it"`
}

// groupEffect answers with the ETag of the group that it looked at.
func (s *surface) groupEffect(ctx context.Context, caller authn.Caller, in *groupEffectInput) (*objectOutput[admin.Effect], error) {
	if in.Body.Delete == (in.Body.User != "") {
		return nil, invalid("body", domain.RuleRequired, "Give one of delete and user.")
	}
	effect, err := s.Admin.GroupEffect(ctx, caller, in.Name, in.Body.User)
	return shown(effect, effect.Version, err)
}

// RevokeInput chooses what happens to tokens that carry what a change takes away. It is exported for huma to fill it.
type RevokeInput struct {
	RevokeTokens bool `query:"revoke_tokens" doc:"Revoke exactly the access tokens that carry what is taken away, too, in the same transaction; it needs tokens:revoke"`
}

// Revoking says which revocation a change began.
type Revoking struct {
	Revocation *admin.Revocation `json:"revocation,omitempty" doc:"Of the access tokens that carry what was taken away; left out: nobody loses anything"`
}

// revokingOutput is empty unless tokens were to be revoked.
type revokingOutput struct {
	Status int
	Body   *Revoking
}

func changed(err error) (*revokingOutput, error) {
	return &revokingOutput{Status: http.StatusNoContent}, err
}

func revoking(begun *admin.Revocation, err error) (*revokingOutput, error) {
	return &revokingOutput{http.StatusOK, &Revoking{begun}}, err
}

type deleteInput struct {
	NamedInput
	RevokeInput
}

func (s *surface) deleteRole(ctx context.Context, caller authn.Caller, in *deleteInput) (*revokingOutput, error) {
	if !in.RevokeTokens {
		return changed(s.Admin.DeleteRole(ctx, caller, in.Name))
	}
	return revoking(s.Admin.DeleteRoleAndRevoke(ctx, caller, in.Name))
}

func (s *surface) deleteGroup(ctx context.Context, caller authn.Caller, in *deleteInput) (*revokingOutput, error) {
	if !in.RevokeTokens {
		return changed(s.Admin.DeleteGroup(ctx, caller, in.Name))
	}
	return revoking(s.Admin.DeleteGroupAndRevoke(ctx, caller, in.Name))
}

type removeMemberInput struct {
	MemberInput
	RevokeInput
}

func (s *surface) removeMember(ctx context.Context, caller authn.Caller, in *removeMemberInput) (*revokingOutput, error) {
	if !in.RevokeTokens {
		return changed(s.Admin.RemoveMember(ctx, caller, in.Name, in.User))
	}
	return revoking(s.Admin.RemoveMemberAndRevoke(ctx, caller, in.Name, in.User))
}

func (s *surface) assign(ctx context.Context, caller authn.Caller, in *assignInput) (*revokingOutput, error) {
	if !in.RevokeTokens {
		return changed(s.Admin.Assign(ctx, caller, in.Name, in.kind(), in.Subject, in.ExpiresAt))
	}
	return revoking(s.Admin.AssignAndRevoke(ctx, caller, in.Name, in.kind(), in.Subject, in.ExpiresAt))
}

type unassignInput struct {
	SubjectInput
	RevokeInput
}

func (s *surface) unassign(ctx context.Context, caller authn.Caller, in *unassignInput) (*revokingOutput, error) {
	if !in.RevokeTokens {
		return changed(s.Admin.Unassign(ctx, caller, in.Name, in.kind(), in.Subject))
	}
	return revoking(s.Admin.UnassignAndRevoke(ctx, caller, in.Name, in.kind(), in.Subject))
}

// UpdatedRole is a role, with the revocation that its change began.
type UpdatedRole struct {
	admin.Role
	Revoking
}
