package store

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	// statisticsKept is how long one can look at what happened in a minute.
	statisticsKept = 14 * 24 * time.Hour
	// unseenKept is how long a replica, or who fetches the key set, is known after it was last seen.
	unseenKept = 24 * time.Hour
	// maxVerifiers bounds those that are stored: fetching the key set from many addresses must not fill the database.
	maxVerifiers = 10_000
)

// PutStatistics implements statistics.Store.
func (db *DB) PutStatistics(ctx context.Context, rows []domain.Statistic) error {
	values := make([][]any, len(rows))
	for i, r := range rows {
		values[i] = []any{micros(r.At), r.Kind, r.Replica, r.Count}
	}
	_, err := db.exec(ctx, `INSERT INTO statistics (at, kind, replica, count)
		SELECT r.at, r.kind, r.replica, r.count FROM `+db.dialect.rows(`$1`, `at BIGINT`, `kind`, `replica`, `count BIGINT`)+` r WHERE TRUE
		ON CONFLICT (at, kind, replica) DO UPDATE SET count = excluded.count`, jsonRows(values))
	return err
}

// SumStatistics implements statistics.Store.
func (db *DB) SumStatistics(ctx context.Context, from, to time.Time, step time.Duration) ([]domain.StatisticSum, error) {
	return findAll(ctx, db, func(row scanner) (s domain.StatisticSum, err error) {
		err = row.Scan(at(&s.At), &s.Kind, &s.Count)
		return s, err
	}, `SELECT at - at % $3 AS step, kind, CAST(SUM(count) AS BIGINT) FROM statistics WHERE at >= $1 AND at < $2 GROUP BY step, kind ORDER BY step, kind`,
		micros(from), micros(to), step.Microseconds())
}

// PutReplica implements statistics.Store.
func (db *DB) PutReplica(ctx context.Context, r domain.Replica) error {
	_, err := db.exec(ctx, `INSERT INTO replicas (id, version, started_at, seen_at, revision, as_of, jwks) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, revision = excluded.revision, as_of = excluded.as_of, jwks = excluded.jwks`,
		r.ID, r.Version, micros(r.StartedAt), micros(r.SeenAt), Number(r.Revision), micros(r.AsOf), r.JWKS)
	if err == nil {
		db.setFault("") // it was stored
	}
	return err
}

// DeleteReplica implements statistics.Store.
func (db *DB) DeleteReplica(ctx context.Context, id string) error {
	_, err := db.exec(ctx, `DELETE FROM replicas WHERE id = $1`, id)
	return err
}

// ListReplicas implements statistics.Store.
func (db *DB) ListReplicas(ctx context.Context, since time.Time, limit int) (replicas []domain.Replica, revision int64, err error) {
	replicas, err = findAll(ctx, db, func(row scanner) (r domain.Replica, err error) {
		err = row.Scan(&r.ID, &r.Version, at(&r.StartedAt), at(&r.SeenAt), &r.Revision, at(&r.AsOf), &r.JWKS)
		return r, err
	}, `SELECT id, version, started_at, seen_at, revision, as_of, jwks FROM replicas WHERE seen_at >= $1 ORDER BY started_at DESC, id LIMIT $2`,
		micros(since), limit)
	if err != nil {
		return nil, 0, err
	}
	revision, err = find(ctx, db, scanInt, `SELECT revision FROM installation WHERE id = 1`)
	return replicas, revision, err
}

// PutVerifiers implements statistics.Store.
func (db *DB) PutVerifiers(ctx context.Context, verifiers []domain.Verifier) error {
	values := make([][]any, len(verifiers))
	for i, v := range verifiers {
		values[i] = []any{v.ID, v.Agent, v.JWKS, nullMicros(v.ConfirmedAt), micros(v.FirstSeenAt), micros(v.SeenAt)}
	}
	_, err := db.exec(ctx, `INSERT INTO verifiers (id, agent, jwks, confirmed_at, first_seen_at, seen_at)
		SELECT r.id, r.agent, r.jwks, r.confirmed_at, r.first_seen_at, r.seen_at FROM `+
		db.dialect.rows(`$1`, `id`, `agent`, `jwks`, `confirmed_at BIGINT`, `first_seen_at BIGINT`, `seen_at BIGINT`)+` r WHERE TRUE
		ON CONFLICT (id) DO UPDATE SET agent = excluded.agent, jwks = excluded.jwks, confirmed_at = excluded.confirmed_at, seen_at = excluded.seen_at
		WHERE excluded.seen_at >= verifiers.seen_at`, jsonRows(values))
	if err == nil {
		_, err = db.exec(ctx, `DELETE FROM verifiers WHERE seen_at < (SELECT seen_at FROM verifiers ORDER BY seen_at DESC LIMIT 1 OFFSET $1)`, maxVerifiers-1)
	}
	return err
}

// ListVerifiers implements statistics.Store.
func (db *DB) ListVerifiers(ctx context.Context, since time.Time, limit int) ([]domain.Verifier, error) {
	return findAll(ctx, db, func(row scanner) (v domain.Verifier, err error) {
		err = row.Scan(&v.ID, &v.Agent, &v.JWKS, at(&v.ConfirmedAt), at(&v.FirstSeenAt), at(&v.SeenAt))
		return v, err
	}, `SELECT id, agent, jwks, confirmed_at, first_seen_at, seen_at FROM verifiers WHERE seen_at >= $1 ORDER BY seen_at DESC, id LIMIT $2`,
		micros(since), limit)
}

// purgesSeen delete at most $2 rows that were last seen before $1.
var purgesSeen = []string{
	`DELETE FROM replicas WHERE id IN (SELECT id FROM replicas WHERE seen_at < $1 LIMIT $2)`,
	`DELETE FROM verifiers WHERE id IN (SELECT id FROM verifiers WHERE seen_at < $1 ORDER BY seen_at LIMIT $2)`,
}

// purgeStatistics deletes at most $2 rows of minutes before $1.
const purgeStatistics = `DELETE FROM statistics WHERE (at, kind, replica) IN (SELECT at, kind, replica FROM statistics WHERE at < $1 ORDER BY at LIMIT $2)`
