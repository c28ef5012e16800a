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
	partitionSpan  = time.Hour      // of expiry that a partition of the index holds
	partitionsPast = partitionSpan  // for replicas whose clock is slow
	partitionsNext = 26 * time.Hour // the longest that a token lives, and time for the next preparation

	partitionWork = time.Minute     // the longest that a preparation may take
	partitionWait = 5 * time.Second // for a lock, since others wait behind us
)

// PreparePartitions implements index.Store. It takes longer than Options.OpTimeout if it must wait for long statements of others; no
// statement waits for it.
func (db *DB) PreparePartitions(ctx context.Context, now, before time.Time) error {
	if err := db.dialect.preparePartitions(ctx, db, now.Add(-partitionsPast), now.Add(partitionsNext), before); err != nil {
		return fmt.Errorf("prepare the partitions of the index: %w", err)
	}
	return nil
}

// partitioning is how a table is divided by a column of times (UTC).
type partitioning struct {
	table string
	name  string                    // of a partition, as time.Format writes its beginning
	begin func(time.Time) time.Time // of the partition for a time
	next  func(time.Time) time.Time // partition's beginning
	own   string                    // what a partition has that the table cannot have
}

var (
	tokenPartitions = partitioning{
		table: "issued_tokens", name: "issued_tokens_2006010215",
		begin: func(t time.Time) time.Time { return t.UTC().Truncate(partitionSpan) },
		next:  func(t time.Time) time.Time { return t.Add(partitionSpan) },
		// A tenth of each page is left for rows that are marked later: as long as their new versions stay on the page, no index
		// changes, which makes it three times as fast.
		own: `PRIMARY KEY (jti)) WITH (fillfactor = 90)`,
	}
	eventPartitions = partitioning{
		table: "audit_events", name: "audit_events_200601",
		begin: beginningOfMonth,
		next:  func(t time.Time) time.Time { return t.AddDate(0, 1, 0) },
		own:   `PRIMARY KEY (seq))`,
	}
)

// partition is a table that holds the rows of an hour or a month, or held them.
type partition struct {
	name     string
	from     time.Time
	attached bool
	leaving  bool // its detachment was begun
}

// querier is a connection, or a transaction on it.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

func beginningOfMonth(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

func (p *postgres) preparePartitions(ctx context.Context, db *DB, from, to, before time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, partitionWork)
	defer cancel()
	var hours []time.Time
	for hour := tokenPartitions.begin(from); !hour.After(to); hour = tokenPartitions.next(hour) {
		hours = append(hours, hour)
	}
	month := eventPartitions.begin(from)
	return p.onConnection(ctx, db, func(conn *pgx.Conn) error {
		failed := errors.Join(p.attachPartitions(ctx, conn, tokenPartitions, hours),
			p.attachPartitions(ctx, conn, eventPartitions, []time.Time{month, eventPartitions.next(month)}))
		alone, release, err := p.onlyDropper(ctx, conn, tokenPartitions)
		defer release()
		if err == nil && alone {
			err = p.dropPartitions(ctx, conn, before)
		}
		return errors.Join(failed, err)
	})
}

// requirePartitions makes those that rows with these times, in microseconds, need and that nobody has prepared. It comes before
// the statement that writes the rows, which would fail and take its transaction along.
func (p *postgres) requirePartitions(ctx context.Context, db *DB, of partitioning, times []int64) error {
	var missing []time.Time
	var last time.Time
	for i, at := range times {
		from := of.begin(time.UnixMicro(at))
		if i > 0 && from.Equal(last) {
			continue
		}
		last = from
		if _, ready := p.ready.Load(from.Format(of.name)); !ready && !slices.Contains(missing, from) {
			missing = append(missing, from)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return p.onConnection(ctx, db, func(conn *pgx.Conn) error { return p.attachPartitions(ctx, conn, of, missing) })
}

// onConnection works on a connection of its own, as the caller may hold one of the pool. Its locks are released at the end.
func (p *postgres) onConnection(ctx context.Context, db *DB, work func(*pgx.Conn) error) error {
	config := p.config.ConnConfig.Copy()
	if !p.pooled {
		config.RuntimeParams["lock_timeout"] = fmt.Sprint(partitionWait.Milliseconds())
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return db.translate(ctx, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	return db.translate(ctx, work(conn))
}

// onlyDropper says whether no other replica drops partitions of a table, and keeps others from it until the connection ends, also where the
// server still works on it after we gave up, and until release, which is always to be called.
func (p *postgres) onlyDropper(ctx context.Context, conn *pgx.Conn, of partitioning) (alone bool, release func(), err error) {
	if p.pooled {
		return p.onlyDropperByTransaction(ctx, of)
	}
	err = conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1::text::regclass::oid::bigint)`, of.table).Scan(&alone)
	return alone, func() {}, err
}

// onlyDropperByTransaction holds the lock in a transaction of its own: behind a pooler, a lock of a session would pass to the next client.
func (p *postgres) onlyDropperByTransaction(ctx context.Context, of partitioning) (alone bool, release func(), err error) {
	conn, err := pgx.ConnectConfig(ctx, p.config.ConnConfig.Copy())
	if err != nil {
		return false, func() {}, err
	}
	release = func() { _ = conn.Close(context.WithoutCancel(ctx)) }
	tx, err := conn.Begin(ctx)
	if err != nil {
		return false, release, err
	}
	if _, err = tx.Exec(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
		return false, release, err
	}
	err = tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock($1::text::regclass::oid::bigint)`, of.table).Scan(&alone)
	return alone, release, err
}

// attachPartitions makes those that are not there, one by one. It makes a table first and attaches it then: unlike CREATE TABLE …
// PARTITION OF that lets others go on reading and writing.
func (p *postgres) attachPartitions(ctx context.Context, conn *pgx.Conn, of partitioning, beginnings []time.Time) error {
	there, err := listPartitions(ctx, conn, of)
	if err != nil {
		return err
	}
	var failures []error
	for _, from := range beginnings {
		if _, attached := findPartition(there, from); !attached {
			attach := func() error {
				return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error { return attachPartition(ctx, tx, of, from) })
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
		p.ready.Store(from.Format(of.name), nil)
	}
	return errors.Join(failures...)
}

func attachPartition(ctx context.Context, tx pgx.Tx, of partitioning, from time.Time) error {
	if err := lockAttaching(ctx, tx); err != nil {
		return err
	}
	partitions, err := listPartitions(ctx, tx, of) // another replica may have been first
	if err != nil {
		return err
	}
	there, attached := findPartition(partitions, from)
	if attached {
		return nil
	}
	var create string
	if !there { // somebody may have detached it
		create = `CREATE TABLE %[1]s (LIKE %[2]s INCLUDING ALL, %[3]s;`
	}
	_, err = tx.Conn().PgConn().Exec(ctx, fmt.Sprintf(create+`ALTER TABLE %[2]s ATTACH PARTITION %[1]s FOR VALUES FROM (%[4]d) TO (%[5]d)`,
		from.Format(of.name), of.table, of.own, micros(from), micros(of.next(from)))).ReadAll()
	return err
}

// lockAttaching keeps others from attaching partitions until the transaction ends.
func lockAttaching(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock('jti_time'::regproc::oid::bigint)`)
	return err
}

func findPartition(partitions []partition, from time.Time) (there, attached bool) {
	i := slices.IndexFunc(partitions, func(p partition) bool { return p.from.Equal(from) })
	return i >= 0, i >= 0 && partitions[i].attached
}

// dropPartitions drops those of the index whose tokens have expired, and finishes what an interruption left.
func (p *postgres) dropPartitions(ctx context.Context, conn *pgx.Conn, before time.Time) error {
	there, err := listPartitions(ctx, conn, tokenPartitions)
	if err != nil {
		return err
	}
	for _, old := range there {
		needed := old.from.Add(partitionSpan).After(before)
		if needed && !old.leaving {
			continue
		}
		err := p.dropPartition(ctx, conn, tokenPartitions, old, func(context.Context, querier) (bool, error) { return needed, nil })
		if err != nil {
			return err
		}
	}
	return nil
}

// dropPartition detaches a partition and drops it, unless it is needed then: it is attached again. Nobody else can attach it, and write
// to it, between the two.
func (p *postgres) dropPartition(
	ctx context.Context, conn *pgx.Conn, of partitioning, old partition, needed func(context.Context, querier) (bool, error),
) error {
	if err := p.detachPartition(ctx, conn, of, old); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if err := lockAttaching(ctx, tx); err != nil {
			return err
		}
		partitions, err := listPartitions(ctx, tx, of)
		if err != nil {
			return err
		}
		if there, attached := findPartition(partitions, old.from); !there || attached { // by a replica that writes to it
			return nil
		}
		if _, err := tx.Exec(ctx, `LOCK TABLE `+old.name+` IN ACCESS EXCLUSIVE MODE`); err != nil {
			return err
		}
		keep, err := needed(ctx, tx)
		switch {
		case err != nil:
			return err
		case keep:
			return attachPartition(ctx, tx, of, old.from)
		}
		_, err = tx.Exec(ctx, `DROP TABLE `+old.name)
		return err
	})
}

// detachPartition lets others go on reading and writing.
func (p *postgres) detachPartition(ctx context.Context, conn *pgx.Conn, of partitioning, old partition) (err error) {
	p.ready.Delete(old.name)
	switch {
	case old.leaving:
		_, err = conn.Exec(ctx, `ALTER TABLE `+of.table+` DETACH PARTITION `+old.name+` FINALIZE`)
	case old.attached:
		_, err = conn.Exec(ctx, `ALTER TABLE `+of.table+` DETACH PARTITION `+old.name+` CONCURRENTLY`)
	}
	return err
}

// listPartitions returns those that are attached and those that were: first the one that is leaving, if any, since no other
// can leave before it has, then the oldest.
func listPartitions(ctx context.Context, on querier, of partitioning) ([]partition, error) {
	rows, err := on.Query(ctx, `
		SELECT c.relname, i.inhrelid IS NOT NULL, COALESCE(i.inhdetachpending, FALSE)
		FROM pg_class parent JOIN pg_class c ON c.relnamespace = parent.relnamespace
		LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = parent.oid
		WHERE parent.oid = $1::text::regclass AND c.relkind = 'r' AND c.relname ~ ('^' || $1 || '_\d+$')
		ORDER BY COALESCE(i.inhdetachpending, FALSE) DESC, c.relname`, of.table)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p partition, err error) {
		if err = row.Scan(&p.name, &p.attached, &p.leaving); err == nil {
			p.from, err = time.Parse(of.name, p.name)
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
func isNoPartition(err *pgconn.PgError) bool { return err.Code == "23514" && err.ConstraintName == "" }
