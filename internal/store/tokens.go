package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// InsertIssuedTokens implements index.Store.
func (db *DB) InsertIssuedTokens(ctx context.Context, tokens []domain.IssuedToken, revisions []int64) (revision int64, err error) {
	if len(tokens) != len(revisions) {
		return 0, errors.New("insert issued tokens: as many revisions as tokens")
	}
	if err := db.issuing(); err != nil {
		return 0, err
	}
	before := db.seen()
	revision, err = db.dialect.insertIssuedTokens(ctx, db, tokens, before.numbers(revisions))
	if err != nil {
		return revision, err
	}
	return db.current(ctx, before, revision)
}

// seen is what was known before a query.
type seen struct{ revision, promotions int64 }

func (db *DB) seen() seen {
	known := db.known.Load()
	return seen{Number(known), known >> promotionBit}
}

// promotionBit is the lowest bit that counts the promotions before which something was read, in revisions that leave this package. A
// promotion may lose revisions, whose numbers then come again. The database's are less, see wideLimit; and a thousand promotions are more
// than a process sees.
const promotionBit = 53

// named is a revision of the database as others know it.
func (s seen) named(number int64) int64 { return s.promotions<<promotionBit | number }

// number is what the database calls a revision that others know; -1 if it was read before a promotion.
func (s seen) number(revision int64) int64 {
	if revision>>promotionBit != s.promotions {
		return -1
	}
	return Number(revision)
}

func (s seen) numbers(revisions []int64) []int64 {
	if s.promotions == 0 {
		return revisions
	}
	numbers := make([]int64, len(revisions))
	for i, revision := range revisions {
		numbers[i] = s.number(revision)
	}
	return numbers
}

// Number is what the database calls a revision that it said to this process.
func Number(revision int64) int64 { return revision & (1<<promotionBit - 1) }

// current names the revision that a query found, or one that is more than any after a promotion: what was decided is then decided anew,
// when everything was read anew.
func (db *DB) current(ctx context.Context, before seen, number int64) (int64, error) {
	switch {
	case db.dialect.promotions() != before.promotions:
		return math.MaxInt64, nil
	case db.InTx(ctx):
		return before.named(number), nil
	}
	return before.named(number), db.advance(before, number)
}

// FindIssuedTokens implements index.Store.
func (db *DB) FindIssuedTokens(ctx context.Context, refs []domain.TokenRef) (found map[domain.TokenID]domain.IssuedToken, revision int64, err error) {
	query, args := db.dialect.tokensByRef(refs)
	before, asked, there := db.seen(), db.now(), int64(0)
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		found = make(map[domain.TokenID]domain.IssuedToken, len(refs))
		return c.each(ctx, func(row scanner) error {
			var t domain.IssuedToken
			if err := row.Scan(append(issuedDest(&t), &revision, &there)...); err != nil || t.ID == (domain.TokenID{}) {
				return err
			}
			found[t.ID] = t
			return nil
		}, `SELECT `+issuedColumns+`, `+db.dialect.revision()+`, `+db.dialect.clock()+` FROM installation i LEFT JOIN (`+query+`) t ON TRUE WHERE i.id = 1`, args...)
	})
	if err == nil {
		revision, err = db.current(ctx, before, revision)
	}
	if err == nil {
		err = db.checkClock(asked, there)
	}
	return found, revision, err
}

// issuedColumns are the columns of issued_tokens t that issuedDest scans.
const issuedColumns = `t.jti, COALESCE(t.kind, 1), COALESCE(t.key_id, 0), COALESCE(t.client_ref, 0), COALESCE(t.user_id, 0),
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
