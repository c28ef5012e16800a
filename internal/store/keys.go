package store

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// InsertSigningKey implements keys.Store.
func (db *DB) InsertSigningKey(ctx context.Context, k domain.SigningKey) (id int64, err error) {
	err = db.change(ctx, func(ctx context.Context, c *change) error {
		id, err = insert(ctx, c.conn, `
			INSERT INTO signing_keys (kid, alg, state, public_jwk, sealed_key, created_at, activated_at, retired_at, revoked_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING id`,
			k.KID, k.Alg, string(k.State), string(k.PublicJWK), bytes(k.SealedKey), micros(k.CreatedAt),
			nullMicros(k.ActivatedAt), nullMicros(k.RetiredAt), nullMicros(k.RevokedAt))
		if err != nil {
			return err
		}
		c.note(domain.ChangeKeys, "")
		return nil
	})
	return id, err
}

// SetKeyState implements keys.Store.
func (db *DB) SetKeyState(ctx context.Context, kid string, from, to domain.KeyState, now time.Time) error {
	stamp, ok := map[domain.KeyState]string{
		domain.KeyActive: "activated_at", domain.KeyRetired: "retired_at", domain.KeyRevoked: "revoked_at",
	}[to]
	if !ok {
		return fmt.Errorf("%w state of a key to come to: %q", domain.ErrInvalid, to)
	}
	return db.change(ctx, func(ctx context.Context, c *change) error {
		err := consumed(c.exec(ctx, `UPDATE signing_keys SET state = $3, `+stamp+` = $4 WHERE kid = $1 AND state = $2`,
			kid, string(from), string(to), micros(now)))
		if err != nil {
			return err
		}
		c.note(domain.ChangeKeys, "")
		return nil
	})
}

// ListSigningKeys implements keys.Store.
func (db *DB) ListSigningKeys(ctx context.Context) ([]domain.SigningKey, error) {
	return findAll(ctx, db, func(row scanner) (k domain.SigningKey, err error) {
		err = row.Scan(&k.ID, &k.KID, &k.Alg, &k.State, &k.PublicJWK, &k.SealedKey,
			at(&k.CreatedAt), at(&k.ActivatedAt), at(&k.RetiredAt), at(&k.RevokedAt))
		return k, err
	}, `SELECT id, kid, alg, state, public_jwk, sealed_key, created_at, activated_at, retired_at, revoked_at
		FROM signing_keys ORDER BY created_at, id`)
}

// DeleteSigningKey implements keys.Store.
func (db *DB) DeleteSigningKey(ctx context.Context, kid string) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		if _, err := one(ctx, c.conn, scanInt, `DELETE FROM signing_keys WHERE kid = $1 RETURNING id`, kid); err != nil {
			return err
		}
		c.note(domain.ChangeKeys, "")
		return nil
	})
}
