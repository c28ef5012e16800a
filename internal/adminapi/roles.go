package adminapi

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountRoles() {
	register(s, http.MethodGet, "/roles", "role.list", s.listRoles)
	creating(s, http.StatusCreated, "/roles", "role.create", s.createRole)
	register(s, http.MethodGet, "/roles/{name}", "role.find", func(ctx context.Context, caller authn.Caller, in *NamedInput) (*objectOutput[admin.Role], error) {
		role, err := s.Admin.FindRole(ctx, caller, in.Name)
		return shown(role, role.Version, err)
	})
	register(s, http.MethodPatch, "/roles/{name}", "role.update", s.updateRole)
	register(s, http.MethodDelete, "/roles/{name}", "role.delete", s.deleteRole)
	register(s, http.MethodGet, "/assignments", "assignment.list", s.listAssignments)
	register(s, http.MethodPut, "/roles/{name}/{kind}/{subject}", "assignment.assign", s.assign)
	register(s, http.MethodDelete, "/roles/{name}/{kind}/{subject}", "assignment.unassign", s.unassign)
}

type listRolesInput struct {
	PageInput
	API string `query:"api" maxLength:"2000" doc:"Those that give permissions at the API with this audience"`
}

func (s *surface) listRoles(ctx context.Context, caller authn.Caller, in *listRolesInput) (*pageOutput[admin.Role], error) {
	page, err := s.Admin.ListRoles(ctx, caller, domain.RoleFilter{Audience: in.API}, in.query())
	return &pageOutput[admin.Role]{page}, err
}

type createRoleInput struct {
	Body struct {
		Name        string                 `json:"name" minLength:"1"`
		Description string                 `json:"description,omitempty" doc:"Empty: none"`
		Permissions []admin.RolePermission `json:"permissions,omitempty" maxItems:"1000"`
	}
}

func (s *surface) createRole(ctx context.Context, caller authn.Caller, in *createRoleInput) (*objectOutput[admin.Role], error) {
	role, err := s.Admin.CreateRole(ctx, caller, domain.Role{
		Name: in.Body.Name, Description: in.Body.Description, Permissions: rolePermissions(in.Body.Permissions),
	})
	return created(role, role.Version, "/roles/"+url.PathEscape(role.Name), err)
}

func rolePermissions(given []admin.RolePermission) []domain.RolePermission {
	permissions := make([]domain.RolePermission, len(given))
	for i, p := range given {
		permissions[i] = domain.RolePermission(p)
	}
	return permissions
}

type updateRoleInput struct {
	EditInput
	Body struct {
		Description  *string                 `json:"description,omitempty" doc:"Empty: none from now on"`
		Permissions  *[]admin.RolePermission `json:"permissions,omitempty" maxItems:"1000" doc:"All that the role gives from now on"`
		RevokeTokens bool                    `json:"revoke_tokens,omitempty" doc:"Revoke exactly the access tokens that carry what is taken away, too, in the same transaction; it needs tokens:revoke. See the operation role.effect"`
	}
}

func (s *surface) updateRole(ctx context.Context, caller authn.Caller, in *updateRoleInput) (*objectOutput[UpdatedRole], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	edit := func(role *domain.Role) error {
		set(&role.Description, in.Body.Description)
		if in.Body.Permissions != nil {
			role.Permissions = rolePermissions(*in.Body.Permissions)
		}
		return nil
	}
	var updated UpdatedRole
	if in.Body.RevokeTokens {
		updated.Role, updated.Revocation, err = s.Admin.UpdateRoleAndRevoke(ctx, caller, in.Name, version, edit)
	} else {
		updated.Role, err = s.Admin.UpdateRole(ctx, caller, in.Name, version, edit)
	}
	return shown(updated, updated.Version, err)
}

type listAssignmentsInput struct {
	PageInput
	Role       string `query:"role" maxLength:"2000" doc:"Those of the role of this name"`
	User       string `query:"user" maxLength:"2000" doc:"Those of the user of this name"`
	Group      string `query:"group" maxLength:"2000" doc:"Those of the group of this name"`
	Client     string `query:"client" maxLength:"2000" doc:"Those of the client with this client_id"`
	API        string `query:"api" maxLength:"2000" doc:"Those of roles that give permissions at the API with this audience"`
	Permission string `query:"permission" maxLength:"2000" doc:"Those of roles that give the permission of this name"`
}

// Resolve implements huma.Resolver.
func (in *listAssignmentsInput) Resolve(huma.Context) []error {
	subjects := slices.DeleteFunc([]string{in.User, in.Group, in.Client}, func(name string) bool { return name == "" })
	if len(subjects) > 1 {
		return []error{invalid("query.user", domain.RuleConflict, "Name one of user, group and client.")}
	}
	return nil
}

func (s *surface) listAssignments(ctx context.Context, caller authn.Caller, in *listAssignmentsInput) (*pageOutput[admin.Assignment], error) {
	filter := domain.AssignmentFilter{Role: in.Role, Audience: in.API, Permission: in.Permission}
	switch {
	case in.User != "":
		filter.SubjectKind, filter.Subject = domain.SubjectUser, in.User
	case in.Group != "":
		filter.SubjectKind, filter.Subject = domain.SubjectGroup, in.Group
	case in.Client != "":
		filter.SubjectKind, filter.Subject = domain.SubjectClient, in.Client
	}
	page, err := s.Admin.ListAssignments(ctx, caller, filter, in.query())
	return &pageOutput[admin.Assignment]{page}, err
}

// SubjectInput names a role and who has it in the path.
type SubjectInput struct {
	NamedInput
	Kind    string `path:"kind" enum:"users,groups,clients"`
	Subject string `path:"subject" maxLength:"2000"`
}

// Resolve implements huma.Resolver.
func (in *SubjectInput) Resolve(huma.Context) []error {
	return append(checkName(in.Name), checkName(in.Subject)...)
}

func (in *SubjectInput) kind() domain.SubjectKind {
	return map[string]domain.SubjectKind{
		"users": domain.SubjectUser, "groups": domain.SubjectGroup, "clients": domain.SubjectClient,
	}[in.Kind]
}

type assignInput struct {
	SubjectInput
	RevokeInput
	ExpiresAt time.Time `query:"expires_at" doc:"When the assignment ends; left out: it does not. Assigning again changes it"`
}

// Resolve implements huma.Resolver. The zero time would stand for no end.
func (in *assignInput) Resolve(ctx huma.Context) []error {
	errs := in.SubjectInput.Resolve(ctx)
	if ctx.Query("expires_at") != "" && in.ExpiresAt.IsZero() {
		errs = append(errs, invalid("query.expires_at", domain.RuleRange, "Give expires_at a time that is still to come."))
	}
	return errs
}
