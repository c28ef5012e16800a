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
			INSERT INTO sessions (hash, sid, browser, user_id, auth_time, acr, amr, user_agent, ip, created_at, last_seen_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id`,
			s.Hash, s.SID, nullBytes(s.Browser), s.UserID, micros(s.AuthTime), s.ACR, jsonList(s.AMR), s.UserAgent, s.IP,
			micros(s.CreatedAt), micros(s.LastSeenAt), micros(s.ExpiresAt))
		return err
	})
	return id, err
}

// FindSession implements session.Store.
func (db *DB) FindSession(ctx context.Context, hash []byte) (domain.Session, error) {
	return find(ctx, db, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE hash = $1`, hash)
}

// FindSessionByID implements session.Store.
func (db *DB) FindSessionByID(ctx context.Context, id int64) (domain.Session, error) {
	return find(ctx, db, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE id = $1`, id)
}

const sessionColumns = `id, hash, sid, browser, user_id, auth_time, acr, amr, user_agent, ip, created_at, last_seen_at, expires_at, ended_at`

func scanSession(row scanner) (s domain.Session, err error) {
	err = row.Scan(&s.ID, &s.Hash, &s.SID, &s.Browser, &s.UserID, at(&s.AuthTime), &s.ACR, listOf(&s.AMR), &s.UserAgent, &s.IP,
		at(&s.CreatedAt), at(&s.LastSeenAt), at(&s.ExpiresAt), at(&s.EndedAt))
	return s, err
}

// TouchSession implements session.Store.
func (db *DB) TouchSession(ctx context.Context, id int64, now time.Time) error {
	_, err := db.exec(ctx, `UPDATE sessions SET last_seen_at = $2 WHERE id = $1`, id, micros(now))
	return err
}

// BrowserSessions implements session.Browsers.
func (db *DB) BrowserSessions(ctx context.Context, browser []byte) ([]domain.Session, error) {
	return findAll(ctx, db, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE browser = $1 AND ended_at IS NULL ORDER BY id DESC`, browser)
}

// RenewSession implements session.Browsers.
func (db *DB) RenewSession(ctx context.Context, s domain.Session) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		if err := c.lockForGrants(ctx); err != nil {
			return err
		}
		err := consumed(c.exec(ctx, `
			UPDATE sessions SET hash = $2, auth_time = $3, acr = $4, amr = $5, user_agent = $6, ip = $7, last_seen_at = $8, expires_at = $9
			WHERE id = $1 AND ended_at IS NULL`,
			s.ID, s.Hash, micros(s.AuthTime), s.ACR, jsonList(s.AMR), s.UserAgent, s.IP, micros(s.LastSeenAt), micros(s.ExpiresAt)))
		if err != nil {
			return err
		}
		_, err = c.exec(ctx, `UPDATE grants SET expires_at = $2 WHERE session_id = $1 AND ends_with_session AND expires_at < $2`,
			s.ID, micros(s.ExpiresAt))
		return err
	})
}

// EndSessions implements session.Store.
func (db *DB) EndSessions(ctx context.Context, now time.Time, ids ...int64) (ended []domain.Session, err error) {
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		if err := c.lockForGrants(ctx); err != nil {
			return err
		}
		these, args := in([]any{micros(now)}, ids...)
		ended, err = list(ctx, c, scanSession, `UPDATE sessions SET ended_at = $1 WHERE id IN `+these+` AND ended_at IS NULL RETURNING `+sessionColumns, args...)
		if err != nil || len(ended) == 0 {
			return err
		}
		these, args = in([]any{micros(now)}, sessionIDs(ended)...)
		_, err = c.exec(ctx, insertLogouts+`g.sid, `+logoutsOf+` g.session_id IN `+these, args...)
		return err
	})
	return ended, err
}

func sessionIDs(sessions []domain.Session) []int64 {
	ids := make([]int64, len(sessions))
	for i, s := range sessions {
		ids[i] = s.ID
	}
	return ids
}

// HoldExpiredSessions implements session.Store. Each of the two searches has an index.
func (db *DB) HoldExpiredSessions(ctx context.Context, now, idleSince time.Time, limit int) (expired []domain.Session, err error) {
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		if err := c.lockForGrants(ctx); err != nil {
			return err
		}
		expired, err = list(ctx, c, scanSession, `
			SELECT `+sessionColumns+` FROM sessions
			WHERE ended_at IS NULL AND (expires_at <= $1 OR last_seen_at <= $2) AND id IN (
				SELECT id FROM (SELECT id FROM sessions WHERE ended_at IS NULL AND expires_at <= $1 ORDER BY expires_at LIMIT $3) AS over
				UNION SELECT id FROM (SELECT id FROM sessions WHERE ended_at IS NULL AND last_seen_at <= $2 ORDER BY last_seen_at LIMIT $3) AS idle)
			ORDER BY id LIMIT $3`+db.dialect.forUpdate(), micros(now), micros(idleSince), limit)
		return err
	})
	return expired, err
}

// EndUserSessions implements directory.Sessions. Each client gets one logout for all sessions of the user.
func (db *DB) EndUserSessions(ctx context.Context, userID int64, now time.Time) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		if err := c.lockForGrants(ctx); err != nil {
			return err
		}
		_, err := c.exec(ctx, insertLogouts+`'', `+logoutsOf+`
			g.session_id IN (SELECT id FROM sessions WHERE user_id = $2 AND ended_at IS NULL)`, micros(now), userID)
		if err != nil {
			return err
		}
		_, err = c.exec(ctx, `UPDATE sessions SET ended_at = $2 WHERE user_id = $1 AND ended_at IS NULL`, userID, micros(now))
		return err
	})
}
