package store

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// PutPasswordLink implements signin.Links.
func (db *DB) PutPasswordLink(ctx context.Context, userID int64, hash []byte, now, expires time.Time) error {
	_, err := db.exec(ctx, `
		INSERT INTO password_links (user_id, hash, created_at, expires_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (user_id) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at, expires_at = excluded.expires_at`,
		userID, hash, micros(now), micros(expires))
	return err
}

// FindPasswordLink implements signin.Links.
func (db *DB) FindPasswordLink(ctx context.Context, hash []byte, now time.Time) (userID int64, err error) {
	return find(ctx, db, scanInt, `SELECT user_id FROM password_links WHERE hash = $1 AND expires_at > $2`, hash, micros(now))
}

// UsePasswordLink implements signin.Links.
func (db *DB) UsePasswordLink(ctx context.Context, hash []byte, now time.Time) error {
	n, err := db.exec(ctx, `DELETE FROM password_links WHERE hash = $1 AND expires_at > $2`, hash, micros(now))
	if err == nil && n == 0 {
		err = domain.ErrNotFound
	}
	return err
}

// DeletePasswordLink implements directory.Sessions.
func (db *DB) DeletePasswordLink(ctx context.Context, userID int64) error {
	_, err := db.exec(ctx, `DELETE FROM password_links WHERE user_id = $1`, userID)
	return err
}
