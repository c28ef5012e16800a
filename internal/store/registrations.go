package store

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

const invitationColumns = `id, hash, note, max_uses, uses, created_at, expires_at`

func scanInvitation(row scanner) (i domain.Invitation, err error) {
	err = row.Scan(&i.ID, &i.Hash, &i.Note, &i.MaxUses, &i.Uses, at(&i.CreatedAt), at(&i.ExpiresAt))
	return i, err
}

// InsertInvitation implements registration.Store.
func (db *DB) InsertInvitation(ctx context.Context, i domain.Invitation) (id int64, err error) {
	err = db.write(ctx, func(ctx context.Context, c conn) error {
		id, err = one(ctx, c, scanInt, `
			INSERT INTO invitations (hash, note, max_uses, uses, created_at, expires_at) VALUES ($1, $2, $3, 0, $4, $5) RETURNING id`,
			i.Hash, i.Note, i.MaxUses, micros(i.CreatedAt), micros(i.ExpiresAt))
		return err
	})
	return id, err
}

const usableInvitation = `hash = $1 AND uses < max_uses AND expires_at > $2`

// CheckInvitation implements registration.Store.
func (db *DB) CheckInvitation(ctx context.Context, hash string, now time.Time) error {
	_, err := find(ctx, db, scanInt, `SELECT id FROM invitations WHERE `+usableInvitation, hash, micros(now))
	return err
}

// UseInvitation implements registration.Store.
func (db *DB) UseInvitation(ctx context.Context, hash string, now time.Time) (id int64, err error) {
	err = db.write(ctx, func(ctx context.Context, c conn) error {
		id, err = one(ctx, c, scanInt,
			`UPDATE invitations SET uses = uses + 1 WHERE `+usableInvitation+` RETURNING id`, hash, micros(now))
		return err
	})
	return id, err
}

// ListInvitations implements registration.Store.
func (db *DB) ListInvitations(ctx context.Context, p domain.Page) ([]domain.Invitation, error) {
	return listPage(ctx, db, scanInvitation, pageQuery{
		columns: invitationColumns, from: `invitations`, id: `id`, key: `id`, place: placeNumber, names: []string{`note`},
	}, p)
}

// DeleteInvitation implements registration.Store.
func (db *DB) DeleteInvitation(ctx context.Context, id int64) error {
	return db.write(ctx, func(ctx context.Context, c conn) error {
		_, err := one(ctx, c, scanInt, `DELETE FROM invitations WHERE id = $1 RETURNING id`, id)
		return err
	})
}

// CountSelfRegistered implements registration.Store.
func (db *DB) CountSelfRegistered(ctx context.Context) (int64, error) {
	return find(ctx, db, scanInt, `SELECT COUNT(*) FROM clients WHERE origin <> 'administrator'`)
}

// UnusedClients implements registration.Store.
func (db *DB) UnusedClients(ctx context.Context, usedBefore, createdBefore time.Time, limit int) ([]string, error) {
	return findAll(ctx, db, scanString, `
		SELECT client_id FROM clients WHERE origin <> 'administrator' AND disabled_at IS NULL AND COALESCE(last_used_at, created_at) < $3
			AND (last_used_at < $1 OR last_used_at IS NULL AND created_at < $2)
		ORDER BY COALESCE(last_used_at, created_at), id LIMIT $4`,
		micros(usedBefore), micros(createdBefore), max(micros(usedBefore), micros(createdBefore)), limit)
}

// touchEvery is how often the use of a client is noted.
const touchEvery = 24 * time.Hour

// TouchClient implements registration.Store.
func (db *DB) TouchClient(ctx context.Context, id int64, now time.Time) error {
	_, err := db.exec(ctx, `
		UPDATE clients SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)`,
		id, micros(now), micros(now.Add(-touchEvery)))
	return err
}
