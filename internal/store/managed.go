package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// managedTable is where objects are stored that may come from files, and under which name.
type managedTable struct{ table, name string }

var managedTables = map[domain.ManagedKind]managedTable{
	domain.ManagedAttribute: {"attributes", "name"},
	domain.ManagedAPI:       {"apis", "audience"},
	domain.ManagedRole:      {"roles", "name"},
	domain.ManagedGroup:     {"groups", "name"},
	domain.ManagedClient:    {"clients", "client_id"},
}

// HoldChanges implements admin.Files.
func (db *DB) HoldChanges(ctx context.Context) (revision int64, err error) {
	before := db.seen()
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		if err := c.lockInstallation(ctx); err != nil {
			return err
		}
		revision, err = one(ctx, c, scanInt, `SELECT revision FROM installation WHERE id = 1`)
		return err
	})
	if err != nil {
		return 0, err
	}
	return db.current(ctx, before, revision)
}

// SetManagedBy implements admin.Files. Whoever plans with the same objects at the same time sees it as a change of theirs.
func (db *DB) SetManagedBy(ctx context.Context, set string, kind domain.ManagedKind, names []string) error {
	t, ok := managedTables[kind]
	if !ok && kind != domain.ManagedReceiver {
		return fmt.Errorf("%w kind of object %q", domain.ErrInvalid, kind)
	}
	return db.change(ctx, func(ctx context.Context, c *change) error {
		if kind == domain.ManagedReceiver {
			c.note(domain.ChangeClient, names...)
			_, err := c.exec(ctx, `UPDATE receivers SET managed_by = $1 WHERE client_ref IN (
				SELECT c.id FROM `+db.dialect.rows(`$2`, `name`)+` r JOIN clients c ON c.client_id = r.name)`, set, nameRows(names))
			return err
		}
		ids, err := list(ctx, c.conn, scanInt, `UPDATE `+t.table+` SET managed_by = $1
			WHERE `+t.name+` IN (SELECT r.name FROM `+db.dialect.rows(`$2`, `name`)+` r) RETURNING id`, set, nameRows(names))
		switch kind {
		case domain.ManagedAPI:
			c.note(domain.ChangeAPI, names...)
		case domain.ManagedClient:
			c.note(domain.ChangeClient, names...)
		case domain.ManagedRole:
			c.noteID(domain.ChangeRole, ids...)
		case domain.ManagedGroup:
			c.noteID(domain.ChangeGroupAccess, ids...)
		}
		return err
	})
}

// SetAssignmentsManagedBy implements admin.Files.
func (db *DB) SetAssignmentsManagedBy(ctx context.Context, set string, assignments []domain.Assignment) error {
	for kind, rows := range assignmentRows(assignments) {
		_, err := db.exec(ctx, `UPDATE assignments SET managed_by = $1 WHERE id IN (`+db.assignmentIDs(kind, `$2`)+`)`, set, rows)
		if err != nil {
			return err
		}
	}
	return nil
}

// assignmentIDs selects the ids of the assignments of a kind of subject that the rows of a parameter name.
func (db *DB) assignmentIDs(kind domain.SubjectKind, parameter string) string {
	t := subjectTables[kind]
	return `SELECT a.id FROM ` + db.dialect.rows(parameter, `role`, `subject`) + ` w JOIN roles o ON o.name = w.role
		JOIN ` + t.table + ` s ON s.` + t.name + ` = w.subject JOIN assignments a ON a.role_id = o.id AND a.` + t.column + ` = s.id`
}

// assignmentRows are the roles and subjects of assignments, by the kind of subject.
func assignmentRows(assignments []domain.Assignment) map[domain.SubjectKind]string {
	byKind := map[domain.SubjectKind][][]any{}
	for _, a := range assignments {
		if _, ok := subjectTables[a.SubjectKind]; ok {
			byKind[a.SubjectKind] = append(byKind[a.SubjectKind], []any{a.Role, a.Subject})
		}
	}
	rows := map[domain.SubjectKind]string{}
	for kind, list := range byKind {
		rows[kind] = jsonRows(list)
	}
	return rows
}

func nameRows(names []string) string {
	rows := make([][]any, len(names))
	for i, name := range names {
		rows[i] = []any{name}
	}
	return jsonRows(rows)
}

// wanted selects the ids of objects that the names $1 name, and of those of the set $2.
func (db *DB) wanted(kind domain.ManagedKind) string {
	t := managedTables[kind]
	return `(SELECT o.id FROM ` + db.dialect.rows(`$1`, `name`) + ` w JOIN ` + t.table + ` o ON o.` + t.name + ` = w.name
		UNION SELECT o.id FROM ` + t.table + ` o WHERE o.managed_by = $2 AND o.managed_by <> '')`
}

// partsAtOnce is of how many objects the parts are read in a statement, which has a parameter for each.
const partsAtOnce = 1000

// withParts lists objects and adds their parts.
func withParts[T any](
	ctx context.Context, db *DB, scan func(row scanner) (T, error), add func(ctx context.Context, c conn, objects []*T) error, query string, args ...any,
) (objects []T, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		if objects, err = list(ctx, c, scan, query, args...); err != nil {
			return err
		}
		for part := range slices.Chunk(pointers(objects), partsAtOnce) {
			if err := add(ctx, c, part); err != nil {
				return err
			}
		}
		return nil
	})
	return objects, err
}

// APIsNamed implements admin.Named.
func (db *DB) APIsNamed(ctx context.Context, audiences []string, set string) ([]domain.API, error) {
	return withParts(ctx, db, scanAPI, addPermissions,
		`SELECT `+apiColumns+` FROM apis WHERE id IN `+db.wanted(domain.ManagedAPI)+` ORDER BY audience`, nameRows(audiences), set)
}

// ClientsNamed implements admin.Named.
func (db *DB) ClientsNamed(ctx context.Context, clientIDs []string, set string) ([]domain.Client, error) {
	return withParts(ctx, db, scanClient, addClientParts,
		`SELECT `+clientColumns+` FROM clients WHERE id IN `+db.wanted(domain.ManagedClient)+` ORDER BY client_id`, nameRows(clientIDs), set)
}

// RolesNamed implements admin.Named.
func (db *DB) RolesNamed(ctx context.Context, names []string, set string) ([]domain.Role, error) {
	return withParts(ctx, db, scanRole, addRolePermissions,
		`SELECT `+roleColumns+` FROM roles WHERE id IN `+db.wanted(domain.ManagedRole)+` ORDER BY name`, nameRows(names), set)
}

// GroupsNamed implements admin.Named.
func (db *DB) GroupsNamed(ctx context.Context, names []string, set string) ([]domain.Group, error) {
	return findAll(ctx, db, scanGroup,
		`SELECT `+groupColumns+` FROM groups g WHERE g.id IN `+db.wanted(domain.ManagedGroup)+` ORDER BY g.name`, nameRows(names), set)
}

// ReceiversNamed implements admin.Named.
func (db *DB) ReceiversNamed(ctx context.Context, clientIDs []string, set string) ([]domain.Receiver, error) {
	return findAll(ctx, db, scanReceiver, `SELECT `+receiverColumns+` FROM receivers r JOIN clients c ON c.id = r.client_ref WHERE r.id IN (
		SELECT o.id FROM `+db.dialect.rows(`$1`, `name`)+` w JOIN clients k ON k.client_id = w.name JOIN receivers o ON o.client_ref = k.id
		UNION SELECT o.id FROM receivers o WHERE o.managed_by = $2 AND o.managed_by <> '') ORDER BY c.client_id`, nameRows(clientIDs), set)
}

// AssignmentsNamed implements admin.Named.
func (db *DB) AssignmentsNamed(ctx context.Context, named []domain.Assignment, set string) (assignments []domain.Assignment, err error) {
	rows := assignmentRows(named)
	for _, kind := range []domain.SubjectKind{domain.SubjectUser, domain.SubjectGroup, domain.SubjectClient} {
		given, ok := rows[kind]
		if !ok {
			given = jsonRows([][]any{})
		}
		found, err := findAll(ctx, db, scanAssignment, selectAssignments+` WHERE a.id IN (`+db.assignmentIDs(kind, `$1`)+`
			UNION SELECT o.id FROM assignments o WHERE o.managed_by = $2 AND o.managed_by <> '' AND o.`+subjectTables[kind].column+` IS NOT NULL)
			ORDER BY a.id`, given, set)
		if err != nil {
			return nil, err
		}
		assignments = append(assignments, found...)
	}
	return assignments, nil
}

// AssignmentsOf implements admin.Files.
func (db *DB) AssignmentsOf(ctx context.Context, kind domain.SubjectKind, p domain.Page) ([]domain.Assignment, error) {
	t, err := subjectTableOf(kind)
	if err != nil {
		return nil, err
	}
	subject, role, _ := strings.Cut(p.After, "\x00")
	name := nameOf(kind)
	return findAll(ctx, db, scanAssignment, selectAssignments+` WHERE a.`+t.column+` IS NOT NULL
		AND `+name+` >= $1 AND (`+name+` > $1 OR r.name > $2) ORDER BY `+name+`, r.name LIMIT $3`, subject, role, p.Limit)
}

// UsersNamed implements admin.Named.
func (db *DB) UsersNamed(ctx context.Context, usernames []string) ([]string, error) {
	return findAll(ctx, db, scanString, `SELECT u.username FROM `+db.dialect.rows(`$1`, `name`)+` r JOIN users u ON u.username = r.name
		ORDER BY u.username`, nameRows(usernames))
}

// MembersOf implements admin.Named.
func (db *DB) MembersOf(ctx context.Context, groups []string) (map[string][]string, error) {
	members := map[string][]string{}
	err := db.read(ctx, func(ctx context.Context, c conn) error {
		return c.each(ctx, func(row scanner) error {
			var group, username string
			if err := row.Scan(&group, &username); err != nil {
				return err
			}
			members[group] = append(members[group], username)
			return nil
		}, `SELECT g.name, u.username FROM `+db.dialect.rows(`$1`, `name`)+` r JOIN groups g ON g.name = r.name
			JOIN group_members m ON m.group_id = g.id JOIN users u ON u.id = m.user_id ORDER BY g.name, u.username`, nameRows(groups))
	})
	return members, err
}
