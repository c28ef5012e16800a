package store

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// RevokeToken marks one token. ErrNotFound if it is not in the index; done before is no error.
func (db *DB) RevokeToken(ctx context.Context, ref domain.TokenRef, now time.Time) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		n, err := mark(ctx, c, domain.StatusInvalid, `
			UPDATE issued_tokens SET revoked_at = $3 WHERE jti = $1 AND expires_at = $2 AND revoked_at IS NULL`,
			ref.ID[:], micros(ref.ExpiresAt), micros(now))
		if err != nil || n > 0 {
			return err
		}
		_, err = isRevoked(ctx, c, ref)
		return err
	})
}

// SuspendToken marks one token as suspended. ErrNotFound if it is not in the index, ErrRevoked if it is revoked; done before
// is no error.
func (db *DB) SuspendToken(ctx context.Context, ref domain.TokenRef, now time.Time) error {
	return db.setSuspended(ctx, ref, domain.StatusSuspended, `
		UPDATE issued_tokens SET suspended_at = $3
		WHERE jti = $1 AND expires_at = $2 AND revoked_at IS NULL AND suspended_at IS NULL`, micros(now))
}

// ResumeToken takes the mark of SuspendToken away, with the same errors.
func (db *DB) ResumeToken(ctx context.Context, ref domain.TokenRef, _ time.Time) error {
	return db.setSuspended(ctx, ref, domain.StatusValid, `
		UPDATE issued_tokens SET suspended_at = NULL
		WHERE jti = $1 AND expires_at = $2 AND revoked_at IS NULL AND suspended_at IS NOT NULL`)
}

func (db *DB) setSuspended(ctx context.Context, ref domain.TokenRef, status domain.TokenStatus, query string, args ...any) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		n, err := mark(ctx, c, status, query, append([]any{ref.ID[:], micros(ref.ExpiresAt)}, args...)...)
		if err != nil || n > 0 {
			return err
		}
		revoked, err := isRevoked(ctx, c, ref)
		if err == nil && revoked {
			return domain.ErrRevoked
		}
		return err
	})
}

// isRevoked returns ErrNotFound if the token is not in the index.
func isRevoked(ctx context.Context, c conn, ref domain.TokenRef) (bool, error) {
	revoked, err := one(ctx, c, scanInt, `
		SELECT CASE WHEN revoked_at IS NULL THEN 0 ELSE 1 END FROM issued_tokens WHERE jti = $1 AND expires_at = $2`,
		ref.ID[:], micros(ref.ExpiresAt))
	return revoked != 0, err
}

// mark runs an UPDATE of issued_tokens that gives them a status, and tells their status lists. It says how many there were.
func mark(ctx context.Context, c conn, status domain.TokenStatus, update string, args ...any) (marked int64, err error) {
	if err := c.lockInstallation(ctx); err != nil {
		return 0, err
	}
	indexes := map[int64][]int32{} // by list
	err = c.each(ctx, func(row scanner) error {
		var ref domain.StatusRef
		if err := row.Scan(&ref.List, &ref.Index); err != nil {
			return err
		}
		marked++
		if ref != (domain.StatusRef{}) {
			indexes[ref.List] = append(indexes[ref.List], ref.Index)
		}
		return nil
	}, update+` RETURNING COALESCE(status_list, 0), COALESCE(status_index, 0)`, args...)
	if err != nil {
		return 0, err
	}
	return marked, appendStatusChanges(ctx, c, status, indexes)
}
