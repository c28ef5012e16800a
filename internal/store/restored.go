package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// A restored database lacks the status indices, ids, event numbers and revisions that were assigned after the backup. They must not be
// assigned twice, so nothing is issued until AcceptRestored has moved past them. Copies by Backup are marked as restored; others are
// detected by the incarnation, which identifies the copy that servers served last.

// Recognize checks that the database is the copy that servers served last. domain.ErrRestored if it is another one that nobody has
// accepted: then nothing is issued through this DB. Servers call it when they start and regularly while they run.
func (db *DB) Recognize(ctx context.Context, now time.Time) error {
	stored, restored, err := db.incarnation(ctx)
	if err != nil {
		return fmt.Errorf("recognize the database: %w", err)
	}
	here, err := db.dialect.incarnation(ctx, db)
	if err == nil && !restored && stored != "" && db.dialect.nextIncarnation(stored, here, now) == stored {
		db.restored.Store(false)
		if p, ok := db.dialect.(*postgres); ok { // another replica, or a process before, has claimed it
			if err := p.keepIncarnation(stored, now); err != nil {
				return err
			}
		}
		return db.noteRecognized(ctx)
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
	if db.restored.Store(restored); err != nil {
		return err
	}
	if restored {
		return domain.ErrRestored
	}
	return db.noteRecognized(ctx)
}

// ErrOutlived says that a database was restored and accepted under a process that served it before.
var ErrOutlived = fmt.Errorf("%w: it was restored from a backup while this process served it, and what the process remembers is of before: start it again",
	domain.ErrUnavailable)

// noteRecognized reads the revision once, before this process caches anything.
func (db *DB) noteRecognized(ctx context.Context) error {
	if db.recognized.Load() {
		return nil
	}
	before := db.seen()
	revision, err := find(ctx, db, scanInt, `SELECT revision FROM installation WHERE id = 1`)
	if err == nil {
		err = db.advance(before, revision)
	}
	if err != nil {
		return fmt.Errorf("recognize the database: %w", err)
	}
	db.recognized.Store(true)
	return nil
}

// outlived reports whether AcceptRestored has moved the revision past a floor since this process recognized the database. Tokens decided
// before have an older revision, so none gets into the index.
func (db *DB) outlived(floor, revision int64) bool {
	return db.recognized.Load() && floor > 0 && revision-floor > wideGap/2
}

// incarnation is what the database stores, and whether it is known to be restored.
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

// How far numbers are moved at least: more than are assigned between a backup and its loss.
const (
	wideGap   = 1 << 32
	narrowGap = 1 << 20
)

// How far they are moved at most. The distance is random, so that restoring the same backup twice does not assign the same numbers.
// There are narrow ids for sixty restores, and revisions for more.
const (
	wideLimit   = 1 << 44
	narrowLimit = 1 << 25
)

func wideLeap() int64   { return wideGap + rand.Int64N(wideLimit-wideGap) }
func narrowLeap() int64 { return narrowGap + rand.Int64N(narrowLimit-narrowGap) }

// Accepted is what AcceptRestored did.
type Accepted struct {
	RestoredAt time.Time // when the database was found to be restored; zero: it was not
	LastEvent  int64     // the seq of the last event of the audit log that was kept: the next one follows after a gap
	Lists      int       // status lists that get no more tokens
}

// ErrServed says that servers run on a database.
var ErrServed = errors.New("servers run on this database, and it is not known to be restored: stop them first")

// servedWithin is how long ago a running server has shown itself.
const servedWithin = time.Minute

// versioned are the tables whose rows have a version, by which others say what they have seen.
var versioned = []string{"apis", "attributes", "clients", "groups", "policies", "receivers", "resources", "roles", "users"}

// AcceptRestored moves revision, ids, versions, and numbers of events and status changes past what may have been assigned after the
// backup, in the transaction of ctx, so that servers issue again. Status lists get no more tokens; entries without an indexed token become
// invalid. Unused one-time codes and links end: they may have been used after the backup. ErrServed if servers run on it.
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
			WHERE id = 1 RETURNING revision`, wideLeap())
		if err != nil {
			return err
		}
		c.note(everything, "")
		versions := narrowLeap()
		for _, table := range versioned {
			if _, err := c.exec(ctx, `UPDATE `+table+` SET version = version + $1`, versions); err != nil {
				return err
			}
		}
		if _, err := c.exec(ctx, `UPDATE policies SET newest = newest + $1`, versions); err != nil {
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

// closeStatusLists assigns no more indices of the lists that have not expired, and makes entries invalid whose token is not in the index.
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

// leapOf is how far the ids of a table are moved.
func leapOf(table string) int64 {
	for _, narrow := range narrowIDs {
		if strings.EqualFold(narrow, table) {
			return narrowLeap()
		}
	}
	return wideLeap()
}
