package store

import (
	"context"
	"errors"
	"time"
)

const (
	// revocationsKept is how long a revocation that is done can be looked at.
	revocationsKept = 24 * time.Hour
	// lapsedKept is how long administrators can look at an assignment, a client secret or an invitation that has expired.
	lapsedKept = 30 * 24 * time.Hour
)

// purgeTokens deletes at most $2 tokens that expired before $1, where there are no partitions to drop.
const purgeTokens = `DELETE FROM issued_tokens WHERE jti IN (SELECT jti FROM issued_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2) AND expires_at < $1`

// purge is of the rows of a table that expired.
type purge struct{ table, key, expiry, and string }

// A session stays until its end was recorded.
var purges = []purge{
	{table: `authorization_codes`, key: `signature`, expiry: `expires_at`},
	{table: `refresh_tokens`, key: `signature`, expiry: `expires_at`},
	{table: `device_requests`, key: `id`, expiry: `expires_at`},
	{table: `limits`, key: `bucket`, expiry: `spent_until`},
	{table: `grants`, key: `id`, expiry: `expires_at`},
	{table: `sessions`, key: `id`, expiry: `expires_at`, and: ` AND ended_at IS NOT NULL`},
	{table: `assertions`, key: `hash`, expiry: `expires_at`},
	{table: `setup_links`, key: `hash`, expiry: `expires_at`},
	{table: `password_links`, key: `user_id`, expiry: `expires_at`},
	{table: `keyed_requests`, key: `id`, expiry: `expires_at`},
	{table: `status_lists`, key: `id`, expiry: `expires_at`},
}

// query deletes at most $2 rows that expired before $1. Locked rows are skipped: waiting for one while holding others could deadlock.
func (p purge) query(d dialect) string {
	return `DELETE FROM ` + p.table + ` WHERE ` + p.key + ` IN (
		SELECT ` + p.key + ` FROM ` + p.table + ` WHERE ` + p.expiry + ` < $1` + p.and + ` ORDER BY ` + p.expiry + ` LIMIT $2` + d.skipLocked() + `)`
}

// purgesLater delete at most $2 rows that expired before $1. People made these rows, so they are kept for lapsedKept. An assignment also
// stays until its expiry is recorded.
var purgesLater = []string{
	`DELETE FROM assignments WHERE id IN (
		SELECT a.id FROM assignments a, installation i WHERE a.expires_at < $1
			AND (a.expires_at < i.expiry_seen_at OR a.expires_at = i.expiry_seen_at AND a.id <= i.expiry_seen_id)
		ORDER BY a.expires_at, a.id LIMIT $2) AND expires_at < $1`,
	`DELETE FROM client_secrets WHERE id IN (SELECT id FROM client_secrets WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
	`DELETE FROM invitations WHERE id IN (SELECT id FROM invitations WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
}

// purgeStatusChanges deletes at most $1 changes of lists that are gone.
const purgeStatusChanges = `
	DELETE FROM status_changes WHERE seq IN (
		SELECT seq FROM status_changes c WHERE NOT EXISTS (SELECT 1 FROM status_lists l WHERE l.id = c.list_id) LIMIT $1)`

// purgeRevocations deletes at most $2 revocations that were done before $1.
const purgeRevocations = `DELETE FROM revocations WHERE id IN (SELECT id FROM revocations WHERE done_at < $1 LIMIT $2)`

// purgeChanges deletes at most $2 revisions made before $1, oldest first and whole, so that Changes can tell
// what is missing by the oldest that is left.
const purgeChanges = `
	DELETE FROM changes WHERE revision IN (
		SELECT DISTINCT revision FROM changes
		WHERE revision < COALESCE((SELECT MIN(revision) FROM changes WHERE changed_at >= $1), revision + 1)
		ORDER BY revision LIMIT $2)`

// Purge implements index.Store. Of changes, it deletes at most limit revisions that were made before then. Revocations go a day after
// they were done, assignments, client secrets and invitations a month after they expired, statistics after a fortnight. Expired tokens go with their partition on PostgreSQL, see PreparePartitions.
func (db *DB) Purge(ctx context.Context, before time.Time, limit int) (total int64, err error) {
	purge := func(query string, args ...any) { // one that fails does not keep the others from it
		n, failed := db.exec(ctx, query, args...)
		total, err = total+n, errors.Join(err, failed)
	}
	if !db.dialect.partitioned() {
		purge(purgeTokens, micros(before), limit)
	}
	for _, p := range purges {
		purge(p.query(db.dialect), micros(before), limit)
	}
	for _, query := range purgesLater {
		purge(query, micros(before.Add(-lapsedKept)), limit)
	}
	for _, query := range purgesSeen {
		purge(query, micros(before.Add(-unseenKept)), limit)
	}
	purge(purgeStatistics, micros(before.Add(-statisticsKept)), limit)
	purge(purgeStatusChanges, limit)
	purge(purgeRevocations, micros(before.Add(-revocationsKept)), limit)
	purge(purgeChanges, micros(before), limit)
	return total, errors.Join(err, db.foldStatusChanges(ctx)) // not counted: while tokens are revoked it never ends
}
