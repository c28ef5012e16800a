package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	partitionSpan  = time.Hour      // of expiry that a partition holds
	partitionsPast = partitionSpan  // for replicas whose clock is slow
	partitionsNext = 26 * time.Hour // the longest that a token lives, and time for the next preparation

	partitionWork = time.Minute     // the longest that a preparation may take
	partitionWait = 5 * time.Second // for a lock: whoever waits for us then goes on
)

// PreparePartitions implements index.Store. It takes longer than Options.OpTimeout if it must wait for long statements of others; no
// statement waits for it.
func (db *DB) PreparePartitions(ctx context.Context, now, before time.Time) error {
	if err := db.dialect.preparePartitions(ctx, db, now.Add(-partitionsPast), now.Add(partitionsNext), before); err != nil {
		return fmt.Errorf("prepare the partitions of the index: %w", err)
	}
	return nil
}

// partition is a table issued_tokens_2006010215 that holds the tokens that expire in that hour (UTC), or held them.
type partition struct {
	name     string
	from     time.Time
	attached bool
	leaving  bool // its detachment was begun
}

const partitionName = "issued_tokens_2006010215"

func (p *postgres) preparePartitions(ctx context.Context, db *DB, from, to, before time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, partitionWork)
	defer cancel()
	conn, err := p.connect(ctx)
	if err != nil {
		return db.translate(ctx, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }() // which lets the lock go
	var hours []time.Time
	for hour := from.UTC().Truncate(partitionSpan); !hour.After(to); hour = hour.Add(partitionSpan) {
		hours = append(hours, hour)
	}
	failed := p.attachPartitions(ctx, conn, hours)
	var alone bool
	err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock('issued_tokens'::regclass::oid::bigint)`).Scan(&alone)
	if err == nil && alone {
		err = p.dropPartitions(ctx, conn, before)
	}
	return db.translate(ctx, errors.Join(failed, err))
}

// requirePartitions makes those that tokens with these expiries need and that nobody has prepared. It comes before the
// statement that writes the tokens, which would fail and take its transaction along.
func (p *postgres) requirePartitions(ctx context.Context, db *DB, expires []int64) error {
	var missing []time.Time
	for _, e := range expires {
		hour := time.UnixMicro(e).UTC().Truncate(partitionSpan)
		if _, ready := p.ready.Load(hour.Unix()); !ready && !slices.Contains(missing, hour) {
			missing = append(missing, hour)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	conn, err := p.connect(ctx)
	if err != nil {
		return db.translate(ctx, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return db.translate(ctx, p.attachPartitions(ctx, conn, missing))
}

// connect makes a connection of its own: whoever needs it may hold one of the pool.
func (p *postgres) connect(ctx context.Context) (*pgx.Conn, error) {
	config := p.config.ConnConfig.Copy()
	config.RuntimeParams["lock_timeout"] = fmt.Sprint(partitionWait.Milliseconds())
	return pgx.ConnectConfig(ctx, config)
}

// attachPartitions makes those that are not there, one by one. It makes a table first and attaches it then: unlike CREATE TABLE …
// PARTITION OF that lets others go on reading and writing the index. A tenth of each page is left for rows that are marked later:
// as long as their new versions stay on the page, no index changes, which makes it three times as fast.
func (p *postgres) attachPartitions(ctx context.Context, conn *pgx.Conn, hours []time.Time) error {
	there, err := listPartitions(ctx, conn)
	if err != nil {
		return err
	}
	var failures []error
	for _, hour := range hours {
		if _, attached := findPartition(there, hour); !attached {
			attach := func() error {
				return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return attachPartition(ctx, tx, hour) })
			}
			err := attach()
			if isGone(err) {
				err = attach()
			}
			if err != nil {
				failures = append(failures, err)
				continue
			}
		}
		p.ready.Store(hour.Unix(), nil)
	}
	return errors.Join(failures...)
}

func attachPartition(ctx context.Context, tx pgx.Tx, hour time.Time) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock('jti_time'::regproc::oid::bigint)`); err != nil { // one at a time
		return err
	}
	partitions, err := listPartitions(ctx, tx) // another replica may have been first
	if err != nil {
		return err
	}
	there, attached := findPartition(partitions, hour)
	if attached {
		return nil
	}
	var create string
	if !there { // somebody may have detached it
		create = `CREATE TABLE %[1]s (LIKE issued_tokens INCLUDING ALL, PRIMARY KEY (jti)) WITH (fillfactor = 90);`
	}
	_, err = tx.Conn().PgConn().Exec(ctx, fmt.Sprintf(create+`ALTER TABLE issued_tokens ATTACH PARTITION %[1]s FOR VALUES FROM (%[2]d) TO (%[3]d)`,
		hour.Format(partitionName), micros(hour), micros(hour.Add(partitionSpan)))).ReadAll()
	return err
}

func findPartition(partitions []partition, hour time.Time) (there, attached bool) {
	i := slices.IndexFunc(partitions, func(p partition) bool { return p.from.Equal(hour) })
	return i >= 0, i >= 0 && partitions[i].attached
}

// dropPartitions drops those whose tokens have expired, and finishes what an interruption left.
func (p *postgres) dropPartitions(ctx context.Context, conn *pgx.Conn, before time.Time) error {
	there, err := listPartitions(ctx, conn)
	if err != nil {
		return err
	}
	for _, old := range there {
		if !old.leaving && old.from.Add(partitionSpan).After(before) {
			continue
		}
		p.ready.Delete(old.from.Unix())
		switch {
		case old.leaving:
			_, err = conn.Exec(ctx, `ALTER TABLE issued_tokens DETACH PARTITION `+old.name+` FINALIZE`)
		case old.attached:
			_, err = conn.Exec(ctx, `ALTER TABLE issued_tokens DETACH PARTITION `+old.name+` CONCURRENTLY`)
		}
		if err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, `DROP TABLE `+old.name); err != nil {
			return err
		}
	}
	return nil
}

// listPartitions returns those that are attached and those that were: first the one that is leaving, if any, since no other
// can leave before it has, then the oldest.
func listPartitions(ctx context.Context, on interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}) ([]partition, error) {
	rows, err := on.Query(ctx, `
		SELECT c.relname, i.inhrelid IS NOT NULL, COALESCE(i.inhdetachpending, FALSE)
		FROM pg_class parent JOIN pg_class c ON c.relnamespace = parent.relnamespace
		LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = parent.oid
		WHERE parent.oid = 'issued_tokens'::regclass AND c.relkind = 'r' AND c.relname ~ '^issued_tokens_\d{10}$'
		ORDER BY COALESCE(i.inhdetachpending, FALSE) DESC, c.relname`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p partition, err error) {
		if err = row.Scan(&p.name, &p.attached, &p.leaving); err == nil {
			p.from, err = time.Parse(partitionName, p.name)
		}
		return p, err
	})
}

// isGone says whether a table that was there is not any more: it was detached to be dropped, by a replica whose clock is ahead.
func isGone(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "42P01"
}

// isNoPartition says whether a row belongs to a partition that there is not.
func isNoPartition(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23514" && pg.ConstraintName == ""
}
