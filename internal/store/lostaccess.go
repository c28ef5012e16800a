package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// LostAccess implements revocation.Losses.
func (db *DB) LostAccess(ctx context.Context, r domain.Removal, limit int, now time.Time) (lost []domain.LostAccess, held domain.Holders, err error) {
	if r.After.After(now) {
		now = r.After // what counts is who has it then
	}
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		x := removal{conn: c, Removal: r, now: micros(now), limit: limit}
		lost, held, err = x.lost(ctx)
		return err
	})
	return lost, held, err
}

// MappedAPIs implements revocation.Losses.
func (db *DB) MappedAPIs(ctx context.Context, limit int) ([]string, error) {
	mapping := db.dialect.position() + `(CAST(claim_mappings AS TEXT), `
	return findAll(ctx, db, scanString, `SELECT audience FROM apis WHERE `+mapping+`'roles') > 0 OR `+mapping+`'groups') > 0 ORDER BY audience LIMIT $1`, limit)
}

// removal finds out who loses what by a planned change. Holders with the same relevant roles lose the same, so there are few cases, however
// many holders and permissions there are.
type removal struct {
	conn
	domain.Removal
	now   int64
	limit int // of users, groups and clients, each

	roles  map[int64]string // that are taken away, by id: the one, or those that come with the group
	apis   []removedAPI
	giving map[int64]map[int64][]string // permissions that roles give of those that are taken away, by role and API
}

// removedAPI is an API at which something is taken away.
type removedAPI struct {
	id          int64
	audience    string
	permissions []string
	roles       []int64  // which tokens for it name no more, in order
	groups      []string // the same, as they name them
}

// holder is a user or client, with the roles that count and that it has besides.
type holder struct {
	id    int64
	roles []int64
}

func (x *removal) lost(ctx context.Context) (lost []domain.LostAccess, held domain.Holders, err error) {
	for _, find := range []func(context.Context) error{x.findRoles, x.findAPIs, x.findGiving} {
		if err := find(ctx); err != nil {
			return nil, held, err
		}
	}
	users, err := x.holders(ctx, domain.SubjectUser)
	if err != nil {
		return nil, held, err
	}
	clients, err := x.holders(ctx, domain.SubjectClient)
	if err != nil {
		return nil, held, err
	}
	groups, err := x.countGroups(ctx)
	if err != nil {
		return nil, held, err
	}
	held.More = max(len(users), len(clients), groups) > x.limit
	users, clients = users[:min(len(users), x.limit)], clients[:min(len(clients), x.limit)]
	held.Users, held.Clients, held.Groups = len(users), len(clients), min(groups, x.limit)
	parts := map[string]*domain.LostAccess{}
	for _, h := range users {
		x.add(parts, h, func(l *domain.LostAccess) { l.Users = append(l.Users, h.id) })
	}
	for _, h := range clients {
		x.add(parts, h, func(l *domain.LostAccess) { l.Clients = append(l.Clients, h.id) })
	}
	for _, l := range parts {
		if l != nil {
			lost = append(lost, *l)
		}
	}
	slices.SortFunc(lost, func(a, b domain.LostAccess) int {
		return cmp.Or(cmp.Compare(a.Audience, b.Audience), cmp.Compare(len(b.Permissions), len(a.Permissions)), slices.Compare(a.Permissions, b.Permissions),
			slices.Compare(a.Roles, b.Roles), slices.Compare(a.Groups, b.Groups))
	})
	return lost, held, nil
}

// findRoles finds the roles that are taken away.
func (x *removal) findRoles(ctx context.Context) error {
	x.roles = map[int64]string{}
	if x.GroupID == 0 {
		x.roles[x.RoleID] = x.Role
		return nil
	}
	return x.each(ctx, func(row scanner) error {
		var id int64
		var name string
		err := row.Scan(&id, &name)
		x.roles[id] = name
		return err
	}, `SELECT r.id, r.name FROM assignments a JOIN roles r ON r.id = a.role_id
		WHERE a.group_id = $1 AND (a.expires_at IS NULL OR a.expires_at > $2)`, x.GroupID, x.now)
}

// idRows are ids for dialect.rows, in one order, so that there is one text for one set.
func idRows(ids []int64) string {
	slices.Sort(ids)
	rows := make([][]any, len(ids))
	for i, id := range ids {
		rows[i] = []any{id}
	}
	return jsonRows(rows)
}

// findAPIs finds where something is taken away: permissions, or names of roles and groups in tokens.
func (x *removal) findAPIs(ctx context.Context) error {
	ids := idRows(slices.Collect(maps.Keys(x.roles)))
	ofRoles := `FROM role_permissions g WHERE g.role_id IN (SELECT CAST(l.id AS BIGINT) FROM ` + x.db.dialect.rows(`$1`, `id BIGINT`) + ` l)`
	given := map[int64]map[int64][]string{} // permissions by API and role
	err := x.each(ctx, func(row scanner) error {
		var api, role int64
		var permission string
		if err := row.Scan(&api, &role, &permission); err != nil {
			return err
		}
		if given[api] == nil {
			given[api] = map[int64][]string{}
		}
		given[api][role] = append(given[api][role], permission)
		return nil
	}, `SELECT g.api_id, g.role_id, g.permission `+ofRoles+` ORDER BY g.permission`, ids)
	if err != nil {
		return err
	}
	return x.each(ctx, func(row scanner) error {
		var a removedAPI
		var memberships domain.Memberships
		var names domain.GroupNames
		if err := row.Scan(&a.id, &a.audience, &memberships, &names); err != nil {
			return err
		}
		if x.take(&a, given[a.id], memberships, names); len(a.permissions)+len(a.roles)+len(a.groups) > 0 {
			x.apis = append(x.apis, a)
		}
		return nil
	}, `SELECT a.id, a.audience, a.memberships, a.group_names FROM apis a
		WHERE a.memberships = 'all' OR a.id IN (SELECT g.api_id `+ofRoles+`) ORDER BY a.id`, ids)
}

// take says what is taken away at an API, where the roles give these permissions.
func (x *removal) take(a *removedAPI, given map[int64][]string, memberships domain.Memberships, names domain.GroupNames) {
	for role := range x.roles {
		taken := given[role]
		if !x.Held {
			taken = slices.DeleteFunc(slices.Clone(taken), func(permission string) bool {
				return !slices.Contains(x.Permissions, domain.RolePermission{Audience: a.audience, Permission: permission})
			})
		}
		a.permissions = append(a.permissions, taken...)
		named := memberships == domain.MembershipsAll && x.Held ||
			memberships == domain.MembershipsRelevant && len(taken) > 0 && len(taken) == len(given[role])
		if named {
			a.roles = append(a.roles, role)
		}
	}
	slices.Sort(a.permissions)
	a.permissions = slices.Compact(a.permissions)
	slices.Sort(a.roles)
	if x.GroupID != 0 && (memberships == domain.MembershipsAll || memberships == domain.MembershipsRelevant && len(given) > 0) {
		a.groups = names.Of([]string{x.Group})
	}
}

// findGiving finds the roles that give any of the permissions.
func (x *removal) findGiving(ctx context.Context) error {
	x.giving = map[int64]map[int64][]string{}
	var taken [][]any
	for _, api := range x.apis {
		for _, permission := range api.permissions {
			taken = append(taken, []any{api.id, permission})
		}
	}
	if len(taken) == 0 {
		return nil
	}
	return x.each(ctx, func(row scanner) error {
		var role, api int64
		var permission string
		if err := row.Scan(&role, &api, &permission); err != nil {
			return err
		}
		if x.giving[role] == nil {
			x.giving[role] = map[int64][]string{}
		}
		x.giving[role][api] = append(x.giving[role][api], permission)
		return nil
	}, `SELECT g.role_id, g.api_id, g.permission FROM `+x.db.dialect.rows(`$1`, `api_id BIGINT`, `permission`)+` r
		JOIN role_permissions g ON g.api_id = r.api_id AND g.permission = r.permission`, jsonRows(taken))
}

// holders are the users or clients from whom it is taken, in order, one more than the limit if there are more. Each has the roles that
// count and that it has by assignments which stay.
func (x *removal) holders(ctx context.Context, kind domain.SubjectKind) (found []holder, err error) {
	ofClient := kind == domain.SubjectClient
	if ofClient && x.GroupID != 0 || x.SubjectKind != "" && ofClient != (x.SubjectKind == domain.SubjectClient) {
		return nil, nil
	}
	counting := slices.Collect(maps.Keys(x.giving))
	for role := range x.roles {
		if x.giving[role] == nil {
			counting = append(counting, role)
		}
	}
	target, removed := x.removed()
	active := `(a.expires_at IS NULL OR a.expires_at > $1)`
	other := active + ` AND (` + removed + `) IS NOT TRUE AND a.role_id IN (SELECT CAST(l.id AS BIGINT) FROM ` + x.db.dialect.rows(`$4`, `id BIGINT`) + ` l)`
	held := `SELECT a.client_ref AS id FROM assignments a WHERE a.client_ref IS NOT NULL AND ` + removed + ` AND ` + active
	others := `SELECT f.id, a.role_id FROM few f JOIN assignments a ON a.client_ref = f.id WHERE ` + other
	if !ofClient {
		// Each half by itself, so that the members of a large group are not all sorted.
		held = `SELECT * FROM (SELECT a.user_id AS id FROM assignments a WHERE a.user_id IS NOT NULL AND ` + removed + ` AND ` + active + `
				ORDER BY a.user_id LIMIT $5) d
			UNION SELECT * FROM (SELECT DISTINCT m.user_id FROM assignments a JOIN group_members m ON m.group_id = a.group_id WHERE ` + removed + ` AND ` + active + `
				ORDER BY m.user_id LIMIT $5) g`
		if x.GroupID != 0 { // also of a group without roles
			held = `SELECT * FROM (SELECT m.user_id AS id FROM group_members m WHERE m.group_id = $2 AND $3 IN (0, m.user_id) ORDER BY m.user_id LIMIT $5) g`
		}
		others = `SELECT f.id, a.role_id FROM few f JOIN assignments a ON a.user_id = f.id WHERE ` + other + `
			UNION SELECT f.id, a.role_id FROM few f JOIN group_members m ON m.user_id = f.id JOIN assignments a ON a.group_id = m.group_id WHERE ` + other
	}
	err = x.each(ctx, func(row scanner) error {
		var id, role int64
		if err := row.Scan(&id, &role); err != nil {
			return err
		}
		if n := len(found); n == 0 || found[n-1].id != id {
			found = append(found, holder{id: id})
		}
		if last := &found[len(found)-1]; role != 0 {
			last.roles = append(last.roles, role)
		}
		return nil
	}, `WITH few AS (SELECT h.id FROM (`+held+`) h ORDER BY h.id LIMIT $5), others AS (`+others+`)
		SELECT f.id, COALESCE(o.role_id, 0) FROM few f LEFT JOIN others o ON o.id = f.id ORDER BY f.id, o.role_id`,
		x.now, target, x.SubjectID, idRows(counting), x.limit+1)
	return found, err
}

// removed is a condition on assignments, that they do not count any more, with the id that it has as $2; $3 is the subject's.
func (x *removal) removed() (target int64, condition string) {
	if x.GroupID != 0 {
		return x.GroupID, `a.group_id = $2`
	}
	condition = `a.role_id = $2`
	switch x.SubjectKind {
	case domain.SubjectUser:
		condition += ` AND a.user_id = $3`
	case domain.SubjectGroup:
		condition += ` AND a.group_id = $3`
	case domain.SubjectClient:
		condition += ` AND a.client_ref = $3`
	default:
		condition += ` AND $3 = 0`
	}
	return x.RoleID, condition
}

// countGroups counts the groups from which it is taken, up to one more than the limit.
func (x *removal) countGroups(ctx context.Context) (int, error) {
	switch {
	case x.SubjectKind == domain.SubjectUser || x.SubjectKind == domain.SubjectClient:
		return 0, nil
	case x.GroupID != 0:
		return 1, nil
	}
	n, err := one(ctx, x.conn, scanInt, `SELECT COUNT(*) FROM (SELECT 1 FROM assignments a WHERE a.role_id = $1 AND a.group_id IS NOT NULL
		AND $2 IN (0, a.group_id) AND (a.expires_at IS NULL OR a.expires_at > $3) LIMIT $4) few`, x.RoleID, x.SubjectID, x.now, x.limit+1)
	return int(n), err
}

// add adds a holder to all that it loses.
func (x *removal) add(parts map[string]*domain.LostAccess, h holder, to func(*domain.LostAccess)) {
	key := fmt.Sprint(h.roles)
	for _, api := range x.apis {
		partKey := strconv.FormatInt(api.id, 10) + key
		part, known := parts[partKey]
		if !known {
			part = x.part(api, h.roles)
			parts[partKey] = part
		}
		if part != nil {
			to(part)
		}
	}
}

// part is what is lost at an API by who has other roles; nil: nothing.
func (x *removal) part(api removedAPI, others []int64) *domain.LostAccess {
	part := &domain.LostAccess{APIID: api.id, Audience: api.audience, Groups: api.groups, After: x.After}
	for _, role := range api.roles {
		if !slices.Contains(others, role) {
			part.Roles = append(part.Roles, x.roles[role])
		}
	}
	slices.Sort(part.Roles)
	kept := map[string]bool{}
	for _, role := range others {
		for _, permission := range x.giving[role][api.id] {
			kept[permission] = true
		}
	}
	for _, permission := range api.permissions {
		if !kept[permission] {
			part.Permissions = append(part.Permissions, permission)
		}
	}
	if len(part.Permissions)+len(part.Roles)+len(part.Groups) == 0 {
		return nil
	}
	return part
}
