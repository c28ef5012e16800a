package store

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// PutPasswordLink implements signin.Links.
func (db *DB) PutPasswordLink(ctx context.Context, l domain.PasswordLink) error {
	_, err := db.exec(ctx, `
		INSERT INTO password_links (user_id, hash, maker, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id) DO UPDATE
		SET hash = excluded.hash, maker = excluded.maker, created_at = excluded.created_at, expires_at = excluded.expires_at`,
		l.UserID, l.Hash, jsonList(l.Maker), micros(l.CreatedAt), micros(l.ExpiresAt))
	return err
}

// FindPasswordLink implements signin.Links.
func (db *DB) FindPasswordLink(ctx context.Context, hash []byte, now time.Time) (domain.PasswordLink, error) {
	return find(ctx, db, func(row scanner) (l domain.PasswordLink, err error) {
		err = row.Scan(&l.UserID, &l.Hash, listOf((*[]string)(&l.Maker)), at(&l.CreatedAt), at(&l.ExpiresAt))
		return l, err
	}, `SELECT user_id, hash, maker, created_at, expires_at FROM password_links WHERE hash = $1 AND expires_at > $2`, hash, micros(now))
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
