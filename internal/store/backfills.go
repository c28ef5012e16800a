package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// A Backfill changes what is stored after a migration, step by step, beside servers of this version and of the one before.
type Backfill struct {
	Name string
	// Total is how many rows there are to change, more or less.
	Total func(ctx context.Context, db *DB) (int64, error)
	// Step changes the rows after a position, empty at first, as many as take some tenths of a second. It returns how many these were,
	// and the position that they end at; empty if there are no more. It runs in the transaction that ctx carries.
	Step func(ctx context.Context, db *DB, position string) (rows int64, next string, err error)
}

// backfills are those that this version may have to run. An entry goes when no version before it can be upgraded from any more.
var backfills []Backfill

// BackfillState is how far a backfill has come.
type BackfillState struct {
	Name        string
	Done, Total int64 // rows
	StartedAt   time.Time
	FinishedAt  time.Time // zero: it runs
}

// RunBackfills runs what is to be run until it is done. Of several replicas one makes each step; one that ends in the middle of a step
// has made none of it.
func (db *DB) RunBackfills(ctx context.Context) error {
	for _, b := range backfills {
		if err := db.run(ctx, b); err != nil {
			return fmt.Errorf("backfill %s: %w", b.Name, err)
		}
	}
	return nil
}

func (db *DB) run(ctx context.Context, b Backfill) error {
	for {
		began := time.Now()
		more, err := db.step(ctx, b)
		if err != nil || !more {
			return err
		}
		select { // half the time is for others
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Since(began)):
		}
	}
}

// step makes a step, and says whether there may be another for this replica to make.
func (db *DB) step(ctx context.Context, b Backfill) (more bool, err error) {
	if err := db.beginBackfill(ctx, b); err != nil {
		return false, err
	}
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		more = false
		position, err := one(ctx, c, scanString, `SELECT position FROM backfills WHERE name = $1 AND finished_at IS NULL`+db.dialect.skipLocked(), b.Name)
		if errors.Is(err, domain.ErrNotFound) { // it is done, or another replica makes a step
			return nil
		}
		if err != nil {
			return err
		}
		rows, next, err := b.Step(ctx, db, position)
		if err != nil {
			return err
		}
		more = next != ""
		finished := db.now()
		if more {
			finished = time.Time{}
		}
		_, err = c.exec(ctx, `UPDATE backfills SET done = done + $2, position = $3, finished_at = $4 WHERE name = $1`, b.Name, rows, next, nullMicros(finished))
		return err
	})
	return more, err
}

// beginBackfill writes down that a backfill has begun.
func (db *DB) beginBackfill(ctx context.Context, b Backfill) error {
	begun, err := find(ctx, db, scanInt, `SELECT COUNT(*) FROM backfills WHERE name = $1`, b.Name)
	if err != nil || begun > 0 {
		return err
	}
	total, err := b.Total(ctx, db)
	if err != nil {
		return err
	}
	_, err = db.exec(ctx, `INSERT INTO backfills (name, done, total, position, started_at) VALUES ($1, 0, $2, '', $3) ON CONFLICT DO NOTHING`,
		b.Name, total, micros(db.now()))
	return err
}

// Backfills returns those that have begun, in this order; none before the first migration.
func (db *DB) Backfills(ctx context.Context) (all []BackfillState, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		n, err := one(ctx, c, scanInt, db.dialect.hasTable(), "backfills")
		if err != nil || n == 0 {
			return err
		}
		all, err = list(ctx, c, func(row scanner) (b BackfillState, err error) {
			return b, row.Scan(&b.Name, &b.Done, &b.Total, at(&b.StartedAt), at(&b.FinishedAt))
		}, `SELECT name, done, total, started_at, finished_at FROM backfills ORDER BY started_at, name`)
		return err
	})
	return all, err
}
