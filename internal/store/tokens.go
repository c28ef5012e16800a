package store

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// InsertIssuedTokens writes, in one statement, those tokens whose revision (same position) is not older than the
// database's, and returns that: a token whose revision is smaller was not written. Until the transaction ends no change
// can be committed, so that whatever a change revokes, it sees.
func (db *DB) InsertIssuedTokens(ctx context.Context, tokens []domain.IssuedToken, revisions []int64) (revision int64, err error) {
	if len(tokens) != len(revisions) {
		return 0, errors.New("insert issued tokens: as many revisions as tokens")
	}
	return db.dialect.insertIssuedTokens(ctx, db, tokens, revisions)
}

// FindIssuedTokens finds tokens in one statement; those that are not there are missing from the answer.
// It also returns the database's revision.
func (db *DB) FindIssuedTokens(ctx context.Context, refs []domain.TokenRef) (found map[domain.TokenID]domain.IssuedToken, revision int64, err error) {
	table, args := db.dialect.tokenRefs(refs)
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		found = make(map[domain.TokenID]domain.IssuedToken, len(refs))
		return c.each(ctx, func(row scanner) error {
			var t domain.IssuedToken
			if err := row.Scan(append(issuedDest(&t), &revision)...); err != nil || t.Kind == 0 {
				return err
			}
			found[t.ID] = t
			return nil
		}, `SELECT t.jti, COALESCE(t.kind, 0), COALESCE(t.key_id, 0), COALESCE(t.client_id, 0), COALESCE(t.user_id, 0), COALESCE(t.grant_id, 0),
				COALESCE(t.api_id, 0), t.issued_at, t.expires_at, t.revoked_at, i.revision
			FROM installation i LEFT JOIN (`+table+` JOIN issued_tokens t ON t.jti = r.jti AND t.expires_at = r.expires_at) ON TRUE
			WHERE i.id = 1`, args...)
	})
	return found, revision, err
}

// idColumn scans a jti; NULL is zero.
type idColumn struct{ to *domain.TokenID }

// Scan implements [database/sql.Scanner].
func (c idColumn) Scan(src any) error {
	b, ok := src.([]byte)
	if src != nil && (!ok || len(b) != len(c.to)) {
		return errors.New("a jti is stored in another form")
	}
	copy(c.to[:], b)
	return nil
}

// issuedDest is where the columns jti, kind, key_id, client_id, user_id, grant_id, api_id, issued_at, expires_at, revoked_at go.
func issuedDest(t *domain.IssuedToken) []any {
	return []any{idColumn{&t.ID}, &t.Kind, &t.KeyID, &t.ClientID, &t.UserID, &t.GrantID, &t.APIID,
		at(&t.IssuedAt), at(&t.ExpiresAt), at(&t.RevokedAt)}
}

// ListIssuedTokens returns tokens, newest first, at most filter.Limit.
func (db *DB) ListIssuedTokens(ctx context.Context, filter domain.TokenFilter) ([]domain.TokenEntry, error) {
	where, args := tokenConditions(filter)
	limit := filter.Limit
	if limit <= 0 {
		limit = math.MaxInt32
	}
	args = append(args, limit)
	return findAll(ctx, db, func(row scanner) (e domain.TokenEntry, err error) {
		err = row.Scan(append(issuedDest(&e.IssuedToken), &e.Client, &e.Username, &e.Subject, &e.Audience, &e.KeyName)...)
		return e, err
	}, `SELECT t.jti, t.kind, t.key_id, t.client_id, COALESCE(t.user_id, 0), COALESCE(t.grant_id, 0), COALESCE(t.api_id, 0),
			t.issued_at, t.expires_at, t.revoked_at,
			COALESCE(c.client_id, ''), COALESCE(u.username, ''),
			CASE WHEN t.user_id IS NULL THEN COALESCE(c.client_id, '') ELSE COALESCE(u.subject, '') END,
			COALESCE(a.audience, ''), COALESCE(k.kid, '')
		FROM issued_tokens t
		LEFT JOIN clients c ON c.id = t.client_id LEFT JOIN users u ON u.id = t.user_id
		LEFT JOIN apis a ON a.id = t.api_id LEFT JOIN signing_keys k ON k.id = t.key_id
		WHERE `+where+` ORDER BY t.jti DESC LIMIT $`+strconv.Itoa(len(args)), args...)
}

// tokenConditions turns a filter into a condition on issued_tokens t and its arguments.
func tokenConditions(filter domain.TokenFilter) (where string, args []any) {
	conditions := []string{`TRUE`}
	add := func(condition string, value any) {
		args = append(args, value)
		conditions = append(conditions, condition+` $`+strconv.Itoa(len(args)))
	}
	if filter.ID != (domain.TokenID{}) {
		add(`t.jti =`, filter.ID[:])
	}
	for _, owner := range []struct {
		column string
		id     int64
	}{{`t.client_id`, filter.ClientID}, {`t.user_id`, filter.UserID}, {`t.grant_id`, filter.GrantID}, {`t.api_id`, filter.APIID}, {`t.key_id`, filter.KeyID}} {
		if owner.id != 0 {
			add(owner.column+` =`, owner.id)
		}
	}
	if filter.Before != (domain.TokenID{}) {
		add(`t.jti <`, filter.Before[:])
	}
	if filter.Live {
		conditions = append(conditions, `t.revoked_at IS NULL`)
		add(`t.expires_at >`, micros(filter.Now))
	}
	return strings.Join(conditions, ` AND `), args
}

// RevokeToken marks one token. ErrNotFound if it is not in the index; done before is no error.
func (db *DB) RevokeToken(ctx context.Context, ref domain.TokenRef, now time.Time) error {
	n, err := db.revoke(ctx, `UPDATE issued_tokens SET revoked_at = COALESCE(revoked_at, $3) WHERE jti = $1 AND expires_at = $2`,
		ref.ID[:], micros(ref.ExpiresAt), micros(now))
	if err == nil && n == 0 {
		return domain.ErrNotFound
	}
	return err
}

// RevokeTokens marks every live token that the filter chooses, and says how many. Of the filter its Limit does not count.
func (db *DB) RevokeTokens(ctx context.Context, filter domain.TokenFilter, now time.Time) (int64, error) {
	filter.Live, filter.Now = true, now
	where, args := tokenConditions(filter)
	args = append(args, micros(now))
	return db.revoke(ctx, `UPDATE issued_tokens AS t SET revoked_at = $`+strconv.Itoa(len(args))+` WHERE `+where, args...)
}

func (db *DB) revoke(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = db.write(ctx, func(ctx context.Context, c conn) error {
		if err := c.lockInstallation(ctx); err != nil {
			return err
		}
		n, err = c.exec(ctx, query, args...)
		return err
	})
	return n, err
}

// RevokeTokensOfKey marks every live token that the key signed, and says how many.
func (db *DB) RevokeTokensOfKey(ctx context.Context, keyID int64, now time.Time) (int64, error) {
	return db.RevokeTokens(ctx, domain.TokenFilter{KeyID: keyID}, now)
}
