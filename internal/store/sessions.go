package store

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// InsertSession implements session.Store.
func (db *DB) InsertSession(ctx context.Context, s domain.Session) (id int64, err error) {
	err = db.write(ctx, func(ctx context.Context, c conn) error {
		id, err = one(ctx, c, scanInt, `
			INSERT INTO sessions (hash, user_id, auth_time, acr, amr, user_agent, ip, created_at, last_seen_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id`,
			s.Hash, s.UserID, micros(s.AuthTime), s.ACR, jsonList(s.AMR), s.UserAgent, s.IP,
			micros(s.CreatedAt), micros(s.LastSeenAt), micros(s.ExpiresAt))
		return err
	})
	return id, err
}

// FindSession implements session.Store.
func (db *DB) FindSession(ctx context.Context, hash []byte) (domain.Session, error) {
	return find(ctx, db, scanSession, `
		SELECT id, hash, user_id, auth_time, acr, amr, user_agent, ip, created_at, last_seen_at, expires_at, ended_at
		FROM sessions WHERE hash = $1`, hash)
}

func scanSession(row scanner) (s domain.Session, err error) {
	err = row.Scan(&s.ID, &s.Hash, &s.UserID, at(&s.AuthTime), &s.ACR, listOf(&s.AMR), &s.UserAgent, &s.IP,
		at(&s.CreatedAt), at(&s.LastSeenAt), at(&s.ExpiresAt), at(&s.EndedAt))
	return s, err
}

// TouchSession implements session.Store.
func (db *DB) TouchSession(ctx context.Context, id int64, now time.Time) error {
	_, err := db.exec(ctx, `UPDATE sessions SET last_seen_at = $2 WHERE id = $1`, id, micros(now))
	return err
}

// EndSession implements session.Store. Clients that hear of ended sessions, and have a grant of this one, have yet to.
func (db *DB) EndSession(ctx context.Context, id int64, now time.Time) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		ended, err := c.exec(ctx, `UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL`, id, micros(now))
		if err != nil || ended == 0 {
			return err
		}
		_, err = c.exec(ctx, insertLogouts+`g.sid, `+logoutsOf+` g.session_id = $2`, micros(now), id)
		return err
	})
}

// EndUserSessions implements directory.Sessions. Clients hear of all sessions of the user as one.
func (db *DB) EndUserSessions(ctx context.Context, userID int64, now time.Time) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		_, err := c.exec(ctx, insertLogouts+`'', `+logoutsOf+`
			g.session_id IN (SELECT id FROM sessions WHERE user_id = $2 AND ended_at IS NULL)`, micros(now), userID)
		if err != nil {
			return err
		}
		_, err = c.exec(ctx, `UPDATE sessions SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL`, userID, micros(now))
		return err
	})
}
