package store

import (
	"context"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

func (db *DB) userColumns() string {
	return `u.id, u.subject, u.username, u.email, u.email_verified, u.name, ` + db.attributesOf(`u.id`) + `, u.disabled_at, u.disabled_reason, u.version, u.created_at, u.updated_at`
}

func scanUser(row scanner) (u domain.User, err error) {
	err = row.Scan(&u.ID, &u.Subject, &u.Username, &u.Email, &u.EmailVerified, &u.Name, attributesColumn{&u.Attributes},
		at(&u.DisabledAt), &u.DisabledReason, &u.Version, at(&u.CreatedAt), at(&u.UpdatedAt))
	return u, err
}

// InsertUser implements directory.Users.
func (db *DB) InsertUser(ctx context.Context, user domain.User) (id int64, err error) {
	err = db.change(ctx, func(ctx context.Context, c *change) error {
		id, err = insert(ctx, c.conn, `
			INSERT INTO users (subject, username, email, email_verified, name, disabled_at, disabled_reason, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING id`,
			user.Subject, user.Username, user.Email, user.EmailVerified, user.Name,
			nullMicros(user.DisabledAt), user.DisabledReason, micros(user.CreatedAt), micros(user.UpdatedAt))
		if err != nil {
			return err
		}
		c.noteID(domain.ChangeUser, id)
		return nil
	})
	return id, err
}

// UpdateUser implements directory.Users.
func (db *DB) UpdateUser(ctx context.Context, user domain.User) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		id, err := one(ctx, c.conn, scanInt, `
			UPDATE users SET email = $2, email_verified = $3, name = $4, disabled_at = $5, disabled_reason = $6, updated_at = $7, version = version + 1
			WHERE username = $1 AND CAST($8 AS BIGINT) IN (0, version) RETURNING id`,
			user.Username, user.Email, user.EmailVerified, user.Name, nullMicros(user.DisabledAt), user.DisabledReason, micros(user.UpdatedAt), user.Version)
		if err != nil {
			return conflict(ctx, c.conn, err, `SELECT id FROM users WHERE username = $1`, user.Username)
		}
		c.noteID(domain.ChangeUser, id)
		return nil
	})
}

// DeleteUser implements directory.Users.
func (db *DB) DeleteUser(ctx context.Context, username string) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		id, err := one(ctx, c.conn, scanInt, `DELETE FROM users WHERE username = $1 RETURNING id`, username)
		if err != nil {
			return err
		}
		c.noteID(domain.ChangeUser, id)
		c.noteID(domain.ChangeUserAccess, id)
		return nil
	})
}

// FindUser implements directory.Users.
func (db *DB) FindUser(ctx context.Context, username string) (domain.User, error) {
	return find(ctx, db, scanUser, `SELECT `+db.userColumns()+` FROM users u WHERE u.username = $1`, username)
}

// HoldUser implements directory.Users.
func (db *DB) HoldUser(ctx context.Context, username string) (domain.User, error) {
	if err := db.holdChanges(ctx); err != nil {
		return domain.User{}, err
	}
	return db.FindUser(ctx, username)
}

// FindUserByID implements directory.Users.
func (db *DB) FindUserByID(ctx context.Context, id int64) (domain.User, error) {
	return find(ctx, db, scanUser, `SELECT `+db.userColumns()+` FROM users u WHERE u.id = $1`, id)
}

// UsersByEmail implements directory.Users.
func (db *DB) UsersByEmail(ctx context.Context, email string, limit int) ([]domain.User, error) {
	return findAll(ctx, db, scanUser, `SELECT `+db.userColumns()+` FROM users u
		WHERE u.email <> '' AND lower(u.email) = $1 ORDER BY u.disabled_at IS NOT NULL, u.id LIMIT $2`, lowerASCII(email), limit)
}

// lowerASCII is lower() as both databases have it for e-mail addresses.
func lowerASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, text)
}

// ListUsers implements directory.Users.
func (db *DB) ListUsers(ctx context.Context, f domain.UserFilter, p domain.Page) ([]domain.User, error) {
	return listPage(ctx, db, scanUser, pageQuery{
		columns: db.userColumns(), from: `users u`, where: disabled(`u.disabled_at`, f.Disabled), filtered: f.Disabled != nil, id: `u.id`, key: `u.username`, names: userNames,
	}, p)
}

// userNames are what a search for users looks at.
var userNames = []string{`u.username`, `u.email`, `u.name`}

// UserOfSubject implements policy.Subjects.
func (db *DB) UserOfSubject(ctx context.Context, subject string) (int64, error) {
	return find(ctx, db, scanInt, `SELECT id FROM users WHERE subject = $1`, subject)
}
