package store

import (
	"context"

	"github.com/signet-auth/signet/internal/domain"
)

// AppendEvent gives the event its Seq and PrevHash, asks hash for its Hash and stores it,
// in the transaction that ctx carries or in one of its own. It holds the end of the log until that ends.
func (db *DB) AppendEvent(ctx context.Context, event domain.Event, hash func(domain.Event) []byte) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		err := c.each(ctx, func(row scanner) error { return row.Scan(&event.Seq, &event.PrevHash) },
			`UPDATE installation SET audit_seq = audit_seq + 1 WHERE id = 1 RETURNING audit_seq, audit_hash`)
		if err != nil {
			return err
		}
		event.PrevHash = bytes(event.PrevHash)
		event.Hash = hash(event)
		_, err = c.exec(ctx, `
			INSERT INTO audit_events (seq, at, actor, action, target, details, prev_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			event.Seq, micros(event.At), event.Actor, event.Action, event.Target, event.Details, event.PrevHash, event.Hash)
		if err != nil {
			return err
		}
		_, err = c.exec(ctx, `UPDATE installation SET audit_hash = $1 WHERE id = 1`, event.Hash)
		return err
	})
}

// ListEvents returns events after the given seq, oldest first, at most limit.
func (db *DB) ListEvents(ctx context.Context, after int64, limit int) ([]domain.Event, error) {
	return findAll(ctx, db, func(row scanner) (e domain.Event, err error) {
		err = row.Scan(&e.Seq, at(&e.At), &e.Actor, &e.Action, &e.Target, &e.Details, &e.PrevHash, &e.Hash)
		e.PrevHash = bytes(e.PrevHash)
		return e, err
	}, `SELECT seq, at, actor, action, target, details, prev_hash, hash FROM audit_events WHERE seq > $1 ORDER BY seq LIMIT $2`, after, limit)
}
