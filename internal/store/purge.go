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
	// outboxKept is how long an event waits for receivers to acknowledge it.
	outboxKept = 30 * 24 * time.Hour
)

// purgeTokens deletes at most $2 tokens that expired before $1, where there are no partitions to drop.
const purgeTokens = `DELETE FROM issued_tokens WHERE jti IN (SELECT jti FROM issued_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2) AND expires_at < $1`

// purges delete at most $2 rows that expired before $1. A session stays until its end was recorded.
var purges = []string{
	`DELETE FROM authorization_codes WHERE signature IN (SELECT signature FROM authorization_codes WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
	`DELETE FROM refresh_tokens WHERE signature IN (SELECT signature FROM refresh_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
	`DELETE FROM device_requests WHERE id IN (SELECT id FROM device_requests WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
	`DELETE FROM limits WHERE bucket IN (SELECT bucket FROM limits WHERE spent_until < $1 ORDER BY spent_until LIMIT $2) AND spent_until < $1`,
	`DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
	`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 AND ended_at IS NOT NULL ORDER BY expires_at LIMIT $2)`,
	`DELETE FROM assertions WHERE hash IN (SELECT hash FROM assertions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
	`DELETE FROM setup_links WHERE hash IN (SELECT hash FROM setup_links WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
	`DELETE FROM status_lists WHERE id IN (SELECT id FROM status_lists WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`,
}

// purgesLater delete at most $2 rows that expired before $1, which people made: later than the others. An assignment stays until its
// expiry was recorded, and if it is prolonged meanwhile.
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
// they were done, assignments, client secrets and invitations a month after they expired, events that no receiver acknowledges after a month. Expired tokens go with their partition on PostgreSQL, see PreparePartitions.
func (db *DB) Purge(ctx context.Context, before time.Time, limit int) (total int64, err error) {
	purge := func(query string, args ...any) { // one that fails does not keep the others from it
		n, failed := db.exec(ctx, query, args...)
		total, err = total+n, errors.Join(err, failed)
	}
	if !db.dialect.partitioned() {
		purge(purgeTokens, micros(before), limit)
	}
	for _, query := range purges {
		purge(query, micros(before), limit)
	}
	for _, query := range purgesLater {
		purge(query, micros(before.Add(-lapsedKept)), limit)
	}
	purge(purgeStatusChanges, limit)
	acknowledged, failed := db.purgeAcknowledged(ctx, limit)
	total, err = total+acknowledged, errors.Join(err, failed)
	unheard, failed := db.purgeUnacknowledged(ctx, before.Add(-outboxKept), limit)
	total, err = total+unheard, errors.Join(err, failed)
	purge(purgeRevocations, micros(before.Add(-revocationsKept)), limit)
	purge(purgeChanges, micros(before), limit)
	folded, failed := db.foldStatusChanges(ctx)
	return total + folded, errors.Join(err, failed)
}
