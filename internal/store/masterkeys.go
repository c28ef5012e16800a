package store

import (
	"context"

	"github.com/signet-auth/signet/internal/domain"
)

// ListMasterKeys implements keys.MasterKeys.
func (db *DB) ListMasterKeys(ctx context.Context) (all []domain.MasterKey, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		n, err := one(ctx, c, scanInt, db.dialect.hasTable(), "master_keys")
		if err != nil || n == 0 {
			return err
		}
		all, err = list(ctx, c, func(row scanner) (k domain.MasterKey, err error) {
			return k, row.Scan(&k.Check, &k.SealedSecret, at(&k.CreatedAt))
		}, `SELECT key_check, sealed_secret, created_at FROM master_keys ORDER BY created_at, key_check`)
		return err
	})
	return all, err
}

// ClaimMasterKey implements keys.MasterKeys.
func (db *DB) ClaimMasterKey(ctx context.Context, key domain.MasterKey) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		if err := c.lockInstallation(ctx); err != nil {
			return err
		}
		n, err := one(ctx, c, scanInt, `SELECT COUNT(*) FROM master_keys`)
		if err != nil {
			return err
		}
		if n > 0 {
			return domain.ErrExists
		}
		return insertMasterKey(ctx, c, key)
	})
}

// AddMasterKey implements keys.MasterKeys.
func (db *DB) AddMasterKey(ctx context.Context, key domain.MasterKey) error {
	return db.write(ctx, func(ctx context.Context, c conn) error { return insertMasterKey(ctx, c, key) })
}

func insertMasterKey(ctx context.Context, c conn, key domain.MasterKey) error {
	n, err := c.exec(ctx, `INSERT INTO master_keys (key_check, sealed_secret, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		bytes(key.Check), bytes(key.SealedSecret), micros(key.CreatedAt))
	if err == nil && n == 0 {
		return domain.ErrExists
	}
	return err
}

// DeleteOtherMasterKeys implements keys.MasterKeys.
func (db *DB) DeleteOtherMasterKeys(ctx context.Context, check []byte) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		if err := c.lockInstallation(ctx); err != nil { // or two that keep different ones would leave none
			return err
		}
		if _, err := one(ctx, c, scanInt, `SELECT created_at FROM master_keys WHERE key_check = $1`, bytes(check)); err != nil {
			return err
		}
		_, err := c.exec(ctx, `DELETE FROM master_keys WHERE key_check <> $1`, bytes(check))
		return err
	})
}
