package admin

import (
	"context"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// Role is a named set of permissions.
type Role struct {
	Name        string           `json:"name"`
	Description string           `json:"description,omitempty"`
	Permissions []RolePermission `json:"permissions"`
	ManagedBy   string           `json:"managed_by,omitempty" doc:"The set of files that it comes from: applying them again undoes other changes. Left out: none"`
	CreatedAt   time.Time        `json:"created_at"`
	UpdatedAt   time.Time        `json:"updated_at"`
	Version     int64            `json:"-"`
}

// RolePermission is one permission of an API that a role gives.
type RolePermission struct {
	Audience   string `json:"audience"`
	Permission string `json:"permission"`
}

func showRole(r domain.Role) Role {
	shown := Role{
		Name: r.Name, Description: r.Description, Permissions: []RolePermission{},
		ManagedBy: r.ManagedBy, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Version: r.Version,
	}
	for _, p := range r.Permissions {
		shown.Permissions = append(shown.Permissions, RolePermission(p))
	}
	return shown
}

// CreateRole makes a role. A caller needs the administrative permissions that it gives. domain.ErrInvalid if it breaks a rule or
// names a permission that does not exist, domain.ErrExists if the name is taken.
func (s *Service) CreateRole(ctx context.Context, caller authn.Caller, role domain.Role) (Role, error) {
	const operation = "role.create"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.require(ctx, caller, operation, AdministrativeOf(role.Permissions)...)
	}
	if err != nil {
		return Role{}, err
	}
	role, err = s.config.Directory.CreateRole(ctx, role)
	return showRole(role), err
}

// FindRole shows a role. domain.ErrNotFound if there is none of the name.
func (s *Service) FindRole(ctx context.Context, caller authn.Caller, name string) (Role, error) {
	ctx, err := s.authorize(ctx, caller, "role.find")
	if err != nil {
		return Role{}, err
	}
	role, err := s.config.Directory.FindRole(ctx, name)
	return showRole(role), err
}

// ListRoles lists the roles that a filter chooses, by name. ErrCursor for that of another list.
func (s *Service) ListRoles(ctx context.Context, caller authn.Caller, filter domain.RoleFilter, q Query) (Page[Role], error) {
	const operation = "role.list"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Page[Role]{}, err
	}
	return page(ctx, s, operation+" "+filter.Audience, q, func(ctx context.Context, p domain.Page) ([]domain.Role, error) {
		return s.config.Directory.ListRoles(ctx, filter, p)
	}, func(o domain.Role) string { return o.Name }, each(showRole))
}

// UpdateRole changes a role's description and permissions as edit does. A caller needs the administrative permissions that it adds or
// takes out. domain.ErrConflict if the role is not of the version, unless that is nil; otherwise the errors of directory.UpdateRole.
func (s *Service) UpdateRole(ctx context.Context, caller authn.Caller, name string, version *int64, edit func(*domain.Role) error) (Role, error) {
	const operation = "role.update"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Role{}, err
	}
	role, err := s.config.Directory.UpdateRole(ctx, name, func(role *domain.Role) error {
		if err := sameVersion(version, role.Version); err != nil {
			return err
		}
		before := slices.Clone(role.Permissions)
		if err := edit(role); err != nil {
			return err
		}
		return lacks(caller, operation, changedPermissions(before, role.Permissions))
	})
	return showRole(role), s.recordDenied(ctx, caller, err)
}

// changedPermissions are the administrative permissions that a change adds or takes out.
func changedPermissions(before, after []domain.RolePermission) []string {
	return slices.DeleteFunc(AdministrativeOf(slices.Concat(before, after)), func(permission string) bool {
		p := domain.RolePermission{Audience: domain.AdminAudience, Permission: permission}
		return slices.Contains(before, p) && slices.Contains(after, p)
	})
}

// DeleteRole deletes a role and its assignments. A caller needs the administrative permissions that it gives. domain.ErrInvalid for a
// built-in role, domain.ErrNotFound if there is none of the name.
func (s *Service) DeleteRole(ctx context.Context, caller authn.Caller, name string) error {
	const operation = "role.delete"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.coversRole(ctx, caller, operation, name)
	}
	if err != nil {
		return err
	}
	return s.config.Directory.DeleteRole(ctx, name)
}

// coversRole refuses a caller who lacks an administrative permission that a role gives: who takes it from somebody could then become
// that user or client. domain.ErrNotFound if there is no such role.
func (s *Service) coversRole(ctx context.Context, caller authn.Caller, operation, name string) error {
	role, err := s.config.Directory.FindRole(ctx, name)
	if err != nil {
		return err
	}
	return s.require(ctx, caller, operation, AdministrativeOf(role.Permissions)...)
}
