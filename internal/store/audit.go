package store

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// AppendEvents implements event.Store.
func (db *DB) AppendEvents(ctx context.Context, hash func(domain.Event) []byte, events ...domain.Event) error {
	if len(events) == 0 {
		return nil
	}
	events = slices.Clone(events)
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		if s, ok := scopeOf(ctx); ok && s.large {
			if !slices.ContainsFunc(events, signals) {
				s.events, s.hashing = append(s.events, events...), hash
				return c.lockInstallation(ctx)
			}
			if err := db.flushEvents(ctx, s.transaction); err != nil {
				return err
			}
		}
		return db.appendEvents(ctx, c, hash, events)
	})
}

// signals says whether services hear of an event: of whom it concerns, as that is when it happens.
func signals(e domain.Event) bool { return len(e.Signals) > 0 }

// flushEvents stores the events of a large transaction that are not stored yet, in few statements.
func (db *DB) flushEvents(ctx context.Context, t *transaction) error {
	const atOnce = 1024
	for events := range slices.Chunk(t.events, atOnce) {
		if err := db.appendEvents(ctx, db.inTx(t.tx), t.hashing, events); err != nil {
			return err
		}
	}
	t.events = nil
	return nil
}

func (db *DB) appendEvents(ctx context.Context, c conn, hash func(domain.Event) []byte, events []domain.Event) error {
	if err := db.dialect.requireEventPartitions(ctx, db, events); err != nil {
		return err
	}
	var last domain.Event
	err := c.each(ctx, func(row scanner) error { return row.Scan(&last.Seq, &last.Hash) },
		`SELECT audit_seq, audit_hash FROM installation WHERE id = 1`+db.dialect.forUpdate())
	if err != nil {
		return err
	}
	for i := range events {
		e := &events[i]
		e.Seq, e.PrevHash = last.Seq+1, bytes(last.Hash)
		e.Hash = hash(*e)
		last = *e
	}
	if err := insertEvents(ctx, c, events); err != nil {
		return err
	}
	if err := appendSignals(ctx, c, events); err != nil {
		return err
	}
	_, err = c.exec(ctx, `UPDATE installation SET audit_seq = $1, audit_hash = $2 WHERE id = 1`, last.Seq, last.Hash)
	return err
}

// HoldLog implements event.Store.
func (db *DB) HoldLog(ctx context.Context) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error { return c.lockInstallation(ctx) })
}

// insertEvents writes so many in a statement as are a power of two, so that there are few different statements to be planned.
func insertEvents(ctx context.Context, c conn, events []domain.Event) error {
	for len(events) > 0 {
		n := 1 << (bits.Len(uint(len(events))) - 1)
		var rows []string
		var args []any
		for _, e := range events[:n] {
			var row string
			row, args = in[any](args, e.Seq, micros(e.At), e.Actor, e.Action, e.Target, e.Details, e.Salt, e.Digest, e.PrevHash, e.Hash, e.RequestID)
			rows = append(rows, row)
		}
		_, err := c.exec(ctx, `
			INSERT INTO audit_events (seq, at, actor, action, target, details, salt, digest, prev_hash, hash, request_id) VALUES `+strings.Join(rows, `, `), args...)
		if err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

const eventColumns = `seq, at, actor, action, target, details, salt, digest, COALESCE(erased_by, 0), prev_hash, hash, request_id`

func scanEvent(row scanner) (e domain.Event, err error) {
	err = row.Scan(&e.Seq, at(&e.At), &e.Actor, &e.Action, &e.Target, &e.Details, &e.Salt, &e.Digest, &e.ErasedBy, &e.PrevHash, &e.Hash, &e.RequestID)
	e.PrevHash = bytes(e.PrevHash)
	return e, err
}

// ListEvents implements audit.Store.
func (db *DB) ListEvents(ctx context.Context, after int64, limit int) ([]domain.Event, error) {
	return db.ExportEvents(ctx, domain.EventFilter{}, after, limit)
}

// FindEvents implements audit.Store. Each condition of the filter begins an index that goes on in the order of time.
func (db *DB) FindEvents(ctx context.Context, filter domain.EventFilter, p domain.Page) ([]domain.Event, error) {
	q := pageQuery{
		columns: eventColumns, from: `audit_events`, key: `at, seq`, descending: true, place: placeNumbers,
		names: []string{db.nameIn(`target`), db.nameIn(`actor`)}, id: `-seq`, filtered: filter != domain.EventFilter{},
	}
	q.where, q.args = eventsOf(filter)
	events, err := listPage(ctx, db, scanEvent, q, p)
	if errors.Is(err, errSearchBroad) && !q.filtered {
		err = errEventsBroad
	}
	return events, err
}

// errEventsBroad says that the events are too many that are found by more than one name.
var errEventsBroad = domain.Invalid("search", domain.RuleTooMany,
	"search: very many events are found; write more of the name, or choose an actor, an action, a target or a time")

// nameIn is the name in a column that has it after its kind and a colon.
func (db *DB) nameIn(column string) string {
	return `substr(` + column + `, ` + db.dialect.position() + `(` + column + `, ':') + 1)`
}

// ExportEvents implements audit.Store.
func (db *DB) ExportEvents(ctx context.Context, filter domain.EventFilter, after int64, limit int) ([]domain.Event, error) {
	where, args := eventsOf(filter)
	args = append(args, after, limit)
	n := len(args)
	return findAll(ctx, db, scanEvent, `SELECT `+eventColumns+` FROM audit_events WHERE `+strings.Join(where, ` AND `)+
		fmt.Sprintf(` AND seq > $%d ORDER BY seq LIMIT $%d`, n-1, n), args...)
}

// eventsOf are the conditions of a filter, at least one.
func eventsOf(filter domain.EventFilter) (where []string, args []any) {
	where = []string{`TRUE`}
	add := func(condition string, value any) {
		args = append(args, value)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	for _, c := range []struct{ column, value string }{{`actor`, filter.Actor}, {`action`, filter.Action}, {`target`, filter.Target}} {
		if c.value != "" {
			add(c.column+` = $%d`, c.value)
		}
	}
	if !filter.Since.IsZero() {
		add(`at >= $%d`, micros(filter.Since))
	}
	if !filter.Before.IsZero() {
		add(`at < $%d`, micros(filter.Before))
	}
	return where, args
}

// EndOfLog implements audit.Store.
func (db *DB) EndOfLog(ctx context.Context) (domain.Checkpoint, error) {
	return find(ctx, db, func(row scanner) (p domain.Checkpoint, err error) {
		err = row.Scan(&p.Seq, &p.Hash)
		return p, err
	}, `SELECT audit_seq, audit_hash FROM installation WHERE id = 1`)
}

// namingActions are those whose details name a user. Those of others have members that a caller may call as they like, such as claims and
// attributes.
const namingActions = `'group.add_member', 'group.remove_member', 'role.assign', 'role.unassign', 'role.expire', 'consent.withdraw',
	'token.revoke_by_criteria', 'file.apply', 'receiver.add_subject', 'receiver.remove_subject'`

// EraseEvents implements audit.Store.
func (db *DB) EraseEvents(
	ctx context.Context, after int64, limit int, by int64, names, members []string,
) (erased []int64, through int64, err error) {
	var named []string
	args := []any{after, int64(0), by}
	add := func(condition string, arg string) {
		args = append(args, arg)
		named = append(named, fmt.Sprintf(condition, len(args)))
	}
	for _, name := range names {
		add(`actor = $%[1]d OR target = $%[1]d`, name)
	}
	for _, member := range members {
		add(`action IN (`+namingActions+`) AND `+db.dialect.position()+`(CAST(details AS TEXT), $%d) > 0`, member)
	}
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		through, err = one(ctx, c, scanInt, `SELECT COALESCE(
			(SELECT MAX(seq) FROM (SELECT seq FROM audit_events WHERE seq > $1 ORDER BY seq LIMIT $2) e),
			(SELECT audit_seq FROM installation WHERE id = 1))`, after, limit)
		if err != nil {
			return err
		}
		args[1] = through
		erased, err = list(ctx, c, scanInt, `
			UPDATE audit_events SET actor = '', target = '', details = '{}', salt = NULL, request_id = '', erased_by = $3
			WHERE seq > $1 AND seq <= $2 AND erased_by IS NULL AND action NOT IN ('audit.erase', 'audit.purge')
				AND (`+strings.Join(named, ` OR `)+`) RETURNING seq`, args...)
		return err
	})
	slices.Sort(erased)
	return erased, through, err
}

// DeleteEvents implements audit.Store.
func (db *DB) DeleteEvents(ctx context.Context, through int64, limit int) (int64, error) {
	if err := db.dialect.dropEvents(ctx, db, through); err != nil {
		return 0, err
	}
	return db.exec(ctx, `
		DELETE FROM audit_events WHERE seq IN (SELECT seq FROM audit_events WHERE seq <= $1 ORDER BY seq LIMIT $2)`, through, limit)
}

func scanCheckpoint(row scanner) (p domain.Checkpoint, err error) {
	err = row.Scan(&p.Seq, &p.Hash, at(&p.At), &p.MAC)
	return p, err
}

// InsertCheckpoint implements audit.Store.
func (db *DB) InsertCheckpoint(ctx context.Context, p domain.Checkpoint) error {
	_, err := db.exec(ctx, `INSERT INTO audit_checkpoints (seq, hash, at, mac) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		p.Seq, p.Hash, micros(p.At), p.MAC)
	return err
}

// ListCheckpoints implements audit.Store.
func (db *DB) ListCheckpoints(ctx context.Context, after int64, limit int) ([]domain.Checkpoint, error) {
	return findAll(ctx, db, scanCheckpoint, `SELECT seq, hash, at, mac FROM audit_checkpoints WHERE seq > $1 ORDER BY seq LIMIT $2`, after, limit)
}

// EventBefore implements audit.Store.
func (db *DB) EventBefore(ctx context.Context, before, latest time.Time) (seq int64, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		kept, err := one(ctx, c, scanInt, `SELECT seq FROM audit_events WHERE at >= $1 AND at <= $2 ORDER BY seq LIMIT 1`, micros(before), micros(latest))
		if errors.Is(err, domain.ErrNotFound) {
			kept, err = one(ctx, c, scanInt, `SELECT audit_seq + 1 FROM installation WHERE id = 1`)
		}
		if err != nil {
			return err
		}
		seq, err = one(ctx, c, scanInt, `SELECT COALESCE(MAX(seq), 0) FROM audit_events WHERE seq < $1`, kept)
		return err
	})
	return seq, err
}

// DeleteCheckpoints implements audit.Store.
func (db *DB) DeleteCheckpoints(ctx context.Context, before int64) error {
	_, err := db.exec(ctx, `DELETE FROM audit_checkpoints WHERE seq < $1`, before)
	return err
}
