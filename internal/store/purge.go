package store

import (
	"context"
	"time"
)

// changesKept is how long change rows are of use to a cache that was cut off.
const changesKept = time.Hour

// purges delete at most $2 rows that expired before $1.
var purges = []string{
	`DELETE FROM issued_tokens WHERE jti IN (SELECT jti FROM issued_tokens WHERE expires_at < $1 LIMIT $2) AND expires_at < $1`,
	`DELETE FROM authorization_codes WHERE signature IN (SELECT signature FROM authorization_codes WHERE expires_at < $1 LIMIT $2)`,
	`DELETE FROM refresh_tokens WHERE signature IN (SELECT signature FROM refresh_tokens WHERE expires_at < $1 LIMIT $2)`,
	`DELETE FROM grants WHERE id IN (SELECT id FROM grants WHERE expires_at < $1 LIMIT $2)`,
	`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2)`,
	`DELETE FROM setup_links WHERE hash IN (SELECT hash FROM setup_links WHERE expires_at < $1 LIMIT $2)`,
}

// purgeChanges deletes at most $2 revisions made before $1, oldest first and whole, so that Changes can tell
// what is missing by the oldest that is left.
const purgeChanges = `
	DELETE FROM changes WHERE revision IN (
		SELECT DISTINCT revision FROM changes
		WHERE revision < COALESCE((SELECT MIN(revision) FROM changes WHERE changed_at >= $1), revision + 1)
		ORDER BY revision LIMIT $2)`

// Purge deletes at most limit rows of each kind that expired before the given time, and says how many in all.
// Of changes, it deletes at most limit revisions, and keeps those of the last hour.
func (db *DB) Purge(ctx context.Context, before time.Time, limit int) (int64, error) {
	var total int64
	for _, query := range purges {
		n, err := db.exec(ctx, query, micros(before), limit)
		if err != nil {
			return total, err
		}
		total += n
	}
	n, err := db.exec(ctx, purgeChanges, micros(db.now().Add(-changesKept)), limit)
	return total + n, err
}
