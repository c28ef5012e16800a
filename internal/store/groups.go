package store

import (
	"cmp"
	"context"

	"github.com/signet-auth/signet/internal/domain"
)

const groupColumns = `g.id, g.name, g.description, g.managed_by, g.version, g.created_at, g.updated_at`

func scanGroup(row scanner) (g domain.Group, err error) {
	err = row.Scan(&g.ID, &g.Name, &g.Description, &g.ManagedBy, &g.Version, at(&g.CreatedAt), at(&g.UpdatedAt))
	return g, err
}

// InsertGroup implements directory.Groups.
func (db *DB) InsertGroup(ctx context.Context, group domain.Group) (id int64, err error) {
	err = db.change(ctx, func(ctx context.Context, c *change) error {
		ids, err := c.insertGroups(ctx, []domain.Group{group})
		id = ids[group.Name]
		return err
	})
	return id, err
}

// InsertGroups implements directory.Sets.
func (db *DB) InsertGroups(ctx context.Context, groups []domain.Group) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		_, err := c.insertGroups(ctx, groups)
		return err
	})
}

// insertGroups returns the ids by name.
func (c *change) insertGroups(ctx context.Context, groups []domain.Group) (ids map[string]int64, err error) {
	rows := make([][]any, len(groups))
	for i, group := range groups {
		rows[i] = []any{group.Name, group.Description, micros(group.CreatedAt), micros(group.UpdatedAt)}
	}
	ids, err = c.writeNamed(ctx, `INSERT INTO groups (name, description, created_at, updated_at)
		SELECT r.name, r.description, r.created_at, r.updated_at
		FROM `+c.db.dialect.rows(`$1`, `name`, `description`, `created_at BIGINT`, `updated_at BIGINT`)+` r WHERE TRUE
		ON CONFLICT DO NOTHING RETURNING id, name`, jsonRows(rows))
	if err != nil {
		return nil, err
	}
	for i, group := range groups {
		id, ok := ids[group.Name]
		if !ok {
			return nil, &domain.ElementError{Index: i, Err: domain.ErrExists}
		}
		c.noteID(domain.ChangeGroupAccess, id)
	}
	return ids, nil
}

// UpdateGroup implements directory.Groups.
func (db *DB) UpdateGroup(ctx context.Context, group domain.Group) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		id, err := one(ctx, c.conn, scanInt, `
			UPDATE groups SET description = $2, updated_at = $3, version = version + 1 WHERE name = $1 AND CAST($4 AS BIGINT) IN (0, version) RETURNING id`,
			group.Name, group.Description, micros(group.UpdatedAt), group.Version)
		if err != nil {
			return conflict(ctx, c.conn, err, `SELECT id FROM groups WHERE name = $1`, group.Name)
		}
		c.noteID(domain.ChangeGroupAccess, id)
		return nil
	})
}

// DeleteGroups implements directory.Groups.
func (db *DB) DeleteGroups(ctx context.Context, names []string) error {
	these := `(SELECT w.name FROM ` + db.dialect.rows(`$1`, `name`) + ` w)`
	return db.change(ctx, func(ctx context.Context, c *change) error {
		members, err := list(ctx, c.conn, scanInt,
			`SELECT m.user_id FROM group_members m JOIN groups g ON g.id = m.group_id WHERE g.name IN `+these, nameRows(names))
		if err != nil {
			return err
		}
		ids, err := c.deleteNamed(ctx, names, `DELETE FROM groups WHERE name IN `+these+` RETURNING id, name`, nameRows(names))
		if err != nil {
			return err
		}
		c.noteID(domain.ChangeUserAccess, members...)
		c.noteID(domain.ChangeGroupAccess, ids...)
		return nil
	})
}

// FindGroup implements directory.Groups.
func (db *DB) FindGroup(ctx context.Context, name string) (domain.Group, error) {
	return find(ctx, db, scanGroup, `SELECT `+groupColumns+` FROM groups g WHERE g.name = $1`, name)
}

// HoldGroup implements directory.Groups.
func (db *DB) HoldGroup(ctx context.Context, name string) (domain.Group, error) {
	if err := db.holdChanges(ctx); err != nil {
		return domain.Group{}, err
	}
	return db.FindGroup(ctx, name)
}

// ListGroups implements directory.Groups.
func (db *DB) ListGroups(ctx context.Context, f domain.GroupFilter, p domain.Page) (groups []domain.Group, err error) {
	q := pageQuery{columns: groupColumns, from: `groups g`, id: `g.id`, key: `g.name`, names: []string{`g.name`}}
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		if f.User != "" {
			err := q.chooseOf(ctx, c, `g.id`, choice{selected: `m.group_id`, from: `group_members m`, order: `m.user_id`},
				`SELECT id FROM users WHERE username = $1`, f.User)
			if err != nil {
				return err
			}
		}
		groups, err = pageOf(ctx, c, scanGroup, q, p)
		return err
	})
	return groups, err
}

// UserGroups implements directory.Members.
func (db *DB) UserGroups(ctx context.Context, userID int64) ([]domain.Group, error) {
	return findAll(ctx, db, scanGroup, `
		SELECT `+groupColumns+` FROM groups g JOIN group_members m ON m.group_id = g.id WHERE m.user_id = $1 ORDER BY g.name`, userID)
}

// AddMember implements directory.Members.
func (db *DB) AddMember(ctx context.Context, group, username string) error {
	return db.changeMember(ctx, group, username, `INSERT INTO group_members (group_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`)
}

// AddMembers implements directory.Sets.
func (db *DB) AddMembers(ctx context.Context, members []domain.Member) error {
	return db.changeMembers(ctx, members, func(named string) string {
		return `INSERT INTO group_members (group_id, user_id) SELECT g.id, u.id FROM ` + named + ` WHERE TRUE ON CONFLICT DO NOTHING RETURNING user_id`
	})
}

// RemoveMembers implements directory.Sets.
func (db *DB) RemoveMembers(ctx context.Context, members []domain.Member) error {
	return db.changeMembers(ctx, members, func(named string) string {
		return `DELETE FROM group_members WHERE (group_id, user_id) IN (SELECT g.id, u.id FROM ` + named + `) RETURNING user_id`
	})
}

// changeMembers runs a query, which returns the ids of users, from the groups g and users u that are named.
func (db *DB) changeMembers(ctx context.Context, members []domain.Member, query func(named string) string) error {
	rows := make([][]any, len(members))
	for i, m := range members {
		rows[i] = []any{m.Group, m.Username}
	}
	named := db.dialect.rows(`$1`, `name`, `username`) + ` r LEFT JOIN groups g ON g.name = r.name LEFT JOIN users u ON u.username = r.username`
	return db.change(ctx, func(ctx context.Context, c *change) error {
		missing, err := one(ctx, c.conn, scanInt, `SELECT COUNT(*) FROM `+named+` WHERE g.id IS NULL OR u.id IS NULL`, jsonRows(rows))
		if err != nil {
			return err
		}
		for i := 0; missing > 0 && i < len(members); i++ {
			_, group := c.idOf(ctx, domain.SubjectGroup, members[i].Group)
			_, user := c.idOf(ctx, domain.SubjectUser, members[i].Username)
			if err := cmp.Or(group, user); err != nil {
				return &domain.ElementError{Index: i, Err: err}
			}
		}
		changed, err := list(ctx, c.conn, scanInt, query(named), jsonRows(rows))
		c.noteID(domain.ChangeUserAccess, changed...)
		return err
	})
}

// RemoveMember implements directory.Members.
func (db *DB) RemoveMember(ctx context.Context, group, username string) error {
	return db.changeMember(ctx, group, username, `DELETE FROM group_members WHERE group_id = $1 AND user_id = $2`)
}

func (db *DB) changeMember(ctx context.Context, group, username, query string) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		groupID, err := c.idOf(ctx, domain.SubjectGroup, group)
		if err != nil {
			return err
		}
		userID, err := c.idOf(ctx, domain.SubjectUser, username)
		if err != nil {
			return err
		}
		if n, err := c.exec(ctx, query, groupID, userID); err != nil || n == 0 {
			return err
		}
		c.noteID(domain.ChangeUserAccess, userID)
		return nil
	})
}

// ListMembers implements directory.Members.
func (db *DB) ListMembers(ctx context.Context, group string, p domain.Page) (users []domain.User, err error) {
	q := pageQuery{columns: db.userColumns(), from: `users u`, id: `u.id`, key: `u.username`, names: userNames}
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		err := q.chooseOf(ctx, c, `u.id`, choice{selected: `m.user_id`, from: `group_members m`, order: `m.group_id, m.user_id`},
			`SELECT id FROM groups WHERE name = $1`, group)
		if err != nil {
			return err
		}
		users, err = pageOf(ctx, c, scanUser, q, p)
		return err
	})
	return users, err
}
