package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// A database that was restored from a backup has forgotten what it gave out since: positions of status lists, ids, numbers of events and
// revisions. It must not give them out again, so nothing is issued on it until AcceptRestored has moved past them. Backups that are made
// by Backup are marked. Others are found out by the incarnation: what the database remembers of the copy of itself that servers served
// last, compared with what this copy is.

// Recognize compares the database with the one that servers served last, and remembers it where they are the same. domain.ErrRestored if it
// is another copy, or was found to be one before and nobody has accepted it: then nothing is issued through this DB.
// Servers call it when they start, and again and again while they run.
func (db *DB) Recognize(ctx context.Context, now time.Time) error {
	stored, restored, err := db.incarnation(ctx)
	if err != nil {
		return fmt.Errorf("recognize the database: %w", err)
	}
	here, err := db.dialect.incarnation(ctx, db)
	if err == nil && !restored && stored != "" && db.dialect.nextIncarnation(stored, here, now) == stored {
		db.restored.Store(false)
		if p, ok := db.dialect.(*postgres); ok { // another replica, or a process before, has claimed it
			return p.keepIncarnation(stored, now)
		}
		return nil
	}
	if err == nil {
		restored, err = db.claimIncarnation(ctx, now)
	}
	switch {
	case errors.Is(err, domain.ErrRestored):
		restored = true
	case err != nil:
		return fmt.Errorf("recognize the database: %w", err)
	}
	if db.restored.Store(restored); restored {
		return errors.Join(err, domain.ErrRestored)
	}
	return nil
}

// incarnation is what the database remembers, and whether it is known to be restored.
func (db *DB) incarnation(ctx context.Context) (stored string, restored bool, err error) {
	_, err = find(ctx, db, func(row scanner) (struct{}, error) { return struct{}{}, row.Scan(&stored, &restored) },
		`SELECT incarnation, restored_at IS NOT NULL FROM installation WHERE id = 1`)
	return stored, restored, err
}

func (db *DB) claimIncarnation(ctx context.Context, now time.Time) (restored bool, err error) {
	var next string
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		if err := c.lockInstallation(ctx); err != nil {
			return err
		}
		var stored string
		if stored, restored, err = db.incarnation(ctx); err != nil || restored {
			return err
		}
		here, err := db.dialect.incarnation(ctx, db) // again, as another process may have changed both
		if err != nil {
			return err
		}
		next = db.dialect.nextIncarnation(stored, here, now)
		if restored = next == ""; restored {
			_, err = c.exec(ctx, `UPDATE installation SET restored_at = $1 WHERE id = 1`, micros(now))
		} else if next != stored {
			_, err = c.exec(ctx, `UPDATE installation SET incarnation = $1 WHERE id = 1`, next)
		}
		return err
	})
	if err == nil && !restored {
		err = db.dialect.keepIncarnation(next, now)
	}
	return restored, err
}

// issuing returns domain.ErrRestored if nothing may be issued.
func (db *DB) issuing() error {
	if db.restored.Load() {
		return domain.ErrRestored
	}
	return nil
}

// How far numbers are moved. Nothing is counted that fast: there are 4,294,967,296 changes, events or ids of the wide kind, or 1,048,576 of
// the narrow kind, between a backup and its loss. Of narrow ids there are two thousand times as many.
const (
	wideGap   = 1 << 32
	narrowGap = 1 << 20
)

// Accepted is what AcceptRestored did.
type Accepted struct {
	RestoredAt time.Time // when the database was found to be restored; zero: it was not
	LastEvent  int64     // the seq of the last event of the audit log that was kept: the next one follows after a gap
	Lists      int       // status lists that get no token any more
}

// ErrServed says that servers run on a database.
var ErrServed = errors.New("servers run on this database, and it is not known to be restored: stop them first")

// servedWithin is how long ago a running server has shown itself.
const servedWithin = time.Minute

// versioned are the tables whose rows have a version, by which others say what they have seen.
var versioned = []string{"apis", "attributes", "clients", "groups", "policies", "receivers", "resources", "roles", "users"}

// AcceptRestored moves everything that is counted past what may have been given out since the backup, in the transaction that ctx carries,
// and lets servers issue again: the revision, the numbers of events and of changes of statuses, ids, versions of objects. Status lists that
// have not expired get no token any more, and all of their entries are invalid but those of tokens that the index knows. What serves once
// and may have served since the backup ends. ErrServed if the database is not known to be restored and servers show themselves on it.
func (db *DB) AcceptRestored(ctx context.Context, now time.Time) (a Accepted, err error) {
	if !db.InTx(ctx) {
		return a, errors.New("accept a restored database: not without a transaction")
	}
	err = db.change(ctx, func(ctx context.Context, c *change) error {
		if err := c.lockForTokens(ctx); err != nil { // nobody writes tokens meanwhile
			return err
		}
		var served int64
		_, err := one(ctx, c.conn, func(row scanner) (struct{}, error) {
			return struct{}{}, row.Scan(at(&a.RestoredAt), &a.LastEvent, &served)
		}, `SELECT restored_at, audit_seq, (SELECT COUNT(*) FROM replicas WHERE seen_at > $1) FROM installation WHERE id = 1`,
			micros(now.Add(-servedWithin)))
		if err != nil {
			return err
		}
		if a.RestoredAt.IsZero() && served > 0 {
			return ErrServed
		}
		c.transaction.revision, err = one(ctx, c.conn, scanInt, `UPDATE installation
			SET revision = revision + $1, status_seq = status_seq + $1, audit_seq = audit_seq + $1, restored_at = NULL, incarnation = ''
			WHERE id = 1 RETURNING revision`, int64(wideGap))
		if err != nil {
			return err
		}
		c.note(everything, "")
		for _, table := range versioned {
			if _, err := c.exec(ctx, `UPDATE `+table+` SET version = version + $1`, int64(narrowGap)); err != nil {
				return err
			}
		}
		if _, err := c.exec(ctx, `UPDATE policies SET newest = newest + $1`, int64(narrowGap)); err != nil {
			return err
		}
		if err := db.dialect.advanceIDs(ctx, c.conn); err != nil {
			return err
		}
		if err := c.endUnused(ctx, now); err != nil {
			return err
		}
		a.Lists, err = c.closeStatusLists(ctx, now)
		return err
	})
	return a, err
}

// endUnused ends codes, links and invitations that look unused. Refresh tokens are not among them: nobody would stay signed in.
func (c conn) endUnused(ctx context.Context, now time.Time) error {
	for _, statement := range []string{
		`DELETE FROM authorization_codes WHERE used_at IS NULL`,
		`DELETE FROM device_requests WHERE used_at IS NULL`,
		`DELETE FROM password_links`,
		`DELETE FROM setup_links`,
	} {
		if _, err := c.exec(ctx, statement); err != nil {
			return err
		}
	}
	_, err := c.exec(ctx, `UPDATE invitations SET expires_at = $1 WHERE expires_at > $1`, micros(now))
	return err
}

// closeStatusLists gives the positions of all lists that have not expired to nobody, and makes entries of tokens invalid that the index
// does not know.
func (c conn) closeStatusLists(ctx context.Context, now time.Time) (closed int, err error) {
	lists, err := c.statusLists(ctx, now)
	if err != nil {
		return 0, err
	}
	for expires, sizes := range lists {
		known := map[int64][]bool{}
		for id, size := range sizes {
			known[id] = make([]bool, size)
		}
		err := c.each(ctx, func(row scanner) error {
			var id int64
			var index int32
			err := row.Scan(&id, &index)
			if entries := known[id]; int(index) < len(entries) {
				entries[index] = true
			}
			return err
		}, `SELECT status_list, status_index FROM issued_tokens WHERE expires_at > $1 AND expires_at <= $2 AND status_list IS NOT NULL`,
			max(expires-time.Hour.Microseconds(), micros(now)), expires)
		if err != nil {
			return closed, err
		}
		for id, entries := range known {
			var lost []int32
			for i, found := range entries {
				if !found {
					lost = append(lost, int32(i))
				}
			}
			if err := appendStatusChanges(ctx, c, domain.StatusInvalid, map[int64][]int32{id: lost}); err != nil {
				return closed, err
			}
			closed++
		}
	}
	_, err = c.exec(ctx, `UPDATE status_lists SET leased = size WHERE expires_at > $1`, micros(now))
	return closed, err
}

// statusLists are the sizes of those that have not expired, by expiry and id.
func (c conn) statusLists(ctx context.Context, now time.Time) (map[int64]map[int64]int32, error) {
	lists := map[int64]map[int64]int32{}
	err := c.each(ctx, func(row scanner) error {
		var id, expires int64
		var size int32
		if err := row.Scan(&id, &size, &expires); err != nil {
			return err
		}
		if lists[expires] == nil {
			lists[expires] = map[int64]int32{}
		}
		lists[expires][id] = size
		return nil
	}, `SELECT id, size, expires_at FROM status_lists WHERE expires_at > $1`, micros(now))
	return lists, err
}

// gapOf is how far the ids of a table are moved.
func gapOf(table string) int64 {
	for _, narrow := range narrowIDs {
		if strings.EqualFold(narrow, table) {
			return narrowGap
		}
	}
	return wideGap
}
