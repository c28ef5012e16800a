package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const maxRolePermissions = 1000

// CreateRole adds a role and returns it as stored. ErrInvalid if it breaks a rule or names a permission that does not exist,
// ErrExists if the name is taken.
func (d *Directory) CreateRole(ctx context.Context, role domain.Role) (domain.Role, error) {
	role.CreatedAt = d.now()
	role.UpdatedAt = role.CreatedAt
	return d.putRole(ctx, event.RoleCreated{Role: role.Name, Permissions: permissionNames(role)}, role, func(ctx context.Context, role domain.Role) error {
		_, err := d.store.InsertRole(ctx, role)
		return err
	})
}

// UpdateRole sets the description and the whole list of permissions, and returns the role as stored.
// ErrInvalid as for CreateRole, ErrNotFound if there is no such role.
func (d *Directory) UpdateRole(ctx context.Context, role domain.Role) (domain.Role, error) {
	role.UpdatedAt = d.now()
	return d.putRole(ctx, event.RoleUpdated{Role: role.Name, Permissions: permissionNames(role)}, role, d.store.UpdateRole)
}

func (d *Directory) putRole(
	ctx context.Context, e event.Event, role domain.Role, put func(context.Context, domain.Role) error,
) (domain.Role, error) {
	if err := checkRole(role); err != nil {
		return domain.Role{}, err
	}
	var stored domain.Role
	err := d.changeRole(ctx, role.Name, e, func(ctx context.Context) (err error) {
		if err := d.checkPermissionsExist(ctx, role.Permissions); err != nil {
			return err
		}
		if err := put(ctx, role); err != nil {
			return err
		}
		stored, err = d.store.FindRole(ctx, role.Name)
		return err
	})
	if err != nil {
		return domain.Role{}, err
	}
	return stored, nil
}

// permissionNames are the role's permissions, each as "audience#permission".
func permissionNames(role domain.Role) []string {
	names := make([]string, len(role.Permissions))
	for i, p := range role.Permissions {
		names[i] = p.Audience + "#" + p.Permission
	}
	return names
}

func checkRole(role domain.Role) error {
	if err := domain.CheckName("role name", role.Name); err != nil {
		return err
	}
	if err := domain.CheckText("role description", role.Description, maxDescriptionBytes); err != nil {
		return err
	}
	if len(role.Permissions) > maxRolePermissions {
		return fmt.Errorf("%w role: it has %d permissions; use at most %d", domain.ErrInvalid, len(role.Permissions), maxRolePermissions)
	}
	seen := make(map[domain.RolePermission]bool, len(role.Permissions))
	for _, p := range role.Permissions {
		if seen[p] {
			return fmt.Errorf("%w permission %q: it is listed twice", domain.ErrInvalid, p.Audience+"#"+p.Permission)
		}
		seen[p] = true
	}
	return nil
}

// checkPermissionsExist says which permission is missing.
func (d *Directory) checkPermissionsExist(ctx context.Context, permissions []domain.RolePermission) error {
	apis := make(map[string]domain.API)
	for _, p := range permissions {
		api, ok := apis[p.Audience]
		if !ok {
			var err error
			api, err = d.store.FindAPI(ctx, p.Audience)
			if errors.Is(err, domain.ErrNotFound) {
				return fmt.Errorf("%w API %q: there is none with this audience; create it first", domain.ErrInvalid, p.Audience)
			}
			if err != nil {
				return err
			}
			apis[p.Audience] = api
		}
		if !slices.ContainsFunc(api.Permissions, func(has domain.Permission) bool { return has.Name == p.Permission }) {
			return fmt.Errorf("%w permission %q: API %q does not have it; add it there first", domain.ErrInvalid, p.Permission, p.Audience)
		}
	}
	return nil
}

// DeleteRole removes a role and its assignments. ErrInvalid for the administrator role, ErrNotFound if there is no such role.
func (d *Directory) DeleteRole(ctx context.Context, name string) error {
	if name == domain.RoleAdministrator {
		return fmt.Errorf("%w role %q: it is built in and cannot be deleted", domain.ErrInvalid, name)
	}
	holders, err := d.store.ListAssignments(ctx, name, "", "", 0, maxFormer)
	if err != nil {
		return fmt.Errorf("role %q: %w", name, err)
	}
	former := make([]string, len(holders))
	for i, a := range holders {
		former[i] = string(a.SubjectKind) + ":" + a.Subject
	}
	return d.changeRole(ctx, name, event.RoleDeleted{Role: name, Subjects: former}, func(ctx context.Context) error {
		return d.store.DeleteRole(ctx, name)
	})
}

func (d *Directory) changeRole(ctx context.Context, name string, e event.Event, change func(ctx context.Context) error) error {
	if err := d.events.Change(ctx, e, change); err != nil {
		return fmt.Errorf("role %q: %w", name, err)
	}
	return nil
}

// FindRole reads a role from the database. ErrNotFound if there is no such role.
func (d *Directory) FindRole(ctx context.Context, name string) (domain.Role, error) {
	role, err := d.store.FindRole(ctx, name)
	if err != nil {
		return domain.Role{}, fmt.Errorf("role %q: %w", name, err)
	}
	return role, nil
}

// ListRoles returns roles by name, those after the given one, at most limit.
func (d *Directory) ListRoles(ctx context.Context, after string, limit int) ([]domain.Role, error) {
	return d.store.ListRoles(ctx, after, limit)
}
