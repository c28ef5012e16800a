package store

import (
	"context"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// below is a condition that the value with the key $1 fulfils, and those whose paths begin with it.
const below = `(key = $1 OR substr(key, 1, length($1) + 1) = $1 || '/')`

// PutACMEValue implements acme.Store.
func (db *DB) PutACMEValue(ctx context.Context, v domain.ACMEValue, locks ...domain.ACMELock) error {
	return db.holding(ctx, locks, `
		INSERT INTO acme_values (key, value, modified_at) VALUES ($1, $2, $3)
		ON CONFLICT (key) DO UPDATE SET value = excluded.value, modified_at = excluded.modified_at`,
		v.Key, bytes(v.Sealed), micros(v.ModifiedAt))
}

// DeleteACMEValues implements acme.Store.
func (db *DB) DeleteACMEValues(ctx context.Context, path string, locks ...domain.ACMELock) error {
	return db.holding(ctx, locks, `DELETE FROM acme_values WHERE `+below, path)
}

// holding runs a statement while locks are held. ErrConflict if one is not, or is another's.
func (db *DB) holding(ctx context.Context, locks []domain.ACMELock, query string, args ...any) error {
	if len(locks) == 0 {
		_, err := db.exec(ctx, query, args...)
		return err
	}
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		for _, lock := range locks {
			owners, err := list(ctx, c, func(row scanner) (owner []byte, err error) {
				return owner, row.Scan(&owner)
			}, `SELECT owner FROM acme_locks WHERE name = $1`+db.dialect.forUpdate(), lock.Name)
			switch {
			case err != nil:
				return err
			case len(owners) == 0 || !slices.Equal(owners[0], lock.Owner):
				return domain.ErrConflict
			}
		}
		_, err := c.exec(ctx, query, args...)
		return err
	})
}

// ACMEValue implements acme.Store.
func (db *DB) ACMEValue(ctx context.Context, key string) (domain.ACMEValue, error) {
	return find(ctx, db, func(row scanner) (v domain.ACMEValue, err error) {
		return v, row.Scan(&v.Key, &v.Sealed, at(&v.ModifiedAt))
	}, `SELECT key, value, modified_at FROM acme_values WHERE key = $1`, key)
}

// ACMEKeys implements acme.Store.
func (db *DB) ACMEKeys(ctx context.Context, path string) ([]string, error) {
	return findAll(ctx, db, scanString, `SELECT key FROM acme_values WHERE `+below+` ORDER BY key`, path)
}

// AcquireACMELock implements acme.Store.
func (db *DB) AcquireACMELock(ctx context.Context, lock domain.ACMELock, now time.Time) (acquired bool, err error) {
	n, err := db.exec(ctx, `
		INSERT INTO acme_locks AS l (name, owner, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at WHERE l.expires_at <= $4`,
		lock.Name, lock.Owner, micros(lock.ExpiresAt), micros(now))
	return n == 1, err
}

// ExtendACMELock implements acme.Store.
func (db *DB) ExtendACMELock(ctx context.Context, lock domain.ACMELock) error {
	n, err := db.exec(ctx, `UPDATE acme_locks SET expires_at = $3 WHERE name = $1 AND owner = $2`, lock.Name, lock.Owner, micros(lock.ExpiresAt))
	if err == nil && n == 0 {
		err = domain.ErrConflict
	}
	return err
}

// ReleaseACMELock implements acme.Store.
func (db *DB) ReleaseACMELock(ctx context.Context, lock domain.ACMELock) error {
	_, err := db.exec(ctx, `DELETE FROM acme_locks WHERE name = $1 AND owner = $2`, lock.Name, lock.Owner)
	return err
}
