package store

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// RevokeTokens implements revocation.Statuses.
func (db *DB) RevokeTokens(ctx context.Context, now time.Time, refs ...domain.TokenRef) (revoked []domain.TokenID, err error) {
	if len(refs) == 0 {
		return nil, nil
	}
	condition, args := db.dialect.isOneOf(refs)
	update := `UPDATE issued_tokens SET revoked_at = $` + strconv.Itoa(len(args)+1) + ` WHERE ` + condition + ` AND revoked_at IS NULL`
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		revoked, err = setTokenStatus(ctx, c, domain.StatusInvalid, update, append(args, micros(now))...)
		return err
	})
	return revoked, err
}

// errSuspendedRevoked says that a token would be revoked because it was suspended after a revocation of suspended tokens began.
var errSuspendedRevoked = domain.Invalid("", domain.RuleState,
	"token: suspended tokens are being revoked, and this one would be too; wait until that is done, or revoke it")

// SuspendToken implements revocation.Statuses.
func (db *DB) SuspendToken(ctx context.Context, ref domain.TokenRef, now time.Time) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		token, open, err := notCovered(ctx, c, ref)
		if err != nil {
			return err
		}
		if token.SuspendedAt = now; isCovered(token, open) {
			return errSuspendedRevoked
		}
		return db.setSuspended(ctx, ref, domain.StatusSuspended, `
			UPDATE issued_tokens SET suspended_at = $3
			WHERE jti = $1 AND expires_at = $2 AND revoked_at IS NULL AND suspended_at IS NULL`, micros(now))
	})
}

// ResumeToken implements revocation.Statuses.
func (db *DB) ResumeToken(ctx context.Context, ref domain.TokenRef, _ time.Time) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		if _, _, err := notCovered(ctx, c, ref); err != nil {
			return err
		}
		return db.setSuspended(ctx, ref, domain.StatusValid, `
			UPDATE issued_tokens SET suspended_at = NULL
			WHERE jti = $1 AND expires_at = $2 AND revoked_at IS NULL AND suspended_at IS NOT NULL`)
	})
}

// notCovered returns ErrRevoked if a revocation under way covers a token: one of suspended tokens would no more, once that is resumed.
// Otherwise it returns the token and what is under way.
func notCovered(ctx context.Context, c conn, ref domain.TokenRef) (token domain.IssuedToken, open []domain.Revocation, err error) {
	if err := c.lockForTokens(ctx); err != nil {
		return token, nil, err
	}
	if open, err = list(ctx, c, scanRevocation, coveringRevocations); err != nil || len(open) == 0 {
		return token, nil, err
	}
	scan := func(row scanner) (t domain.IssuedToken, err error) {
		err = row.Scan(issuedDest(&t)...)
		return t, err
	}
	token, err = one(ctx, c, scan,
		`SELECT `+issuedColumns+` FROM issued_tokens t WHERE t.jti = $1 AND t.expires_at = $2`, ref.ID[:], micros(ref.ExpiresAt))
	if err == nil && isCovered(token, open) {
		err = domain.ErrRevoked
	}
	return token, open, err
}

func isCovered(token domain.IssuedToken, open []domain.Revocation) bool {
	return slices.ContainsFunc(open, func(r domain.Revocation) bool { return r.Covers(token) })
}

func (db *DB) setSuspended(ctx context.Context, ref domain.TokenRef, status domain.TokenStatus, query string, args ...any) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		marked, err := setTokenStatus(ctx, c, status, query, append([]any{ref.ID[:], micros(ref.ExpiresAt)}, args...)...)
		if err != nil || len(marked) > 0 {
			return err
		}
		revoked, err := one(ctx, c, scanInt, `
			SELECT CASE WHEN revoked_at IS NULL THEN 0 ELSE 1 END FROM issued_tokens WHERE jti = $1 AND expires_at = $2`,
			ref.ID[:], micros(ref.ExpiresAt))
		if err == nil && revoked != 0 {
			return domain.ErrRevoked
		}
		return err
	})
}

// setTokenStatus runs an UPDATE of issued_tokens that sets their status, and writes the changes of their status lists. It returns which ones there were.
func setTokenStatus(ctx context.Context, c conn, status domain.TokenStatus, update string, args ...any) (marked []domain.TokenID, err error) {
	if err := c.lockForTokens(ctx); err != nil {
		return nil, err
	}
	indexes := map[int64][]int32{} // by list
	err = c.each(ctx, func(row scanner) error {
		var id domain.TokenID
		var ref domain.StatusRef
		if err := row.Scan(bytes16{(*[16]byte)(&id)}, &ref.List, &ref.Index); err != nil {
			return err
		}
		marked = append(marked, id)
		if ref != (domain.StatusRef{}) {
			indexes[ref.List] = append(indexes[ref.List], ref.Index)
		}
		return nil
	}, update+` RETURNING jti, COALESCE(status_list, 0), COALESCE(status_index, 0)`, args...)
	if err != nil {
		return nil, err
	}
	return marked, appendStatusChanges(ctx, c, status, indexes)
}
