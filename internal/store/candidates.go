package store

import (
	"context"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
)

// The queries of this file read ranges of indexes, whatever the size of the directory: a role's holders or a group's members after one, up to
// a limit. Whether one of them was found before is looked up only for those.

// givesAny says whether a role may matter: it has one of the names, or gives one of the permissions at the API.
func (db *DB) givesAny(role, audience, permissions, names string) string {
	return `(EXISTS (SELECT 1 FROM role_permissions g WHERE g.role_id = ` + role + ` AND g.api_id = (SELECT a.id FROM apis a WHERE a.audience = ` + audience + `)
			AND g.permission IN (SELECT w.name FROM ` + db.dialect.rows(permissions, `name`) + ` w))
		OR EXISTS (SELECT 1 FROM roles o WHERE o.id = ` + role + ` AND o.name IN (SELECT w.name FROM ` + db.dialect.rows(names, `name`) + ` w)))`
}

// relevantRoles are the ids of the roles that may matter.
func (db *DB) relevantRoles(audience, permissions, names string) string {
	return `(SELECT g.role_id AS id FROM ` + db.dialect.rows(permissions, `name`) + ` w
			JOIN role_permissions g ON g.permission = w.name AND g.api_id = (SELECT a.id FROM apis a WHERE a.audience = ` + audience + `)
		UNION SELECT o.id FROM ` + db.dialect.rows(names, `name`) + ` w JOIN roles o ON o.name = w.name)`
}

// CandidateRoles implements policy.Candidates.
func (db *DB) CandidateRoles(ctx context.Context, chosen domain.Candidates, kind domain.SubjectKind, from int64, limit int) ([]int64, error) {
	held := map[domain.SubjectKind]string{
		domain.SubjectUser: `s.user_id IS NOT NULL`, domain.SubjectClient: `s.user_id IS NULL AND s.client_ref IS NOT NULL`,
	}[kind]
	if held == "" {
		return nil, fmt.Errorf("%w kind of subject %q", domain.ErrInvalid, kind)
	}
	return findAll(ctx, db, scanInt, `SELECT r.id FROM `+db.relevantRoles(`$1`, `$2`, `$3`)+` r
		WHERE r.id >= $4 AND EXISTS (SELECT 1 FROM assignments s WHERE s.role_id = r.id AND `+held+`) ORDER BY r.id LIMIT $5`,
		chosen.Audience, nameRows(chosen.Permissions), nameRows(chosen.Roles), from, limit)
}

// CandidateGroups implements policy.Candidates.
func (db *DB) CandidateGroups(ctx context.Context, chosen domain.Candidates, from int64, limit int) ([]int64, error) {
	return findAll(ctx, db, scanInt, `SELECT DISTINCT s.group_id FROM `+db.relevantRoles(`$1`, `$2`, `$3`)+` r
		JOIN assignments s ON s.role_id = r.id AND s.user_id IS NULL AND s.client_ref IS NULL
		WHERE s.group_id >= $4 ORDER BY s.group_id LIMIT $5`,
		chosen.Audience, nameRows(chosen.Permissions), nameRows(chosen.Roles), from, limit)
}

func scanCandidate(row scanner) (c domain.Candidate, err error) {
	err = row.Scan(&c.ID, &c.Name, &c.Before)
	return c, err
}

// RoleCandidates implements policy.Candidates.
func (db *DB) RoleCandidates(ctx context.Context, chosen domain.Candidates, kind domain.SubjectKind, role, after int64, limit int) ([]domain.Candidate, error) {
	args := []any{chosen.Audience, nameRows(chosen.Permissions), nameRows(chosen.Roles), role, after, limit}
	if kind == domain.SubjectClient {
		return findAll(ctx, db, scanCandidate, `SELECT c.id, c.client_id, EXISTS (
				SELECT 1 FROM assignments e WHERE e.client_ref = c.id AND e.role_id < $4 AND `+db.givesAny(`e.role_id`, `$1`, `$2`, `$3`)+`)
			FROM (SELECT s.client_ref FROM assignments s WHERE s.role_id = $4 AND s.user_id IS NULL AND s.client_ref > $5 ORDER BY s.client_ref LIMIT $6) h
			JOIN clients c ON c.id = h.client_ref ORDER BY c.id`, args...)
	}
	return findAll(ctx, db, scanCandidate, `SELECT u.id, u.subject, EXISTS (
			SELECT 1 FROM assignments e WHERE e.user_id = u.id AND e.role_id < $4 AND `+db.givesAny(`e.role_id`, `$1`, `$2`, `$3`)+`)
		FROM (SELECT s.user_id FROM assignments s WHERE s.role_id = $4 AND s.user_id > $5 ORDER BY s.user_id LIMIT $6) h
		JOIN users u ON u.id = h.user_id ORDER BY u.id`, args...)
}

// GroupCandidates implements policy.Candidates.
func (db *DB) GroupCandidates(ctx context.Context, chosen domain.Candidates, group, after int64, limit int) ([]domain.Candidate, error) {
	relevant := db.givesAny(`e.role_id`, `$1`, `$2`, `$3`)
	return findAll(ctx, db, scanCandidate, `SELECT u.id, u.subject, EXISTS (
			SELECT 1 FROM assignments e WHERE e.user_id = u.id AND `+relevant+`)
			OR EXISTS (SELECT 1 FROM group_members m JOIN assignments e ON e.group_id = m.group_id WHERE m.user_id = u.id AND m.group_id < $4 AND `+relevant+`)
		FROM (SELECT m.user_id FROM group_members m WHERE m.group_id = $4 AND m.user_id > $5 ORDER BY m.user_id LIMIT $6) h
		JOIN users u ON u.id = h.user_id ORDER BY u.id`,
		chosen.Audience, nameRows(chosen.Permissions), nameRows(chosen.Roles), group, after, limit)
}

// EveryCandidate implements policy.Candidates.
func (db *DB) EveryCandidate(ctx context.Context, kind domain.SubjectKind, after int64, limit int) ([]domain.Candidate, error) {
	table, name := `users`, `subject`
	if kind == domain.SubjectClient {
		table, name = `clients`, `client_id`
	}
	return findAll(ctx, db, scanCandidate, `SELECT id, `+name+`, FALSE FROM `+table+` WHERE id > $1 ORDER BY id LIMIT $2`, after, limit)
}
