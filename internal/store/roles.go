package store

import (
	"context"
	"maps"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
)

const roleColumns = `id, name, description, managed_by, version, created_at, updated_at`

func scanRole(row scanner) (r domain.Role, err error) {
	err = row.Scan(&r.ID, &r.Name, &r.Description, &r.ManagedBy, &r.Version, at(&r.CreatedAt), at(&r.UpdatedAt))
	return r, err
}

// InsertRole implements directory.Roles.
func (db *DB) InsertRole(ctx context.Context, role domain.Role) (id int64, err error) {
	err = db.change(ctx, func(ctx context.Context, c *change) error {
		ids, err := c.insertRoles(ctx, []domain.Role{role})
		id = ids[role.Name]
		return err
	})
	return id, err
}

// InsertRoles implements directory.Sets.
func (db *DB) InsertRoles(ctx context.Context, roles []domain.Role) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		_, err := c.insertRoles(ctx, roles)
		return err
	})
}

// insertRoles returns the ids by name.
func (c *change) insertRoles(ctx context.Context, roles []domain.Role) (ids map[string]int64, err error) {
	var permissions []domain.RolePermission
	rows := make([][]any, len(roles))
	for i, role := range roles {
		permissions = append(permissions, role.Permissions...)
		rows[i] = []any{role.Name, role.Description, micros(role.CreatedAt), micros(role.UpdatedAt)}
	}
	if err := findPermissions(ctx, c.conn, permissions); err != nil {
		return nil, err
	}
	ids, err = c.writeNamed(ctx, `INSERT INTO roles (name, description, created_at, updated_at)
		SELECT r.name, r.description, r.created_at, r.updated_at
		FROM `+c.db.dialect.rows(`$1`, `name`, `description`, `created_at BIGINT`, `updated_at BIGINT`)+` r WHERE TRUE
		ON CONFLICT DO NOTHING RETURNING id, name`, jsonRows(rows))
	if err != nil {
		return nil, err
	}
	return ids, c.giveRoles(ctx, roles, ids, domain.ErrExists)
}

// giveRoles stores the permissions of roles that have none yet. One without an id is the error.
func (c *change) giveRoles(ctx context.Context, roles []domain.Role, ids map[string]int64, missing error) error {
	given := [][]any{}
	for i, role := range roles {
		id, ok := ids[role.Name]
		if !ok {
			return &domain.ElementError{Index: i, Err: missing}
		}
		c.noteID(domain.ChangeRole, id)
		for _, p := range role.Permissions {
			given = append(given, []any{id, p.Audience, p.Permission})
		}
	}
	if len(given) == 0 {
		return nil
	}
	_, err := c.exec(ctx, `INSERT INTO role_permissions (role_id, api_id, permission)
		SELECT r.role, a.id, r.permission FROM `+c.db.dialect.rows(`$1`, `role BIGINT`, `audience`, `permission`)+` r
		JOIN apis a ON a.audience = r.audience WHERE TRUE ON CONFLICT DO NOTHING`, jsonRows(given))
	return err
}

// writeNamed runs a statement that ends with RETURNING of an id and a name, and returns the ids by name.
func (c *change) writeNamed(ctx context.Context, query string, args ...any) (map[string]int64, error) {
	ids := map[string]int64{}
	err := c.each(ctx, func(row scanner) error {
		var id int64
		var name string
		err := row.Scan(&id, &name)
		ids[name] = id
		return err
	}, query, args...)
	return ids, err
}

// UpdateRole implements directory.Roles.
func (db *DB) UpdateRole(ctx context.Context, role domain.Role) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		if err := findPermissions(ctx, c.conn, role.Permissions); err != nil {
			return err
		}
		id, err := one(ctx, c.conn, scanInt, `
			UPDATE roles SET description = $2, updated_at = $3, version = version + 1 WHERE name = $1 AND CAST($4 AS BIGINT) IN (0, version) RETURNING id`,
			role.Name, role.Description, micros(role.UpdatedAt), role.Version)
		if err != nil {
			return conflict(ctx, c.conn, err, `SELECT id FROM roles WHERE name = $1`, role.Name)
		}
		if err := putRolePermissions(ctx, c.conn, id, role.Permissions); err != nil {
			return err
		}
		c.noteID(domain.ChangeRole, id)
		return nil
	})
}

// UpdateRoles implements directory.Sets.
func (db *DB) UpdateRoles(ctx context.Context, roles []domain.Role) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		var permissions []domain.RolePermission
		rows := make([][]any, len(roles))
		for i, role := range roles {
			permissions = append(permissions, role.Permissions...)
			rows[i] = []any{role.Name, role.Description, micros(role.UpdatedAt), role.Version}
		}
		if err := findPermissions(ctx, c.conn, permissions); err != nil {
			return err
		}
		ids, err := c.writeNamed(ctx, `UPDATE roles SET description = r.description, updated_at = r.updated_at, version = roles.version + 1
			FROM `+db.dialect.rows(`$1`, `name`, `description`, `updated_at BIGINT`, `version BIGINT`)+` r
			WHERE roles.name = r.name AND r.version IN (0, roles.version) RETURNING roles.id, roles.name`, jsonRows(rows))
		if err != nil {
			return err
		}
		_, err = c.exec(ctx, `DELETE FROM role_permissions WHERE role_id IN (SELECT CAST(l.id AS BIGINT) FROM `+db.dialect.rows(`$1`, `id BIGINT`)+` l)`,
			idRows(slices.Collect(maps.Values(ids))))
		if err != nil {
			return err
		}
		return c.giveRoles(ctx, roles, ids, domain.ErrConflict)
	})
}

// findPermissions returns ErrNotFound if one does not exist.
func findPermissions(ctx context.Context, c conn, permissions []domain.RolePermission) error {
	missing, err := one(ctx, c, scanInt, `
		SELECT COUNT(*) FROM `+c.db.dialect.rows(`$1`, `audience`, `permission`)+` r
		WHERE NOT EXISTS (SELECT 1 FROM apis a JOIN permissions p ON p.api_id = a.id WHERE a.audience = r.audience AND p.name = r.permission)`,
		permissionRows(permissions))
	if err == nil && missing > 0 {
		return domain.ErrNotFound
	}
	return err
}

// putRolePermissions sets all permissions of a role.
func putRolePermissions(ctx context.Context, c conn, role int64, permissions []domain.RolePermission) error {
	_, err := c.exec(ctx, `DELETE FROM role_permissions WHERE role_id = $1 AND (api_id, permission) NOT IN (`+namedPermissions(c)+`)`,
		role, permissionRows(permissions))
	if err != nil {
		return err
	}
	if len(permissions) == 0 {
		return nil
	}
	_, err = c.exec(ctx, `INSERT INTO role_permissions (role_id, api_id, permission)
		SELECT CAST($1 AS BIGINT), w.api_id, w.name FROM (`+namedPermissions(c)+`) AS w WHERE TRUE ON CONFLICT DO NOTHING`, role, permissionRows(permissions))
	return err
}

// namedPermissions selects the permissions that the rows $2 name.
func namedPermissions(c conn) string {
	return `SELECT p.api_id, p.name FROM ` + c.db.dialect.rows(`$2`, `audience`, `permission`) + ` r
		JOIN apis a ON a.audience = r.audience JOIN permissions p ON p.api_id = a.id AND p.name = r.permission`
}

func permissionRows(permissions []domain.RolePermission) string {
	rows := make([][]any, len(permissions))
	for i, p := range permissions {
		rows[i] = []any{p.Audience, p.Permission}
	}
	return jsonRows(rows)
}

// DeleteRoles implements directory.Roles.
func (db *DB) DeleteRoles(ctx context.Context, names []string) error {
	these := `(SELECT w.name FROM ` + db.dialect.rows(`$1`, `name`) + ` w)`
	return db.change(ctx, func(ctx context.Context, c *change) error {
		assigned, err := list(ctx, c.conn, scanAssignment, selectAssignments+` WHERE r.name IN `+these, nameRows(names))
		if err != nil {
			return err
		}
		ids, err := c.deleteNamed(ctx, names, `DELETE FROM roles WHERE name IN `+these+` RETURNING id, name`, nameRows(names))
		if err != nil {
			return err
		}
		for _, a := range assigned {
			c.noteAccess(a.SubjectKind, a.SubjectID, a.Subject)
		}
		c.noteID(domain.ChangeRole, ids...)
		return nil
	})
}

// deleteNamed runs a query that deletes objects of some names and returns the id and name of each. A domain.ElementError says which there
// was none of.
func (c *change) deleteNamed(ctx context.Context, names []string, query string, args ...any) (ids []int64, err error) {
	deleted, err := c.writeNamed(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		id, ok := deleted[name]
		if !ok {
			return nil, &domain.ElementError{Index: i, Err: domain.ErrNotFound}
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// FindRole implements directory.Roles.
func (db *DB) FindRole(ctx context.Context, name string) (domain.Role, error) {
	return db.findRole(ctx, `name = $1`, name)
}

// HoldRole implements directory.Roles.
func (db *DB) HoldRole(ctx context.Context, name string) (domain.Role, error) {
	if err := db.holdChanges(ctx); err != nil {
		return domain.Role{}, err
	}
	return db.FindRole(ctx, name)
}

// FindRoleByID implements directory.Roles.
func (db *DB) FindRoleByID(ctx context.Context, id int64) (domain.Role, error) {
	return db.findRole(ctx, `id = $1`, id)
}

func (db *DB) findRole(ctx context.Context, condition string, arg any) (role domain.Role, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		role, err = one(ctx, c, scanRole, `SELECT `+roleColumns+` FROM roles WHERE `+condition, arg)
		if err != nil {
			return err
		}
		return addRolePermissions(ctx, c, []*domain.Role{&role})
	})
	return role, err
}

// giving chooses the roles that give permissions at an API, or a permission, or both.
func giving(ctx context.Context, c conn, audience, permission string) (choice, error) {
	query, of := `SELECT id FROM apis WHERE audience = $1`, audience
	if audience == "" {
		query, of = `SELECT api_id FROM permissions WHERE name = $1`, permission
	}
	apis, err := list(ctx, c, scanInt, query, of)
	f := choice{selected: `g.role_id`, from: `role_permissions g`, order: `g.api_id, g.permission`}
	if f.condition, f.values = oneOf(`g.api_id`, apis); permission != "" {
		f.condition, f.values = f.condition+` AND g.permission = %s`, append(f.values, permission)
	}
	return f, err
}

// ListRoles implements directory.Roles.
func (db *DB) ListRoles(ctx context.Context, f domain.RoleFilter, p domain.Page) (roles []domain.Role, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		q := pageQuery{columns: roleColumns, from: `roles`, id: `id`, key: `name`, names: []string{`name`}}
		if f.Audience != "" {
			gives, err := giving(ctx, c, f.Audience, "")
			if err == nil {
				err = q.choose(ctx, c, `roles.id`, gives)
			}
			if err != nil {
				return err
			}
		}
		roles, err = pageOf(ctx, c, scanRole, q, p)
		if err != nil {
			return err
		}
		return addRolePermissions(ctx, c, pointers(roles))
	})
	return roles, err
}

func addRolePermissions(ctx context.Context, c conn, roles []*domain.Role) error {
	if len(roles) == 0 {
		return nil
	}
	byID, ids := index(roles, func(r *domain.Role) int64 { return r.ID })
	placeholders, args := in(nil, ids...)
	return c.each(ctx, func(row scanner) error {
		var id int64
		var p domain.RolePermission
		if err := row.Scan(&id, &p.Audience, &p.Permission); err != nil {
			return err
		}
		byID[id].Permissions = append(byID[id].Permissions, p)
		return nil
	}, `SELECT p.role_id, a.audience, p.permission FROM role_permissions p JOIN apis a ON a.id = p.api_id
		WHERE p.role_id IN `+placeholders+` ORDER BY p.role_id, a.audience, p.permission`, args...)
}
