package store

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// insertLogouts, a sid, and logoutsOf with a condition on grants g, make the logouts of ended sessions.
const (
	insertLogouts = `INSERT INTO logouts (client_ref, subject, sid, attempts, created_at, next_attempt_at) SELECT DISTINCT g.client_ref, u.subject, `
	logoutsOf     = `0, CAST($1 AS BIGINT), CAST($1 AS BIGINT)
		FROM grants g JOIN users u ON u.id = g.user_id JOIN clients k ON k.id = g.client_ref
		WHERE k.backchannel_logout_uri <> '' AND `
)

// FrontchannelLogouts implements session.Frontchannel. Those whose grants are the newest come first.
func (db *DB) FrontchannelLogouts(ctx context.Context, session int64, limit int) ([]domain.FrontchannelLogout, error) {
	return findAll(ctx, db, func(row scanner) (l domain.FrontchannelLogout, err error) {
		err = row.Scan(&l.URI, &l.WithSession)
		return l, err
	}, `SELECT k.frontchannel_logout_uri, k.frontchannel_logout_session_required
		FROM clients k JOIN (SELECT client_ref, MAX(id) AS newest FROM grants WHERE session_id = $1 GROUP BY client_ref) g ON g.client_ref = k.id
		WHERE k.frontchannel_logout_uri <> '' AND k.disabled_at IS NULL ORDER BY g.newest DESC LIMIT $2`, session, limit)
}

// DueLogouts implements logout.Store.
func (db *DB) DueLogouts(ctx context.Context, now time.Time, limit int) ([]domain.Logout, error) {
	return findAll(ctx, db, func(row scanner) (l domain.Logout, err error) {
		err = row.Scan(&l.ID, &l.ClientID, &l.Alg, &l.URI, &l.AllowPrivate, &l.SubjectType, &l.Sector, &l.Subject, &l.SID, &l.Attempts, at(&l.CreatedAt))
		return l, err
	}, `SELECT l.id, k.client_id, k.id_token_alg, k.backchannel_logout_uri, k.backchannel_logout_private, k.subject_type, k.sector_identifier, l.subject, l.sid, l.attempts, l.created_at
		FROM logouts l JOIN clients k ON k.id = l.client_ref
		WHERE l.next_attempt_at <= $1 ORDER BY l.next_attempt_at, l.id LIMIT $2`, micros(now), limit)
}

// ClaimLogout implements logout.Store.
func (db *DB) ClaimLogout(ctx context.Context, l domain.Logout, next time.Time) error {
	return consumed(db.exec(ctx, `UPDATE logouts SET attempts = attempts + 1, next_attempt_at = $3 WHERE id = $1 AND attempts = $2`,
		l.ID, l.Attempts, micros(next)))
}

// DeleteLogout implements logout.Store.
func (db *DB) DeleteLogout(ctx context.Context, id int64) error {
	_, err := db.exec(ctx, `DELETE FROM logouts WHERE id = $1`, id)
	return err
}
