package store

import (
	"context"
	"errors"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// InsertGrant implements oauth.Grants.
func (db *DB) InsertGrant(ctx context.Context, g domain.Grant) (id int64, err error) {
	if err := db.issuing(); err != nil {
		return 0, err
	}
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		id, err = one(ctx, c, scanInt, `
			INSERT INTO grants (client_ref, user_id, session_id, auth_time, acr, amr, created_at, expires_at, act, sid, ends_with_session,
				id_token_claims, userinfo_claims, revision)
			SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, revision FROM installation WHERE id = 1 RETURNING id`,
			g.ClientID, g.UserID, nullID(g.SessionID), micros(g.AuthTime), g.ACR, jsonList(g.AMR),
			micros(g.CreatedAt), micros(g.ExpiresAt), nullBytes(g.Act), g.SID, g.EndsWithSession, listOf(&g.Claims.IDToken), listOf(&g.Claims.Userinfo))
		if err != nil {
			return err
		}
		for i, api := range g.APIs {
			_, err := c.exec(ctx, `INSERT INTO grant_apis (grant_id, position, audience, scopes) VALUES ($1, $2, $3, $4)`,
				id, i, api.Audience, jsonList(api.Scopes))
			if err != nil {
				return err
			}
		}
		return nil
	})
	return id, err
}

// FindGrant returns ErrNotFound if there is none.
func (db *DB) FindGrant(ctx context.Context, id int64) (domain.Grant, error) {
	rows, err := findAll(ctx, db, func(row scanner) (g domain.Grant, err error) {
		var api domain.GrantAPI
		err = row.Scan(&g.ID, &g.ClientID, &g.UserID, &g.SessionID, &g.SID, &g.EndsWithSession, at(&g.AuthTime), &g.ACR, listOf(&g.AMR),
			at(&g.CreatedAt), at(&g.ExpiresAt), at(&g.RevokedAt), &api.Audience, listOf(&api.Scopes), at(&api.RevokedAt),
			listOf(&g.Claims.IDToken), listOf(&g.Claims.Userinfo))
		if api.Audience != "" {
			g.APIs = []domain.GrantAPI{api}
		}
		return g, err
	}, `SELECT g.id, g.client_ref, g.user_id, COALESCE(g.session_id, 0), g.sid, g.ends_with_session, g.auth_time, g.acr, g.amr, g.created_at, g.expires_at,
			COALESCE(g.revoked_at, `+grantCoveredAt+`), COALESCE(a.audience, ''), COALESCE(a.scopes, '[]'), COALESCE(a.revoked_at, `+apiCoveredAt+`),
			g.id_token_claims, g.userinfo_claims
		FROM grants AS g LEFT JOIN grant_apis a ON a.grant_id = g.id WHERE g.id = $1 ORDER BY a.position`, id)
	if err != nil {
		return domain.Grant{}, err
	}
	if len(rows) == 0 {
		return domain.Grant{}, domain.ErrNotFound
	}
	grant := rows[0]
	for _, row := range rows[1:] {
		grant.APIs = append(grant.APIs, row.APIs...)
	}
	if grant.RevokedAt.IsZero() {
		grant.RevokedAt = endOfAPIs(grant.APIs)
	}
	return grant, nil
}

// endOfAPIs is when the last of a grant's APIs was revoked, zero if any is not.
func endOfAPIs(apis []domain.GrantAPI) (last time.Time) {
	for _, api := range apis {
		if api.RevokedAt.IsZero() {
			return time.Time{}
		}
		if api.RevokedAt.After(last) {
			last = api.RevokedAt
		}
	}
	return last
}

const (
	// openEnding are the revocations r that are not done, end grants and were stored after grant g.
	openEnding = `SELECT MIN(r.created_at) FROM revocations r
		WHERE r.done_at IS NULL AND r.issued_before IS NULL AND NOT r.keep_grants AND r.revision > g.revision AND `

	// grantCoveredAt is when one was stored that covers grant g, NULL if there is none.
	grantCoveredAt = `(` + openEnding + `(r.kind = 'user' AND r.target_id = g.user_id OR r.kind = 'client' AND r.target_id = g.client_ref
		OR r.kind = 'all' OR r.kind = 'criteria' AND r.criteria->>'api_id' IS NULL AND ` + withinCriteria + `))`

	// apiCoveredAt is when one was stored that takes API a from grant g, NULL if there is none.
	apiCoveredAt = `(` + openEnding + `r.kind IN ('api', 'criteria') AND r.audience = a.audience AND ` + withinCriteria + `)`

	// withinCriteria is true of a revocation r which has criteria of users and clients only if grant g meets them.
	withinCriteria = `COALESCE(CAST(r.criteria->>'user_id' AS BIGINT), g.user_id) = g.user_id
		AND COALESCE(CAST(r.criteria->>'client_ref' AS BIGINT), g.client_ref) = g.client_ref`
)

// HoldRevision implements oauth.Transactions.
func (db *DB) HoldRevision(ctx context.Context) (revision int64, err error) {
	before := db.seen()
	err = db.write(ctx, func(ctx context.Context, c conn) error {
		revision, err = one(ctx, c, scanInt, db.dialect.heldRevision())
		return err
	})
	if err != nil {
		return 0, err
	}
	return db.current(ctx, before, revision)
}

// HoldGrant implements oauth.Grants.
func (db *DB) HoldGrant(ctx context.Context, id int64, audience string, now time.Time) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		// In a statement of its own: the next one then sees the revocation that this one may have waited for.
		if _, err := one(ctx, c, scanInt, db.dialect.heldRevision()); err != nil {
			return err
		}
		// In a statement of its own, too: the next one then sees the end of the session that this one may have waited for.
		_, err := list(ctx, c, scanInt, `
			SELECT id FROM sessions WHERE id = (SELECT session_id FROM grants WHERE id = $1 AND ends_with_session)`+db.dialect.forUpdate(), id)
		if err != nil {
			return err
		}
		_, err = one(ctx, c, scanInt, `
			SELECT g.id FROM grants AS g
			WHERE (NOT g.ends_with_session OR EXISTS (
					SELECT 1 FROM sessions s WHERE s.id = g.session_id AND s.ended_at IS NULL AND s.expires_at > $2))
				AND g.id = $1 AND g.revoked_at IS NULL AND g.expires_at > $2 AND `+grantCoveredAt+` IS NULL AND EXISTS (
				SELECT 1 FROM grant_apis a
				WHERE a.grant_id = g.id AND a.audience = $3 AND a.revoked_at IS NULL AND `+apiCoveredAt+` IS NULL)`+db.dialect.forUpdate(),
			id, micros(now), audience)
		if errors.Is(err, domain.ErrNotFound) {
			return domain.ErrRevoked
		}
		return err
	})
}

// lockGrantOf locks the session that the grant of a code or refresh token ends with, then the grant. ErrNotFound if there is no such code
// or token.
func lockGrantOf(ctx context.Context, c conn, table, signature string) error {
	grant := `(SELECT grant_id FROM ` + table + ` WHERE signature = $1) AND ` + c.db.dialect.holdsRevision()
	_, err := one(ctx, c, scanInt, `
		WITH session AS MATERIALIZED (
			SELECT id FROM sessions WHERE id = (SELECT session_id FROM grants WHERE ends_with_session AND id = `+grant+`)`+c.db.dialect.forUpdate()+`)
		SELECT id FROM grants WHERE id = `+grant+` AND (SELECT COUNT(*) FROM session) >= 0`+c.db.dialect.forUpdate(), signature)
	return err
}

// RevokeGrant implements revocation.Grants.
func (db *DB) RevokeGrant(ctx context.Context, id int64, limit int, now time.Time) (r domain.Revocation, err error) {
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		if err := c.lockInstallation(ctx); err != nil {
			return err
		}
		r = domain.Revocation{Kind: domain.RevokeOfGrant, TargetID: id, CreatedAt: now, Ended: 1}
		if r.UserID, err = one(ctx, c, scanInt, `SELECT user_id FROM grants WHERE id = $1`, id); err != nil {
			return err
		}
		tokens, err := one(ctx, c, scanInt, `SELECT COUNT(*) FROM (SELECT 1 FROM issued_tokens WHERE user_id = $1 LIMIT $2) AS few`, r.UserID, limit)
		if err != nil {
			return err
		}
		many := tokens >= int64(limit)
		if many { // before the grant is locked
			if r, err = db.InsertRevocation(ctx, r); err != nil {
				return err
			}
		}
		if err := c.lockForGrants(ctx); err != nil {
			return err
		}
		n, err := c.exec(ctx, `UPDATE grants SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL`, id, micros(now))
		if err == nil && n == 0 {
			err = domain.ErrRevoked
		}
		if err != nil || many {
			return err
		}
		marked, err := setTokenStatus(ctx, c, domain.StatusInvalid, `
			UPDATE issued_tokens SET revoked_at = $3
			WHERE user_id = $1 AND grant_id = $2 AND revoked_at IS NULL AND expires_at > $3`, r.UserID, id, micros(now))
		r.Marked, r.DoneAt = int64(len(marked)), now
		return err
	})
	return r, err
}

// GrantsOfSessions implements revocation.Grants.
func (db *DB) GrantsOfSessions(ctx context.Context, now time.Time, sessions ...int64) (ids []int64, err error) {
	these, args := in([]any{micros(now)}, sessions...)
	return findAll(ctx, db, scanInt, `
		SELECT DISTINCT g.id FROM sessions s
			JOIN issued_tokens t ON t.user_id = s.user_id AND t.revoked_at IS NULL AND t.expires_at > $1
			JOIN grants g ON g.id = t.grant_id AND g.session_id = s.id AND g.ends_with_session AND g.revoked_at IS NULL
			JOIN clients k ON k.id = g.client_ref AND k.revoke_on_session_end
		WHERE s.id IN `+these+` ORDER BY 1`, args...)
}

// InsertCode implements oauth.Credentials.
func (db *DB) InsertCode(ctx context.Context, code domain.AuthorizationCode) error {
	_, err := db.exec(ctx, `INSERT INTO authorization_codes (signature, grant_id, form, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
		code.Signature, code.GrantID, string(code.Form), micros(code.CreatedAt), micros(code.ExpiresAt))
	return err
}

// FindCode implements oauth.Credentials.
func (db *DB) FindCode(ctx context.Context, signature string) (domain.AuthorizationCode, error) {
	return find(ctx, db, func(row scanner) (c domain.AuthorizationCode, err error) {
		err = row.Scan(&c.Signature, &c.GrantID, &c.Form, at(&c.CreatedAt), at(&c.ExpiresAt), at(&c.UsedAt))
		return c, err
	}, `SELECT signature, grant_id, form, created_at, expires_at, used_at FROM authorization_codes WHERE signature = $1`, signature)
}

// UseCode implements oauth.Credentials.
func (db *DB) UseCode(ctx context.Context, signature string, now time.Time) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		if err := lockGrantOf(ctx, c, "authorization_codes", signature); err != nil {
			return err
		}
		return consumed(c.exec(ctx, `UPDATE authorization_codes SET used_at = $2 WHERE signature = $1 AND used_at IS NULL`,
			signature, micros(now)))
	})
}

// InsertRefreshToken implements oauth.Credentials.
func (db *DB) InsertRefreshToken(ctx context.Context, token domain.RefreshToken) error {
	_, err := db.exec(ctx, `INSERT INTO refresh_tokens (signature, grant_id, created_at, expires_at) VALUES ($1, $2, $3, $4)`,
		token.Signature, token.GrantID, micros(token.CreatedAt), micros(token.ExpiresAt))
	return err
}

// FindRefreshToken returns ErrNotFound if there is none; a used one is found, and one of a grant that has ended.
func (db *DB) FindRefreshToken(ctx context.Context, signature string) (domain.RefreshToken, error) {
	return find(ctx, db, func(row scanner) (t domain.RefreshToken, err error) {
		err = row.Scan(&t.Signature, &t.GrantID, at(&t.CreatedAt), at(&t.ExpiresAt), at(&t.UsedAt))
		return t, err
	}, `SELECT signature, grant_id, created_at, expires_at, used_at FROM refresh_tokens WHERE signature = $1`, signature)
}

// UseRefreshToken implements oauth.Credentials.
func (db *DB) UseRefreshToken(ctx context.Context, signature string, now time.Time) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		if err := lockGrantOf(ctx, c, "refresh_tokens", signature); err != nil {
			return err
		}
		return consumed(c.exec(ctx, `UPDATE refresh_tokens SET used_at = $2 WHERE signature = $1 AND used_at IS NULL`,
			signature, micros(now)))
	})
}

// ProlongRefreshToken implements oauth.Credentials.
func (db *DB) ProlongRefreshToken(ctx context.Context, signature string, expires time.Time) error {
	return consumed(db.exec(ctx, `UPDATE refresh_tokens SET expires_at = $2 WHERE signature = $1 AND used_at IS NULL`, signature, micros(expires)))
}

// consumed turns a compare-and-set that changed no row into ErrConsumed.
func consumed(rows int64, err error) error {
	if err == nil && rows == 0 {
		return domain.ErrConsumed
	}
	return err
}
