package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

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
	query, args := db.dialect.tokensByRef(refs)
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		found = make(map[domain.TokenID]domain.IssuedToken, len(refs))
		return c.each(ctx, func(row scanner) error {
			var t domain.IssuedToken
			if err := row.Scan(append(issuedDest(&t), &revision)...); err != nil || t.ID == (domain.TokenID{}) {
				return err
			}
			found[t.ID] = t
			return nil
		}, `SELECT `+issuedColumns+`, i.revision FROM installation i LEFT JOIN (`+query+`) t ON TRUE WHERE i.id = 1`, args...)
	})
	return found, revision, err
}

// issuedColumns are the columns of issued_tokens t that issuedDest scans.
const issuedColumns = `t.jti, COALESCE(t.kind, 1), COALESCE(t.key_id, 0), COALESCE(t.client_id, 0), COALESCE(t.user_id, 0),
	COALESCE(t.grant_id, 0), COALESCE(t.api_id, 0), t.expires_at, t.digest, COALESCE(t.status_list, 0),
	COALESCE(t.status_index, 0), COALESCE(t.revision, 0), t.revoked_at, t.suspended_at`

// issuedDest is where issuedColumns go.
func issuedDest(t *domain.IssuedToken) []any {
	return []any{
		bytes16{(*[16]byte)(&t.ID)}, &t.Kind, &t.KeyID, &t.ClientID, &t.UserID, &t.GrantID, &t.APIID, at(&t.ExpiresAt),
		bytes16{(*[16]byte)(&t.Digest)}, &t.Status.List, &t.Status.Index, &t.Revision, at(&t.RevokedAt), at(&t.SuspendedAt),
	}
}

// bytes16 scans 16 bytes, which PostgreSQL keeps as a UUID; NULL is zero.
type bytes16 struct{ to *[16]byte }

// Scan implements [database/sql.Scanner].
func (c bytes16) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*c.to = [16]byte{}
		return nil
	case []byte:
		if copy(c.to[:], v) == len(c.to) && len(v) == len(c.to) {
			return nil
		}
	case string: // 8-4-4-4-12 hexadecimal digits
		if b, err := hex.DecodeString(strings.ReplaceAll(v, "-", "")); err == nil && copy(c.to[:], b) == len(c.to) {
			return nil
		}
	}
	return fmt.Errorf("16 bytes are stored in another form, %T", src)
}

// ListIssuedTokens returns tokens, newest first, at most filter.Limit.
func (db *DB) ListIssuedTokens(ctx context.Context, filter domain.TokenFilter) ([]domain.TokenEntry, error) {
	limit := filter.Limit
	if limit <= 0 {
		limit = math.MaxInt32
	}
	where, order, args := db.tokenConditions(filter)
	args = append(args, limit)
	return findAll(ctx, db, func(row scanner) (e domain.TokenEntry, err error) {
		err = row.Scan(append(issuedDest(&e.IssuedToken), &e.Client, &e.Username, &e.Subject, &e.Audience, &e.KeyName)...)
		return e, err
	}, `SELECT `+issuedColumns+`,
			COALESCE(c.client_id, ''), COALESCE(u.username, ''),
			CASE WHEN t.user_id IS NULL THEN COALESCE(c.client_id, '') ELSE COALESCE(u.subject, '') END,
			COALESCE(a.audience, ''), COALESCE(k.kid, '')
		FROM (SELECT * FROM issued_tokens t WHERE `+where+` ORDER BY `+order+` LIMIT $`+strconv.Itoa(len(args))+`) t
		LEFT JOIN clients c ON c.id = t.client_id LEFT JOIN users u ON u.id = t.user_id
		LEFT JOIN apis a ON a.id = t.api_id LEFT JOIN signing_keys k ON k.id = t.key_id
		ORDER BY t.jti DESC`, args...)
}

// tokenConditions turns a filter into a condition on issued_tokens t and its arguments, and the order in which an index has
// what it chooses, newest first.
func (db *DB) tokenConditions(filter domain.TokenFilter) (where, order string, args []any) {
	conditions, indexed := []string{`TRUE`}, ``
	add := func(condition string, value any) {
		args = append(args, value)
		conditions = append(conditions, condition+` $`+strconv.Itoa(len(args)))
	}
	if filter.ID != (domain.TokenID{}) {
		add(`t.jti =`, filter.ID[:])
	}
	for _, owner := range []struct {
		column  string
		id      int64
		indexed bool
	}{
		{`api_id`, filter.APIID, true}, {`client_id`, filter.ClientID, true}, {`user_id`, filter.UserID, true}, // the fewest last
		{`grant_id`, filter.GrantID, false}, {`key_id`, filter.KeyID, false},
	} {
		if owner.id == 0 {
			continue
		}
		add(`t.`+owner.column+` =`, owner.id)
		if owner.indexed {
			indexed = owner.column
		}
	}
	if filter.Before != (domain.TokenID{}) {
		add(`t.jti <`, filter.Before[:])
		if indexed != `` {
			conditions = append(conditions, db.dialect.coarse(indexed, `t.jti`)+` <= `+db.dialect.coarse(indexed, `$`+strconv.Itoa(len(args))))
		}
	}
	if filter.Live {
		conditions = append(conditions, `t.revoked_at IS NULL`)
		add(`t.expires_at >`, micros(filter.Now))
	}
	if order = `t.jti DESC`; indexed != `` {
		order = db.dialect.coarse(indexed, `t.jti`) + ` DESC, ` + order
	}
	return strings.Join(conditions, ` AND `), order, args
}
