package store

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/signet-auth/signet/internal/domain"
)

// maxChanges is how many changes are worth naming; past that, all may have changed.
const maxChanges = 5000

// everything is the kind of a change row that stands for more changes than are worth naming.
const everything = "everything"

// change is a transaction, or part of one, that makes a new revision.
type change struct {
	conn
	*transaction
}

// change runs fn in the transaction that ctx carries or in one of its own, under a new revision. Changes come one after the
// other, so revisions are committed in order. Tokens are issued meanwhile: see commitChanges.
func (db *DB) change(ctx context.Context, fn func(ctx context.Context, c *change) error) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		s, _ := scopeOf(ctx)
		if s.revision == 0 {
			revision, err := one(ctx, c, scanInt, `UPDATE installation SET revision = revision + 1 WHERE id = 1 RETURNING revision`)
			if err != nil {
				return err
			}
			s.locked, s.revision, s.changed = true, revision, map[domain.Change]bool{}
		}
		return fn(ctx, &change{c, s.transaction})
	})
}

// holdChanges keeps others from making changes until the transaction ends that ctx carries.
func (db *DB) holdChanges(ctx context.Context) error {
	return db.read(ctx, func(ctx context.Context, c conn) error { return c.lockInstallation(ctx) })
}

// note says what changed.
func (c *change) note(kind domain.ChangeKind, keys ...string) {
	for _, key := range keys {
		c.changed[domain.Change{Revision: c.revision, Kind: kind, Key: key}] = true
	}
}

// noteID is note for objects that are known by their database id.
func (c *change) noteID(kind domain.ChangeKind, ids ...int64) {
	for _, id := range ids {
		c.note(kind, strconv.FormatInt(id, 10))
	}
}

// commitChanges writes what a transaction changed, and only then, just before the commit, waits for those that write tokens and
// keeps others from it. A token that was compared with the revision before is committed before the change. One that comes later
// waits for the commit, and is compared with the new revision.
func (db *DB) commitChanges(ctx context.Context, t *transaction) error {
	if t.revision == 0 {
		return nil
	}
	rows := make([][]any, 0, len(t.changed))
	for c := range t.changed {
		rows = append(rows, []any{string(c.Kind), c.Key})
	}
	if len(rows) > maxChanges {
		rows = [][]any{{everything, ""}}
	}
	c := db.inTx(t.tx)
	_, err := c.exec(ctx, `INSERT INTO changes (revision, kind, key, changed_at)
		SELECT CAST($1 AS BIGINT), r.kind, r.key, CAST($2 AS BIGINT) FROM `+db.dialect.rows(`$3`, `kind`, `key`)+` r`,
		t.revision, micros(db.now()), jsonRows(rows))
	if err != nil {
		return err
	}
	return c.lockRevision(ctx, t)
}

// lockRevision is the last lock of a change, but comes before those of grants and tokens: who writes tokens holds the revision, and
// may wait for them.
func (c conn) lockRevision(ctx context.Context, t *transaction) error {
	if t.revision == 0 || t.alone {
		return nil
	}
	if err := c.db.dialect.lockRevision(ctx, c); err != nil {
		return err
	}
	t.alone = true
	return nil
}

// Changes implements cache.Store. Mostly nothing changed, which a look at one row shows. After a promotion everything may have changed: the
// last revisions may be lost, and others have taken their numbers.
func (db *DB) Changes(ctx context.Context, after int64) (changes []domain.Change, revision int64, complete bool, err error) {
	floor, promoted := db.revision.Load(), db.dialect.promoted()
	anew := promoted != db.promoted.Load()
	if anew {
		after = 0
	}
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		revision, err = one(ctx, c, scanInt, `SELECT `+db.dialect.revision()+` FROM installation i WHERE id = 1`)
		if err != nil || revision == after && after > 0 {
			complete = true
			return err
		}
		changes, revision, complete, err = c.changes(ctx, after)
		return err
	})
	switch {
	case err != nil || db.InTx(ctx):
	case anew:
		db.revision.Store(revision)
		db.promoted.Store(promoted)
	default:
		err = db.advance(floor, revision)
	}
	if err != nil {
		return nil, 0, false, err
	}
	return changes, revision, complete, nil
}

// changes reads the changes together with the newest revision.
func (c conn) changes(ctx context.Context, after int64) (changes []domain.Change, revision int64, complete bool, err error) {
	var oldest int64
	named := true
	err = c.each(ctx, func(row scanner) error {
		var at sql.NullInt64
		var kind, key sql.NullString
		if err := row.Scan(&revision, &oldest, &at, &kind, &key); err != nil || !at.Valid {
			return err
		}
		named = named && kind.String != everything
		changes = append(changes, domain.Change{Revision: at.Int64, Kind: domain.ChangeKind(kind.String), Key: key.String})
		return nil
	}, `SELECT i.revision, COALESCE((SELECT MIN(revision) FROM changes), i.revision + 1), c.revision, c.kind, c.key
		FROM installation i LEFT JOIN changes c ON c.revision > $1 AND $1 > 0
		WHERE i.id = 1 ORDER BY c.revision, c.kind, c.key LIMIT $2`, after, maxChanges+1)
	if err != nil {
		return nil, 0, false, err
	}
	if after <= 0 || after > revision || oldest > after+1 || len(changes) > maxChanges || !named {
		return nil, revision, false, nil
	}
	return changes, revision, true, nil
}
