package store

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// AdvanceExpired implements directory.Assignments. The position is stored in installation; concurrent callers wait for the transaction
// that ctx carries.
func (db *DB) AdvanceExpired(ctx context.Context, now time.Time, limit int) (expired []domain.Assignment, err error) {
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		var seen struct{ at, id int64 }
		err := c.each(ctx, func(row scanner) error { return row.Scan(&seen.at, &seen.id) },
			`SELECT expiry_seen_at, expiry_seen_id FROM installation WHERE id = 1`+db.dialect.forUpdate())
		if err != nil {
			return err
		}
		expired, err = list(ctx, c, scanAssignment, selectAssignments+`
			WHERE (a.expires_at > $1 OR a.expires_at = $1 AND a.id > $2) AND a.expires_at <= $3 ORDER BY a.expires_at, a.id LIMIT $4`,
			seen.at, seen.id, micros(now), limit)
		if err != nil || len(expired) == 0 {
			return err
		}
		last := expired[len(expired)-1]
		return consumed(c.exec(ctx, `UPDATE installation SET expiry_seen_at = $3, expiry_seen_id = $4
			WHERE id = 1 AND expiry_seen_at = $1 AND expiry_seen_id = $2`, seen.at, seen.id, micros(last.ExpiresAt), last.ID))
	})
	return expired, err
}
