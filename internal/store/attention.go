package store

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// ExpiringSecrets implements admin.Attention.
func (db *DB) ExpiringSecrets(ctx context.Context, now, until time.Time, limit int) ([]domain.ExpiringSecret, error) {
	return findAll(ctx, db, func(row scanner) (e domain.ExpiringSecret, err error) {
		err = row.Scan(&e.Client, &e.Hint, at(&e.ExpiresAt))
		return e, err
	}, `SELECT c.client_id, s.hint, s.expires_at FROM client_secrets s JOIN clients c ON c.id = s.client_ref
		WHERE s.expires_at > $1 AND s.expires_at <= $2 AND c.disabled_at IS NULL
		AND NOT EXISTS (SELECT 1 FROM client_secrets o WHERE o.client_ref = s.client_ref AND (o.expires_at IS NULL OR o.expires_at > s.expires_at))
		ORDER BY s.expires_at, s.id LIMIT $3`, micros(now), micros(until), limit)
}

// UnusedSince implements admin.Attention.
func (db *DB) UnusedSince(ctx context.Context, before time.Time, limit int) ([]domain.UnusedClient, error) {
	return findAll(ctx, db, func(row scanner) (u domain.UnusedClient, err error) {
		err = row.Scan(&u.Client, at(&u.Since))
		return u, err
	}, `SELECT client_id, COALESCE(last_used_at, created_at) FROM clients
		WHERE origin = 'administrator' AND disabled_at IS NULL AND grant_types <> '[]' AND COALESCE(last_used_at, created_at) < $1 AND client_id <> $2
		ORDER BY COALESCE(last_used_at, created_at), id LIMIT $3`, micros(before), domain.CLIClient, limit)
}

// ExpiringAssignments implements admin.Attention.
func (db *DB) ExpiringAssignments(ctx context.Context, now, until time.Time, limit int) ([]domain.Assignment, error) {
	return findAll(ctx, db, scanAssignment, selectAssignments+` WHERE a.expires_at > $1 AND a.expires_at <= $2 ORDER BY a.expires_at, a.id LIMIT $3`,
		micros(now), micros(until), limit)
}

// Backlogs implements admin.Attention.
func (db *DB) Backlogs(ctx context.Context, client string, count, limit int) ([]domain.Backlog, error) {
	return findAll(ctx, db, func(row scanner) (b domain.Backlog, err error) {
		err = row.Scan(&b.ReceiverID, &b.Client, &b.Events, &b.Seq, at(&b.Since))
		return b, err
	}, `SELECT r.id, c.client_id, (SELECT COUNT(*) FROM (SELECT 1 `+unacknowledged+` LIMIT $2) n),
			COALESCE((SELECT o.seq `+unacknowledged+` ORDER BY o.seq LIMIT 1), 0), (SELECT o.at `+unacknowledged+` ORDER BY o.seq LIMIT 1)
		FROM receivers r JOIN clients c ON c.id = r.client_ref WHERE $1 = '' OR c.client_id = $1 ORDER BY r.id LIMIT $3`, client, count, limit)
}
