package store

import (
	"context"

	"github.com/signet-auth/signet/internal/domain"
)

// deletedWith are queries for what is deleted with the objects of a kind whose names are the rows %s: the name, what it is, of which set it
// is, and of how many.
var deletedWith = map[domain.ManagedKind]func(rows string) string{
	domain.ManagedRole: func(rows string) string {
		return `SELECT o.name, 'assignment', a.managed_by, COUNT(*) FROM ` + rows + ` w JOIN roles o ON o.name = w.name JOIN assignments a ON a.role_id = o.id
			GROUP BY o.name, a.managed_by`
	},
	domain.ManagedGroup: func(rows string) string {
		return `SELECT o.name, 'assignment', a.managed_by, COUNT(*) FROM ` + rows + ` w JOIN groups o ON o.name = w.name JOIN assignments a ON a.group_id = o.id
			GROUP BY o.name, a.managed_by`
	},
	domain.ManagedClient: func(rows string) string {
		return `SELECT o.client_id, 'assignment', a.managed_by, COUNT(*) FROM ` + rows + ` w JOIN clients o ON o.client_id = w.name
				JOIN assignments a ON a.client_ref = o.id GROUP BY o.client_id, a.managed_by
			UNION ALL
			SELECT o.client_id, 'receiver', r.managed_by, 1 FROM ` + rows + ` w JOIN clients o ON o.client_id = w.name JOIN receivers r ON r.client_ref = o.id`
	},
}

// DeletedWith implements admin.Files.
func (db *DB) DeletedWith(ctx context.Context, kind domain.ManagedKind, names []string) (with []domain.DeletedWith, err error) {
	query, ok := deletedWith[kind]
	if !ok || len(names) == 0 {
		return nil, nil
	}
	return findAll(ctx, db, func(row scanner) (d domain.DeletedWith, err error) {
		err = row.Scan(&d.Of, &d.Kind, &d.ManagedBy, &d.Count)
		return d, err
	}, query(db.dialect.rows(`$1`, `name`))+` ORDER BY 1, 2, 3`, nameRows(names))
}
