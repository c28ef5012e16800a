package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signet-auth/signet/internal/domain"
)

// requireEventPartitions makes the months of the audit log that events need and that nobody has prepared.
func (p *postgres) requireEventPartitions(ctx context.Context, db *DB, events []domain.Event) error {
	times := make([]int64, len(events))
	for i := range events {
		times[i] = micros(events[i].At)
	}
	return p.requirePartitions(ctx, db, eventPartitions, times)
}

// dropEvents drops the months of the audit log that are over and have no event after a seq.
func (p *postgres) dropEvents(ctx context.Context, db *DB, through int64) error {
	ctx, cancel := context.WithTimeout(ctx, partitionWork)
	defer cancel()
	now := db.now()
	there, err := db.Clock(ctx)
	if err != nil {
		return err
	}
	if there.Before(now) { // a month must be over by both clocks
		now = there
	}
	return p.onConnection(ctx, db, func(conn *pgx.Conn) error {
		alone, release, err := p.onlyDropper(ctx, conn, eventPartitions)
		defer release()
		if err != nil || !alone {
			return err
		}
		return p.dropMonths(ctx, conn, through, now)
	})
}

// dropMonths drops those that were over at a time.
func (p *postgres) dropMonths(ctx context.Context, conn *pgx.Conn, through int64, now time.Time) error {
	months, err := listPartitions(ctx, conn, eventPartitions)
	if err != nil {
		return err
	}
	for _, month := range months {
		needed := func(ctx context.Context, on querier) (bool, error) {
			if eventPartitions.next(month.from).After(now) {
				return true, nil
			}
			return hasEvents(ctx, on, month, through)
		}
		keep, err := needed(ctx, conn)
		if err != nil {
			return err
		}
		if keep && !month.leaving {
			continue
		}
		if err := p.dropPartition(ctx, conn, eventPartitions, month, needed); err != nil {
			return err
		}
	}
	return nil
}

// hasEvents says whether a month has events after a seq.
func hasEvents(ctx context.Context, on querier, month partition, seq int64) (has bool, err error) {
	err = on.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM `+month.name+` WHERE seq > $1)`, seq).Scan(&has)
	return has, err
}
