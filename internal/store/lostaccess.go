package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// LostAccess implements revocation.Losses.
func (db *DB) LostAccess(ctx context.Context, r domain.Removal, limit int, now time.Time) (lost []domain.LostAccess, held domain.Holders, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		x := removal{conn: c, Removal: r, now: micros(now), limit: limit}
		lost, held, err = x.lost(ctx)
		return err
	})
	return lost, held, err
}

// removal finds out who loses what by a change that is not made yet. Holders who have the same of the other roles that give any of it
// lose the same, so that there are few cases, however many holders and permissions there are.
type removal struct {
	conn
	domain.Removal
	now   int64
	limit int // of users, groups and clients, each

	apis   []removedAPI
	others map[int64]map[int64][]string // permissions that other roles give of those that are taken away, by role and API
}

// removedAPI is an API at which something is taken away.
type removedAPI struct {
	id          int64
	audience    string
	permissions []string
	named       bool // tokens for it name the role no more
}

// holder is a user or client, with the other roles that count.
type holder struct {
	id    int64
	roles []int64
}

func (x *removal) lost(ctx context.Context) (lost []domain.LostAccess, held domain.Holders, err error) {
	if err := x.findAPIs(ctx); err != nil {
		return nil, held, err
	}
	if err := x.findOthers(ctx); err != nil {
		return nil, held, err
	}
	users, err := x.holders(ctx, domain.SubjectUser)
	if err != nil {
		return nil, held, err
	}
	clients, err := x.holders(ctx, domain.SubjectClient)
	if err != nil {
		return nil, held, err
	}
	groups, err := x.groups(ctx)
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
			cmp.Compare(a.Role, b.Role))
	})
	return lost, held, nil
}

// findAPIs finds where something is taken away: permissions, or the name of the role in tokens.
func (x *removal) findAPIs(ctx context.Context) error {
	given := `SELECT 1 FROM role_permissions g WHERE g.role_id = $1 AND g.api_id = a.id`
	taken := x.db.dialect.rows(`$2`, `audience`, `permission`)
	return x.each(ctx, func(row scanner) error {
		var a removedAPI
		var permission string
		if err := row.Scan(&a.id, &a.audience, &a.named, &permission); err != nil {
			return err
		}
		if n := len(x.apis); n == 0 || x.apis[n-1].id != a.id {
			x.apis = append(x.apis, a)
		}
		if last := &x.apis[len(x.apis)-1]; permission != "" {
			last.permissions = append(last.permissions, permission)
		}
		return nil
	}, `SELECT a.id, a.audience, CASE
			WHEN a.memberships = 'all' THEN $3
			WHEN a.memberships = 'relevant' THEN EXISTS (`+given+`) AND ($3 OR NOT EXISTS (`+given+`
				AND NOT EXISTS (SELECT 1 FROM `+taken+` r WHERE r.audience = a.audience AND r.permission = g.permission)))
			ELSE FALSE END, COALESCE(p.permission, '')
		FROM apis a LEFT JOIN (
			SELECT r.audience, r.permission FROM `+taken+` r JOIN apis b ON b.audience = r.audience
			JOIN role_permissions g ON g.role_id = $1 AND g.api_id = b.id AND g.permission = r.permission) p ON p.audience = a.audience
		WHERE p.permission IS NOT NULL OR ($3 AND a.memberships = 'all')
		ORDER BY a.id, p.permission`, x.RoleID, permissionRows(x.Permissions), x.Held)
}

// findOthers finds the other roles that give any of it.
func (x *removal) findOthers(ctx context.Context) error {
	x.others = map[int64]map[int64][]string{}
	return x.each(ctx, func(row scanner) error {
		var role, api int64
		var permission string
		if err := row.Scan(&role, &api, &permission); err != nil {
			return err
		}
		if x.others[role] == nil {
			x.others[role] = map[int64][]string{}
		}
		x.others[role][api] = append(x.others[role][api], permission)
		return nil
	}, `SELECT g.role_id, g.api_id, g.permission FROM `+x.db.dialect.rows(`$2`, `audience`, `permission`)+` r
		JOIN apis a ON a.audience = r.audience JOIN role_permissions g ON g.api_id = a.id AND g.permission = r.permission
		WHERE g.role_id <> $1`, x.RoleID, permissionRows(x.Permissions))
}

// holders are the users or clients from whom it is taken, in order, one more than the limit if there are more.
func (x *removal) holders(ctx context.Context, kind domain.SubjectKind) (found []holder, err error) {
	if x.SubjectKind == domain.SubjectClient != (kind == domain.SubjectClient) && x.SubjectKind != "" {
		return nil, nil
	}
	counting := []string{strconv.FormatInt(x.RoleID, 10)}
	for role := range x.others {
		counting = append(counting, strconv.FormatInt(role, 10))
	}
	slices.Sort(counting) // one text for one set
	active := `(a.expires_at IS NULL OR a.expires_at > $1)`
	removed := `a.role_id = $2`
	switch x.SubjectKind {
	case domain.SubjectUser:
		removed += ` AND a.user_id = $3`
	case domain.SubjectGroup:
		removed += ` AND a.group_id = $3`
	case domain.SubjectClient:
		removed += ` AND a.client_ref = $3`
	default:
		removed += ` AND $3 = 0`
	}
	other := active + ` AND (` + removed + `) IS NOT TRUE AND a.role_id IN (SELECT CAST(l.id AS BIGINT) FROM ` + x.db.dialect.rows(`$4`, `id BIGINT`) + ` l)`
	var held, others string
	if kind == domain.SubjectClient {
		held = `SELECT a.client_ref AS id FROM assignments a WHERE a.client_ref IS NOT NULL AND ` + removed + ` AND ` + active
		others = `SELECT f.id, a.role_id FROM few f JOIN assignments a ON a.client_ref = f.id WHERE ` + other
	} else {
		// Each half by itself, so that the members of a large group are not all sorted.
		held = `SELECT * FROM (SELECT a.user_id AS id FROM assignments a WHERE a.user_id IS NOT NULL AND ` + removed + ` AND ` + active + `
				ORDER BY a.user_id LIMIT $5) d
			UNION SELECT * FROM (SELECT DISTINCT m.user_id FROM assignments a JOIN group_members m ON m.group_id = a.group_id WHERE ` + removed + ` AND ` + active + `
				ORDER BY m.user_id LIMIT $5) g`
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
		x.now, x.RoleID, x.SubjectID, `[[`+strings.Join(counting, `],[`)+`]]`, x.limit+1)
	return found, err
}

// groups counts the groups from which it is taken, up to one more than the limit.
func (x *removal) groups(ctx context.Context) (int, error) {
	if x.SubjectKind == domain.SubjectUser || x.SubjectKind == domain.SubjectClient {
		return 0, nil
	}
	n, err := one(ctx, x.conn, scanInt, `SELECT COUNT(*) FROM (SELECT 1 FROM assignments a WHERE a.role_id = $1 AND a.group_id IS NOT NULL
		AND $2 IN (0, a.group_id) AND (a.expires_at IS NULL OR a.expires_at > $3) LIMIT $4) few`, x.RoleID, x.SubjectID, x.now, x.limit+1)
	return int(n), err
}

// add adds a holder to all that it loses.
func (x *removal) add(parts map[string]*domain.LostAccess, h holder, to func(*domain.LostAccess)) {
	if slices.Contains(h.roles, x.RoleID) { // by another assignment
		return
	}
	key := fmt.Sprint(h.roles)
	for _, api := range x.apis {
		partKey := strconv.FormatInt(api.id, 10) + key
		part, known := parts[partKey]
		if !known {
			part = &domain.LostAccess{APIID: api.id, Audience: api.audience}
			if api.named {
				part.Role = x.Role
			}
			kept := map[string]bool{}
			for _, role := range h.roles {
				for _, permission := range x.others[role][api.id] {
					kept[permission] = true
				}
			}
			for _, permission := range api.permissions {
				if !kept[permission] {
					part.Permissions = append(part.Permissions, permission)
				}
			}
			if len(part.Permissions) == 0 && part.Role == "" {
				part = nil
			}
			parts[partKey] = part
		}
		if part != nil {
			to(part)
		}
	}
}
