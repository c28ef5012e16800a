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
	conn, err := p.connect(ctx)
	if err != nil {
		return db.translate(ctx, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // which lets the lock go
	var alone bool
	err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock('audit_events'::regclass::oid::bigint)`).Scan(&alone)
	if err == nil && alone {
		err = p.dropMonths(ctx, conn, through, db.now())
	}
	return db.translate(ctx, err)
}

func (p *postgres) dropMonths(ctx context.Context, conn *pgx.Conn, through int64, now time.Time) error {
	there, err := listPartitions(ctx, conn, eventPartitions)
	if err != nil {
		return err
	}
	for _, month := range there {
		needed, err := hasEvents(ctx, conn, month, through)
		if err != nil {
			return err
		}
		if !month.leaving && (needed || eventPartitions.next(month.from).After(now)) {
			continue
		}
		if err := p.detachPartition(ctx, conn, eventPartitions, month); err != nil {
			return err
		}
		needed, err = hasEvents(ctx, conn, month, through)
		switch {
		case err != nil:
			return err
		case needed: // by a replica whose clock is behind, until the partition was detached
			err = p.attachPartitions(ctx, conn, eventPartitions, []time.Time{month.from})
		default:
			_, err = conn.Exec(ctx, `DROP TABLE `+month.name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// hasEvents says whether a month has events after a seq.
func hasEvents(ctx context.Context, conn *pgx.Conn, month partition, seq int64) (has bool, err error) {
	err = conn.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM `+month.name+` WHERE seq > $1)`, seq).Scan(&has)
	return has, err
}
