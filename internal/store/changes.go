package store

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/signet-auth/signet/internal/domain"
)

// maxChanges is how many changes are worth naming; past that, all may have changed.
const maxChanges = 5000

// change is a transaction, or part of one, that makes a new revision.
type change struct {
	conn
	revision int64
}

// change runs fn in the transaction that ctx carries or in one of its own, under a new revision. Changes come one after the
// other, so revisions are committed in order.
func (db *DB) change(ctx context.Context, fn func(ctx context.Context, c *change) error) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		s, _ := scopeOf(ctx)
		if s.transaction.revision == 0 {
			revision, err := one(ctx, c, scanInt, `UPDATE installation SET revision = revision + 1 WHERE id = 1 RETURNING revision`)
			if err != nil {
				return err
			}
			if err := db.dialect.lockRevision(ctx, c); err != nil {
				return err
			}
			s.locked, s.transaction.revision = true, revision
		}
		return fn(ctx, &change{c, s.transaction.revision})
	})
}

// note says what changed.
func (c *change) note(ctx context.Context, kind domain.ChangeKind, keys ...string) error {
	for _, key := range keys {
		_, err := c.exec(ctx, `INSERT INTO changes (revision, kind, key, changed_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			c.revision, string(kind), key, micros(c.db.now()))
		if err != nil {
			return err
		}
	}
	return nil
}

// noteID is note for objects that are known by their database id.
func (c *change) noteID(ctx context.Context, kind domain.ChangeKind, ids ...int64) error {
	for _, id := range ids {
		if err := c.note(ctx, kind, strconv.FormatInt(id, 10)); err != nil {
			return err
		}
	}
	return nil
}

// Changes returns what changed after the given revision, and the newest revision. complete is false if
// so much changed that rows are missing: then everything may have changed.
func (db *DB) Changes(ctx context.Context, after int64) (changes []domain.Change, revision int64, complete bool, err error) {
	var oldest int64
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		return c.each(ctx, func(row scanner) error {
			var at sql.NullInt64
			var kind, key sql.NullString
			if err := row.Scan(&revision, &oldest, &at, &kind, &key); err != nil || !at.Valid {
				return err
			}
			changes = append(changes, domain.Change{Revision: at.Int64, Kind: domain.ChangeKind(kind.String), Key: key.String})
			return nil
		}, `SELECT i.revision, COALESCE((SELECT MIN(revision) FROM changes), i.revision + 1), c.revision, c.kind, c.key
			FROM installation i LEFT JOIN changes c ON c.revision > $1 AND $1 > 0
			WHERE i.id = 1 ORDER BY c.revision, c.kind, c.key LIMIT $2`, after, maxChanges+1)
	})
	if err != nil {
		return nil, 0, false, err
	}
	if after <= 0 || after > revision || oldest > after+1 || len(changes) > maxChanges {
		return nil, revision, false, nil
	}
	return changes, revision, true, nil
}
