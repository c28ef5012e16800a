package store

import (
	"context"

	"github.com/signet-auth/signet/internal/domain"
)

// deletedWith are queries for what is deleted with the objects of a kind whose names are rows, or loses what it has of them: the name, what
// it is, of which set it is, its own name if it loses something, and how many there are.
var deletedWith = map[domain.ManagedKind]func(rows string) string{
	domain.ManagedAttribute: func(rows string) string {
		return `SELECT o.name, 'user value', '', '', COUNT(*) FROM ` + rows + ` w JOIN attributes o ON o.name = w.name JOIN user_attributes v ON v.attribute_id = o.id
			GROUP BY o.name`
	},
	domain.ManagedAPI: func(rows string) string {
		return `SELECT o.audience, 'role', r.managed_by, r.name, 1 FROM ` + rows + ` w JOIN apis o ON o.audience = w.name
				JOIN roles r ON r.id IN (SELECT p.role_id FROM role_permissions p WHERE p.api_id = o.id)
			UNION ALL
			SELECT o.audience, 'client', c.managed_by, c.client_id, 1 FROM ` + rows + ` w JOIN apis o ON o.audience = w.name
				JOIN clients c ON c.id IN (SELECT u.client_ref FROM client_apis u WHERE u.api_id = o.id UNION SELECT s.client_ref FROM client_serves s WHERE s.api_id = o.id)
			UNION ALL
			SELECT o.audience, 'registered resource', '', '', COUNT(*) FROM ` + rows + ` w JOIN apis o ON o.audience = w.name JOIN resources r ON r.api_id = o.id
				GROUP BY o.audience`
	},
	domain.ManagedRole: func(rows string) string {
		return `SELECT o.name, 'assignment', a.managed_by, '', COUNT(*) FROM ` + rows + ` w JOIN roles o ON o.name = w.name JOIN assignments a ON a.role_id = o.id
			GROUP BY o.name, a.managed_by`
	},
	domain.ManagedGroup: func(rows string) string {
		return `SELECT o.name, 'assignment', a.managed_by, '', COUNT(*) FROM ` + rows + ` w JOIN groups o ON o.name = w.name JOIN assignments a ON a.group_id = o.id
				GROUP BY o.name, a.managed_by
			UNION ALL
			SELECT o.name, 'membership', '', '', COUNT(*) FROM ` + rows + ` w JOIN groups o ON o.name = w.name JOIN group_members m ON m.group_id = o.id
				GROUP BY o.name`
	},
	domain.ManagedClient: func(rows string) string {
		return `SELECT o.client_id, 'assignment', a.managed_by, '', COUNT(*) FROM ` + rows + ` w JOIN clients o ON o.client_id = w.name
				JOIN assignments a ON a.client_ref = o.id GROUP BY o.client_id, a.managed_by
			UNION ALL
			SELECT o.client_id, 'receiver', r.managed_by, '', 1 FROM ` + rows + ` w JOIN clients o ON o.client_id = w.name JOIN receivers r ON r.client_ref = o.id`
	},
}

// DeletedWith implements admin.Files.
func (db *DB) DeletedWith(ctx context.Context, kind domain.ManagedKind, names []string) (with []domain.DeletedWith, err error) {
	query, ok := deletedWith[kind]
	if !ok || len(names) == 0 {
		return nil, nil
	}
	return findAll(ctx, db, func(row scanner) (d domain.DeletedWith, err error) {
		err = row.Scan(&d.Of, &d.Kind, &d.ManagedBy, &d.Name, &d.Count)
		return d, err
	}, query(db.dialect.rows(`$1`, `name`))+` ORDER BY 1, 2, 3, 4`, nameRows(names))
}

// LosingPermissions implements admin.Files and registry.Permissions.
func (db *DB) LosingPermissions(ctx context.Context, audience string, permissions []string) (losses []domain.PermissionLoss, err error) {
	if len(permissions) == 0 {
		return nil, nil
	}
	rows := db.dialect.rows(`$2`, `name`)
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		losses = nil
		return c.each(ctx, func(row scanner) error {
			var of domain.PermissionLoss
			var permission string
			if err := row.Scan(&of.Kind, &of.ManagedBy, &of.Name, &permission); err != nil {
				return err
			}
			if n := len(losses); n == 0 || losses[n-1].Kind != of.Kind || losses[n-1].Name != of.Name {
				losses = append(losses, of)
			}
			last := &losses[len(losses)-1]
			last.Permissions = append(last.Permissions, permission)
			return nil
		}, `
			SELECT 'role', r.managed_by, r.name, p.permission FROM role_permissions p
				JOIN apis o ON o.id = p.api_id AND o.audience = $1 JOIN roles r ON r.id = p.role_id
				WHERE p.permission IN (SELECT w.name FROM `+rows+` w)
			UNION ALL
			SELECT 'client', c.managed_by, c.client_id, p.permission FROM client_permissions p
				JOIN apis o ON o.id = p.api_id AND o.audience = $1 JOIN clients c ON c.id = p.client_ref
				WHERE p.permission IN (SELECT w.name FROM `+rows+` w)
			ORDER BY 1, 2, 3, 4`, audience, nameRows(permissions))
	})
	return losses, err
}
