package directory

import (
	"context"
	"fmt"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const maxRolePermissions = 1000

// CreateRole adds a role and returns it as stored. ErrInvalid if it breaks a rule or names a permission that does not exist,
// ErrExists if the name is taken.
func (d *Directory) CreateRole(ctx context.Context, role domain.Role) (stored domain.Role, err error) {
	if err := d.newRole(&role); err != nil {
		return domain.Role{}, err
	}
	err = d.changeRole(ctx, role.Name, event.RoleCreated{Role: role.Name, Permissions: permissionNames(role)}, func(ctx context.Context) error {
		if err := d.checkPermissionsExist(ctx, role); err != nil {
			return err
		}
		if _, err := d.roles.InsertRole(ctx, role); err != nil {
			return err
		}
		stored, err = d.roles.FindRole(ctx, role.Name)
		return err
	})
	return stored, err
}

func (d *Directory) newRole(role *domain.Role) error {
	role.CreatedAt = d.now()
	role.UpdatedAt = role.CreatedAt
	return checkRole(*role)
}

// UpdateRole changes a role as edit does, and returns it as stored; only Description and Permissions count. edit gets the role as it
// is in the transaction of the change, and may run again; what it fails with ends the change. ErrInvalid as for CreateRole, and for
// other permissions of urn:signet:admin of a built-in role; ErrNotFound if there is no such role.
func (d *Directory) UpdateRole(ctx context.Context, name string, edit func(*domain.Role) error) (domain.Role, error) {
	return d.updateRole(ctx, name, edit, keepsAdministration)
}

// SyncRole gives a built-in role its permissions of urn:signet:admin, as edit does. Otherwise as UpdateRole.
func (d *Directory) SyncRole(ctx context.Context, name string, edit func(*domain.Role) error) error {
	_, err := d.updateRole(ctx, name, edit, func(domain.Role, domain.Role) error { return nil })
	return err
}

func (d *Directory) updateRole(ctx context.Context, name string, edit func(*domain.Role) error, check func(before, after domain.Role) error) (role domain.Role, err error) {
	err = d.events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		if role, err = d.roles.HoldRole(ctx, name); err != nil {
			return nil, err
		}
		if role, err = d.edited(role, edit, check); err != nil {
			return nil, err
		}
		if err := d.checkPermissionsExist(ctx, role); err != nil {
			return nil, err
		}
		if err := d.roles.UpdateRole(ctx, role); err != nil {
			return nil, err
		}
		role, err = d.roles.FindRole(ctx, name)
		return event.RoleUpdated{Role: name, Permissions: permissionNames(role)}, err
	})
	if err != nil {
		return domain.Role{}, fmt.Errorf("role %q: %w", name, err)
	}
	return role, nil
}

// edited is a role as edit makes it.
func (d *Directory) edited(role domain.Role, edit func(*domain.Role) error, check func(before, after domain.Role) error) (domain.Role, error) {
	edited := role
	edited.Permissions = slices.Clone(role.Permissions)
	if err := edit(&edited); err != nil {
		return role, err
	}
	if err := check(role, edited); err != nil {
		return role, err
	}
	role.Description, role.Permissions, role.UpdatedAt = edited.Description, edited.Permissions, d.now()
	return role, checkRole(role)
}

// keepsAdministration refuses an edit of a built-in role that gives or takes permissions of urn:signet:admin.
func keepsAdministration(before, after domain.Role) error {
	if !before.BuiltIn() {
		return nil
	}
	for _, roles := range [][2]domain.Role{{before, after}, {after, before}} {
		for _, p := range roles[0].Permissions {
			if p.Audience == domain.AdminAudience && !slices.Contains(roles[1].Permissions, p) {
				return domain.Invalid("permissions", domain.RuleBuiltIn, "change: the role is built in, its permissions of %s stay as they are", domain.AdminAudience)
			}
		}
	}
	return nil
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
	if err := domain.CheckName("name", "role name", role.Name); err != nil {
		return err
	}
	if err := domain.CheckText("description", "role description", role.Description, maxDescriptionBytes); err != nil {
		return err
	}
	if len(role.Permissions) > maxRolePermissions {
		return domain.Invalid("permissions", domain.RuleTooMany, "role: it has %d permissions; use at most %d", len(role.Permissions), maxRolePermissions)
	}
	seen := make(map[domain.RolePermission]bool, len(role.Permissions))
	for i, p := range role.Permissions {
		if seen[p] {
			return domain.Invalid(domain.Element("permissions", i), domain.RuleUnique, "permission %q: it is listed twice", p.Audience+"#"+p.Permission)
		}
		seen[p] = true
	}
	return nil
}

// checkPermissionsExist says which permission of the roles is missing.
func (d *Directory) checkPermissionsExist(ctx context.Context, roles ...domain.Role) error {
	var audiences []string
	for _, role := range roles {
		for _, p := range role.Permissions {
			audiences = append(audiences, p.Audience)
		}
	}
	slices.Sort(audiences)
	found, err := d.sets.APIsNamed(ctx, slices.Compact(audiences), "")
	if err != nil {
		return err
	}
	apis := make(map[string]map[string]bool, len(found)) // their permissions
	for _, api := range found {
		apis[api.Audience] = make(map[string]bool, len(api.Permissions))
		for _, p := range api.Permissions {
			apis[api.Audience][p.Name] = true
		}
	}
	for i, role := range roles {
		for n, p := range role.Permissions {
			var missing error
			switch permissions, ok := apis[p.Audience]; {
			case !ok:
				missing = domain.Invalid(domain.Element("permissions", n)+".audience", domain.RuleUnknown, "API %q: there is none with this audience; create it first", p.Audience)
			case !permissions[p.Permission]:
				missing = domain.Invalid(domain.Element("permissions", n)+".permission", domain.RuleUnknown, "permission %q: API %q does not have it; add it there first", p.Permission, p.Audience)
			default:
				continue
			}
			return &domain.ElementError{Index: i, Err: missing}
		}
	}
	return nil
}

// DeleteRole removes a role and its assignments. ErrInvalid for a built-in role, ErrNotFound if there is no such role.
func (d *Directory) DeleteRole(ctx context.Context, name string) error {
	return d.DeleteRoles(ctx, []string{name})
}

func (d *Directory) changeRole(ctx context.Context, name string, e event.Event, change func(ctx context.Context) error) error {
	if err := d.events.Change(ctx, e, change); err != nil {
		return fmt.Errorf("role %q: %w", name, err)
	}
	return nil
}

// FindRole reads a role from the database. ErrNotFound if there is no such role.
func (d *Directory) FindRole(ctx context.Context, name string) (domain.Role, error) {
	role, err := d.roles.FindRole(ctx, name)
	if err != nil {
		return domain.Role{}, fmt.Errorf("role %q: %w", name, err)
	}
	return role, nil
}

// ListRoles returns the roles that a filter chooses, by name; a page of them.
func (d *Directory) ListRoles(ctx context.Context, f domain.RoleFilter, p domain.Page) ([]domain.Role, error) {
	return d.roles.ListRoles(ctx, f, p)
}
