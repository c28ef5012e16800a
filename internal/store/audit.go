package store

import (
	"context"
	"math/bits"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// AppendEvents gives each event its Seq and PrevHash, asks hash for its Hash and stores it, in the transaction that ctx carries
// or in one of its own. It holds the end of the log until that ends.
func (db *DB) AppendEvents(ctx context.Context, hash func(domain.Event) []byte, events ...domain.Event) error {
	if len(events) == 0 {
		return nil
	}
	events = slices.Clone(events)
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		var last domain.Event
		err := c.each(ctx, func(row scanner) error { return row.Scan(&last.Seq, &last.Hash) },
			`UPDATE installation SET audit_seq = audit_seq + $1 WHERE id = 1 RETURNING audit_seq - $1, audit_hash`, len(events))
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
		_, err = c.exec(ctx, `UPDATE installation SET audit_hash = $1 WHERE id = 1`, last.Hash)
		return err
	})
}

// HoldLog keeps others from appending until the transaction that ctx carries ends.
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
			row, args = in[any](args, e.Seq, micros(e.At), e.Actor, e.Action, e.Target, e.Details, e.PrevHash, e.Hash)
			rows = append(rows, row)
		}
		_, err := c.exec(ctx, `
			INSERT INTO audit_events (seq, at, actor, action, target, details, prev_hash, hash) VALUES `+strings.Join(rows, `, `), args...)
		if err != nil {
			return err
		}
		events = events[n:]
	}
	return nil
}

// ListEvents returns events after the given seq, oldest first, at most limit.
func (db *DB) ListEvents(ctx context.Context, after int64, limit int) ([]domain.Event, error) {
	return findAll(ctx, db, func(row scanner) (e domain.Event, err error) {
		err = row.Scan(&e.Seq, at(&e.At), &e.Actor, &e.Action, &e.Target, &e.Details, &e.PrevHash, &e.Hash)
		e.PrevHash = bytes(e.PrevHash)
		return e, err
	}, `SELECT seq, at, actor, action, target, details, prev_hash, hash FROM audit_events WHERE seq > $1 ORDER BY seq LIMIT $2`, after, limit)
}
