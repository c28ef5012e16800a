package store

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// PutSetupLink implements directory.Setup.
func (db *DB) PutSetupLink(ctx context.Context, hash []byte, now, expires time.Time) error {
	_, err := db.exec(ctx, `INSERT INTO setup_links (hash, created_at, expires_at) VALUES ($1, $2, $3)`, hash, micros(now), micros(expires))
	return err
}

// FindSetupLink implements directory.Setup.
func (db *DB) FindSetupLink(ctx context.Context, hash []byte, now time.Time) error {
	_, err := find(ctx, db, scanInt, `
		SELECT l.expires_at FROM setup_links l, installation i
		WHERE l.hash = $1 AND l.expires_at > $2 AND i.setup_at IS NULL`, hash, micros(now))
	return err
}

// CompleteSetup implements directory.Setup.
func (db *DB) CompleteSetup(ctx context.Context, hash []byte, now time.Time) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		// The link is a condition of the update, not checked before it: nothing is changed where it does not hold.
		n, err := c.exec(ctx, `
			UPDATE installation SET setup_at = $2 WHERE id = 1 AND setup_at IS NULL
			AND EXISTS (SELECT 1 FROM setup_links WHERE hash = $1 AND expires_at > $2)`, hash, micros(now))
		if err != nil {
			return err
		}
		if n == 0 {
			_, err := one(ctx, c, scanInt, `SELECT setup_at FROM installation WHERE id = 1 AND setup_at IS NOT NULL`)
			if err != nil {
				return err
			}
			return domain.ErrConsumed
		}
		_, err = c.exec(ctx, `DELETE FROM setup_links`)
		return err
	})
}
