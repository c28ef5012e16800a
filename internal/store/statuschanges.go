package store

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
)

// appendStatusChanges records that entries, by list, got a status. The transaction must have locked the installation.
func appendStatusChanges(ctx context.Context, c conn, status domain.TokenStatus, indexes map[int64][]int32) error {
	if len(indexes) == 0 {
		return nil
	}
	newest, err := one(ctx, c, scanInt, `UPDATE installation SET status_seq = status_seq + $1 WHERE id = 1 RETURNING status_seq`, len(indexes))
	if err != nil {
		return err
	}
	if s, ok := scopeOf(ctx); ok {
		s.statuses = true
	}
	seq := newest - int64(len(indexes))
	for _, list := range slices.Sorted(maps.Keys(indexes)) {
		seq++
		if err := insertStatusChange(ctx, c, seq, list, packStatus(nil, status, indexes[list])); err != nil {
			return err
		}
	}
	return nil
}

func insertStatusChange(ctx context.Context, c conn, seq, list int64, entries []byte) error {
	_, err := c.exec(ctx, `INSERT INTO status_changes (seq, list_id, entries) VALUES ($1, $2, $3)`, seq, list, entries)
	return err
}

// StatusChanges implements status.Lists.
func (db *DB) StatusChanges(ctx context.Context, after int64, limit int) (changes []domain.StatusChange, newest int64, complete bool, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		changes = nil
		return c.each(ctx, func(row scanner) (err error) {
			newest, changes, err = scanStatusChanges(row, changes)
			return err
		}, `SELECT i.status_seq, c.seq, c.list_id, c.entries
			FROM installation i LEFT JOIN status_changes c ON c.seq > $1 WHERE i.id = 1 ORDER BY c.seq LIMIT $2`, after, limit)
	})
	if err != nil {
		return nil, 0, false, err
	}
	return changes, newest, after <= newest, nil
}

// StatusEntries implements status.Lists.
func (db *DB) StatusEntries(ctx context.Context, list int64) (entries []domain.StatusChange, seq int64, err error) {
	var changes []domain.StatusChange
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		changes = nil
		return c.each(ctx, func(row scanner) (err error) {
			seq, changes, err = scanStatusChanges(row, changes)
			return err
		}, `SELECT i.status_seq, c.seq, c.list_id, c.entries
			FROM installation i LEFT JOIN status_changes c ON c.list_id = $1 WHERE i.id = 1 ORDER BY c.seq`, list)
	})
	if err != nil {
		return nil, 0, err
	}
	for status, indexes := range outcome(changes) {
		if status := domain.TokenStatus(status); status != domain.StatusValid && len(indexes) > 0 {
			entries = append(entries, domain.StatusChange{Seq: seq, List: list, Status: status, Indexes: indexes})
		}
	}
	return entries, seq, nil
}

// scanStatusChanges reads a row of the installation's last seq and a change, NULL if there is none, and adds the change.
func scanStatusChanges(row scanner, changes []domain.StatusChange) (newest int64, _ []domain.StatusChange, err error) {
	var seq, list sql.NullInt64
	var entries []byte
	if err := row.Scan(&newest, &seq, &list, &entries); err != nil || !seq.Valid {
		return newest, changes, err
	}
	unpacked, err := unpackStatus(entries)
	for _, c := range unpacked {
		c.Seq, c.List = seq.Int64, list.Int64
		changes = append(changes, c)
	}
	return newest, changes, err
}

// outcome is what the changes of a list came to, oldest first: the indexes that each status has in the end.
func outcome(changes []domain.StatusChange) (indexes [domain.StatusSuspended + 1][]int32) {
	last := int32(-1)
	for _, c := range changes {
		for _, i := range c.Indexes {
			last = max(last, i)
		}
	}
	const untouched = 0xff
	statuses := slices.Repeat([]domain.TokenStatus{untouched}, int(last+1))
	for _, c := range changes {
		for _, i := range c.Indexes {
			statuses[i] = c.Status
		}
	}
	for i, status := range statuses {
		if status != untouched {
			indexes[status] = append(indexes[status], int32(i))
		}
	}
	return indexes
}

// A list with more changes than this is worth a fold.
const foldAt = 64

// foldStatusChanges turns the changes of each list that has many into one, which has the seq of the last of them. Whoever has seen some
// of them sees them again, which does no harm.
func (db *DB) foldStatusChanges(ctx context.Context) error {
	lists, err := findAll(ctx, db, scanInt, `SELECT list_id FROM status_changes GROUP BY list_id HAVING COUNT(*) > $1`, foldAt)
	if err != nil {
		return err
	}
	for _, list := range lists {
		if err := db.foldStatusChangesOf(ctx, list); err != nil {
			return err
		}
	}
	return nil
}

func (db *DB) foldStatusChangesOf(ctx context.Context, list int64) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		var changes []domain.StatusChange
		// Of two that fold the same list at once, one finds nothing to delete.
		err := c.each(ctx, func(row scanner) (err error) {
			_, changes, err = scanStatusChanges(row, changes)
			return err
		}, `DELETE FROM status_changes WHERE list_id = $1 RETURNING 0, seq, list_id, entries`, list)
		if err != nil || len(changes) == 0 {
			return err
		}
		slices.SortStableFunc(changes, func(a, b domain.StatusChange) int { return int(a.Seq - b.Seq) })
		var entries []byte
		for status, indexes := range outcome(changes) {
			if len(indexes) > 0 {
				entries = packStatus(entries, domain.TokenStatus(status), indexes)
			}
		}
		return insertStatusChange(ctx, c, changes[len(changes)-1].Seq, list, entries)
	})
}
