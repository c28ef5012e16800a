package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

const assignmentColumns = `a.id, a.role_id, r.name, a.user_id IS NOT NULL, a.group_id IS NOT NULL,
		COALESCE(a.user_id, a.group_id, a.client_ref), COALESCE(u.username, g.name, c.client_id), a.expires_at, a.managed_by, a.created_at`

const assignmentTables = `assignments a JOIN roles r ON r.id = a.role_id
	LEFT JOIN users u ON u.id = a.user_id LEFT JOIN groups g ON g.id = a.group_id LEFT JOIN clients c ON c.id = a.client_ref`

// assignmentsOf are the assignmentTables of users, groups and clients.
var assignmentsOf = []string{
	`users u JOIN assignments a ON a.user_id = u.id JOIN roles r ON r.id = a.role_id LEFT JOIN groups g ON FALSE LEFT JOIN clients c ON FALSE`,
	`groups g JOIN assignments a ON a.group_id = g.id JOIN roles r ON r.id = a.role_id LEFT JOIN users u ON FALSE LEFT JOIN clients c ON FALSE`,
	`clients c JOIN assignments a ON a.client_ref = c.id JOIN roles r ON r.id = a.role_id LEFT JOIN users u ON FALSE LEFT JOIN groups g ON FALSE`,
}

const selectAssignments = `SELECT ` + assignmentColumns + ` FROM ` + assignmentTables

func scanAssignment(row scanner) (a domain.Assignment, err error) {
	var user, group bool
	err = row.Scan(&a.ID, &a.RoleID, &a.Role, &user, &group, &a.SubjectID, &a.Subject, at(&a.ExpiresAt), &a.ManagedBy, at(&a.CreatedAt))
	switch {
	case user:
		a.SubjectKind = domain.SubjectUser
	case group:
		a.SubjectKind = domain.SubjectGroup
	default:
		a.SubjectKind = domain.SubjectClient
	}
	return a, err
}

// subjectTable is where a kind of subject is stored, and under which names.
type subjectTable struct {
	table  string
	name   string // the column of its name
	column string // the column of assignments that points to it
}

var subjectTables = map[domain.SubjectKind]subjectTable{
	domain.SubjectUser:   {"users", "username", "user_id"},
	domain.SubjectGroup:  {"groups", "name", "group_id"},
	domain.SubjectClient: {"clients", "client_id", "client_ref"},
}

func subjectTableOf(kind domain.SubjectKind) (subjectTable, error) {
	t, ok := subjectTables[kind]
	if !ok {
		return t, fmt.Errorf("%w kind of subject %q", domain.ErrInvalid, kind)
	}
	return t, nil
}

// idOf finds the database id of a subject. ErrNotFound names it.
func (c *change) idOf(ctx context.Context, kind domain.SubjectKind, name string) (int64, error) {
	t, err := subjectTableOf(kind)
	if err != nil {
		return 0, err
	}
	id, err := one(ctx, c.conn, scanInt, `SELECT id FROM `+t.table+` WHERE `+t.name+` = $1`, name)
	if err != nil {
		return 0, fmt.Errorf("%s %q: %w", kind, name, err)
	}
	return id, nil
}

// hasRole is ErrNotFound, with its name, if there is no such role.
func (c *change) hasRole(ctx context.Context, name string) error {
	if _, err := one(ctx, c.conn, scanInt, `SELECT id FROM roles WHERE name = $1`, name); err != nil {
		return fmt.Errorf("role %q: %w", name, err)
	}
	return nil
}

// noteAccess says that the roles of a subject changed.
func (c *change) noteAccess(kind domain.SubjectKind, id int64, name string) {
	switch kind {
	case domain.SubjectUser:
		c.noteID(domain.ChangeUserAccess, id)
	case domain.SubjectGroup:
		c.noteID(domain.ChangeGroupAccess, id)
	default:
		c.note(domain.ChangeClientAccess, name)
	}
}

// PutAssignment implements directory.Assignments.
func (db *DB) PutAssignment(ctx context.Context, a domain.Assignment) error {
	return db.PutAssignments(ctx, []domain.Assignment{a})
}

// PutAssignments implements directory.Sets.
func (db *DB) PutAssignments(ctx context.Context, assignments []domain.Assignment) error {
	rows := map[domain.SubjectKind][][]any{}
	for i, a := range assignments {
		if _, err := subjectTableOf(a.SubjectKind); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
		rows[a.SubjectKind] = append(rows[a.SubjectKind], []any{a.Role, a.Subject, nullMicros(a.ExpiresAt), micros(a.CreatedAt)})
	}
	return db.change(ctx, func(ctx context.Context, c *change) error {
		if err := c.checkExpiries(ctx, assignments); err != nil {
			return err
		}
		for kind, rows := range rows {
			t := subjectTables[kind]
			put, err := list(ctx, c.conn, scanInt, `INSERT INTO assignments (role_id, `+t.column+`, expires_at, created_at)
				SELECT o.id, s.id, w.expires_at, w.created_at
				FROM `+c.db.dialect.rows(`$1`, `role`, `subject`, `expires_at BIGINT`, `created_at BIGINT`)+` w
				JOIN roles o ON o.name = w.role JOIN `+t.table+` s ON s.`+t.name+` = w.subject WHERE TRUE
				ON CONFLICT (`+t.column+`, role_id) WHERE `+t.column+` IS NOT NULL DO UPDATE SET expires_at = excluded.expires_at
				RETURNING `+t.column, jsonRows(rows))
			if err != nil {
				return err
			}
			if len(put) < len(rows) {
				return c.unassignable(ctx, assignments)
			}
			switch kind {
			case domain.SubjectUser:
				c.noteID(domain.ChangeUserAccess, put...)
			case domain.SubjectGroup:
				c.noteID(domain.ChangeGroupAccess, put...)
			case domain.SubjectClient:
				for _, row := range rows {
					c.note(domain.ChangeClientAccess, row[1].(string))
				}
			}
		}
		return nil
	})
}

// checkExpiries refuses assignments that end at an expiry that AdvanceExpired is past. The lock of the installation keeps it from moving.
func (c *change) checkExpiries(ctx context.Context, assignments []domain.Assignment) error {
	if !slices.ContainsFunc(assignments, func(a domain.Assignment) bool { return !a.ExpiresAt.IsZero() }) {
		return nil
	}
	seen, err := one(ctx, c.conn, scanInt, `SELECT expiry_seen_at FROM installation WHERE id = 1`)
	if err != nil {
		return err
	}
	for i, a := range assignments {
		if !a.ExpiresAt.IsZero() && micros(a.ExpiresAt) <= seen {
			return &domain.ElementError{Index: i, Err: fmt.Errorf("%w expiry: assignments that end later have expired already", domain.ErrInvalid)}
		}
	}
	return nil
}

// unassignable says which role or subject of some assignments does not exist.
func (c *change) unassignable(ctx context.Context, assignments []domain.Assignment) error {
	for i, a := range assignments {
		role := c.hasRole(ctx, a.Role)
		_, subject := c.idOf(ctx, a.SubjectKind, a.Subject)
		if err := cmp.Or(role, subject); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
	}
	return fmt.Errorf("%w assignment: one is given twice", domain.ErrInvalid)
}

// DeleteAssignments implements directory.Assignments.
func (db *DB) DeleteAssignments(ctx context.Context, assignments []domain.Assignment) error {
	for i, a := range assignments {
		if _, err := subjectTableOf(a.SubjectKind); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
	}
	return db.change(ctx, func(ctx context.Context, c *change) error {
		there, err := db.AssignmentsNamed(ctx, assignments, "")
		if err != nil {
			return err
		}
		if len(there) < len(assignments) {
			return c.unassigned(ctx, assignments, there)
		}
		for kind, rows := range assignmentRows(assignments) {
			if _, err := c.exec(ctx, `DELETE FROM assignments WHERE id IN (`+db.assignmentIDs(kind, `$1`)+`)`, rows); err != nil {
				return err
			}
		}
		for _, a := range there {
			c.noteAccess(a.SubjectKind, a.SubjectID, a.Subject)
		}
		return nil
	})
}

// unassigned says which of some assignments is not among those that there are, and which role or subject does not exist.
func (c *change) unassigned(ctx context.Context, assignments, there []domain.Assignment) error {
	for i, a := range assignments {
		same := func(b domain.Assignment) bool {
			return a.Role == b.Role && a.SubjectKind == b.SubjectKind && a.Subject == b.Subject
		}
		if slices.ContainsFunc(there, same) {
			continue
		}
		role := c.hasRole(ctx, a.Role)
		_, subject := c.idOf(ctx, a.SubjectKind, a.Subject)
		err := cmp.Or(role, subject, fmt.Errorf("role %q of %s %q: %w", a.Role, a.SubjectKind, a.Subject, domain.ErrNotFound))
		return &domain.ElementError{Index: i, Err: err}
	}
	return fmt.Errorf("%w assignment: one is given twice", domain.ErrInvalid)
}

// ListAssignments implements directory.Assignments.
func (db *DB) ListAssignments(ctx context.Context, f domain.AssignmentFilter, p domain.Page) (assignments []domain.Assignment, err error) {
	q := pageQuery{
		columns: assignmentColumns, from: assignmentTables, key: `a.id`, place: placeNumber,
		names: []string{`u.username`, `g.name`, `c.client_id`}, tables: assignmentsOf, walks: []string{`users u`, `groups g`, `clients c`}, id: `a.id`, filtered: f.Role != "" || f.SubjectKind != "",
	}
	if f.SubjectKind != "" {
		t, err := subjectTableOf(f.SubjectKind)
		if err != nil {
			return nil, err
		}
		q.where = append(q.where, `a.`+t.column+` IS NOT NULL`)
		if f.Subject != "" {
			q.where = append(q.where, nameOf(f.SubjectKind)+` = `+q.arg(f.Subject))
		}
	}
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		if err := q.ofRoles(ctx, c, f); err != nil {
			return err
		}
		assignments, err = pageOf(ctx, c, scanAssignment, q, p)
		return err
	})
	return assignments, err
}

// ofRoles adds what a filter wants of the role.
func (q *pageQuery) ofRoles(ctx context.Context, c conn, f domain.AssignmentFilter) error {
	if f.Role != "" {
		role, err := list(ctx, c, scanInt, `SELECT id FROM roles WHERE name = $1`, f.Role)
		if err != nil {
			return err
		}
		q.where = append(q.where, `a.role_id = `+q.arg(append(role, 0)[0])) // by its id they are in the order of their index
	}
	if f.Audience == "" && f.Permission == "" {
		return nil
	}
	gives, err := giving(ctx, c, f.Audience, f.Permission)
	if err != nil {
		return err
	}
	roles, many, err := gives.list(ctx, c)
	if err != nil || many {
		q.among(`a.role_id`, gives)
		return err
	}
	of := choice{selected: `x.id`, from: `assignments x`, order: `x.role_id, x.id`}
	of.condition, of.values = oneOf(`x.role_id`, roles)
	return q.choose(ctx, c, `a.id`, of)
}

// nameOf is the column of assignmentTables with the names of a kind of subject.
func nameOf(kind domain.SubjectKind) string {
	return map[domain.SubjectKind]string{domain.SubjectUser: `u.`, domain.SubjectGroup: `g.`, domain.SubjectClient: `c.`}[kind] + subjectTables[kind].name
}

// SubjectAssignments implements directory.Assignments.
func (db *DB) SubjectAssignments(ctx context.Context, kind domain.SubjectKind, id int64) ([]domain.Assignment, error) {
	t, err := subjectTableOf(kind)
	if err != nil {
		return nil, err
	}
	return findAll(ctx, db, scanAssignment, selectAssignments+` WHERE a.`+t.column+` = $1 ORDER BY a.id`, id)
}

// CountAdministrators implements directory.Assignments.
func (db *DB) CountAdministrators(ctx context.Context, now time.Time) (all, able int, err error) {
	n, err := find(ctx, db, func(row scanner) (n [2]int, err error) { return n, row.Scan(&n[0], &n[1]) }, `
		WITH held AS (
			SELECT a.user_id, a.group_id FROM assignments a JOIN roles r ON r.id = a.role_id
			WHERE r.name = $1 AND (a.expires_at IS NULL OR a.expires_at > $2)
		)
		SELECT COUNT(*), COUNT(CASE WHEN EXISTS (SELECT 1 FROM credentials c WHERE c.user_id = users.id)
			OR EXISTS (SELECT 1 FROM identities i WHERE i.user_id = users.id) THEN 1 END)
		FROM users WHERE disabled_at IS NULL AND id IN (
			SELECT user_id FROM held WHERE user_id IS NOT NULL
			UNION SELECT m.user_id FROM held JOIN group_members m ON m.group_id = held.group_id)`,
		domain.RoleAdministrator, micros(now))
	return n[0], n[1], err
}
