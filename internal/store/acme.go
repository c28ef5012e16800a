package store

import (
	"context"
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

// holding runs a statement while locks are held. ErrConflict if one is lost.
func (db *DB) holding(ctx context.Context, locks []domain.ACMELock, query string, args ...any) error {
	if len(locks) == 0 {
		_, err := db.exec(ctx, query, args...)
		return err
	}
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		for _, lock := range locks {
			held, err := list(ctx, c, scanString, `SELECT name FROM acme_locks WHERE `+db.held()+db.dialect.forUpdate(), lock.Name, lock.Owner)
			switch {
			case err != nil:
				return err
			case len(held) == 0:
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

// held is a condition that the lock with the name $1 fulfils while the owner $2 holds it, by the database's clock as all times of locks.
func (db *DB) held() string { return `name = $1 AND owner = $2 AND expires_at > ` + db.dialect.clock() }

// AcquireACMELock implements acme.Store.
func (db *DB) AcquireACMELock(ctx context.Context, lock domain.ACMELock, lease time.Duration) (acquired bool, err error) {
	n, err := db.exec(ctx, `
		INSERT INTO acme_locks AS l (name, owner, expires_at) VALUES ($1, $2, `+db.dialect.clock()+` + $3)
		ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at WHERE l.expires_at <= `+db.dialect.clock(),
		lock.Name, lock.Owner, lease.Microseconds())
	return n == 1, err
}

// ExtendACMELock implements acme.Store.
func (db *DB) ExtendACMELock(ctx context.Context, lock domain.ACMELock, lease time.Duration) error {
	n, err := db.exec(ctx, `UPDATE acme_locks SET expires_at = `+db.dialect.clock()+` + $3 WHERE `+db.held(), lock.Name, lock.Owner, lease.Microseconds())
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
