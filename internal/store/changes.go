package store

import (
	"context"
	"database/sql"
	"fmt"
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

// commitChanges writes what a transaction changed, and then, just before the commit, locks the revision against transactions that write
// tokens. So a token that was compared with the old revision is committed before the change; a later one waits and is compared with the
// new revision.
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

// errRevisionLate ends a transaction that must lock the revision but has locked sessions or grants: the holder of the revision may wait for
// these. DB.Tx runs it again, with the revision locked first.
var errRevisionLate = fmt.Errorf("%w: %w: sessions or grants were locked before the revision", domain.ErrUnavailable, errConflict)

// lockRevision locks the revision exclusively, if this transaction made one. Call it before locking sessions, grants or tokens.
func (c conn) lockRevision(ctx context.Context, t *transaction) error {
	switch {
	case t.revision == 0 || t.alone:
		return nil
	case t.grants:
		return errRevisionLate
	}
	return c.lockAlone(ctx, t)
}

// lockAlone locks the revision exclusively, after the installation.
func (c conn) lockAlone(ctx context.Context, t *transaction) error {
	if err := c.lockInstallation(ctx); err != nil {
		return err
	}
	if err := c.db.dialect.lockRevision(ctx, c); err != nil {
		return err
	}
	t.alone = true
	return nil
}

// Changes implements cache.Store. It reads one row if nothing changed. After a promotion everything may have changed: the last revisions
// may be lost, and their numbers used again.
func (db *DB) Changes(ctx context.Context, after int64) (changes []domain.Change, revision int64, complete bool, err error) {
	before, now := db.seen(), seen{promotions: db.dialect.promotions()}
	after = max(0, now.number(after))
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
	case now.promotions != before.promotions && !db.outlived(before.revision, revision):
		db.known.Store(now.named(revision))
	default:
		err = db.advance(before, revision)
	}
	if err != nil {
		return nil, 0, false, err
	}
	return changes, now.named(revision), complete, nil
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
