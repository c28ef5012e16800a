package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// ListSessions implements session.Lists. Everybody's are read along the index of when they were seen; one user's, of which there are few,
// by the index of users, so their order is not that of an index.
func (db *DB) ListSessions(ctx context.Context, f domain.SessionFilter, p domain.Page) ([]domain.SessionEntry, error) {
	q := pageQuery{
		columns: `s.` + strings.ReplaceAll(sessionColumns, `, `, `, s.`) + `, u.username`, from: `sessions s JOIN users u ON u.id = s.user_id`,
		key: `s.last_seen_at, s.id`, descending: true, place: placeNumbers,
		names: []string{`s.sid`, `u.username`}, id: `-s.id`,
		tables: []string{`sessions s JOIN users u ON u.id = s.user_id`, `users u JOIN sessions s ON s.user_id = u.id`}, walks: []string{``, `users u`},
	}
	q.where = []string{`s.ended_at IS NULL`, `s.expires_at > ` + q.arg(micros(f.Now)), `s.last_seen_at > ` + q.arg(micros(f.SeenAfter))}
	if f.UserID != 0 {
		q.where = append(q.where, `s.user_id = `+q.arg(f.UserID))
		q.key, q.few = `s.last_seen_at + 0, s.id`, true
	}
	return listPage(ctx, db, func(row scanner) (e domain.SessionEntry, err error) {
		e.Session, err = scanSession(also{row, []any{&e.Username}})
		return e, err
	}, q, p)
}

// also is a row with more columns behind those that are scanned.
type also struct {
	scanner
	more []any
}

// Scan implements scanner.
func (a also) Scan(dest ...any) error { return a.scanner.Scan(slices.Concat(dest, a.more)...) }

// FindSessionBySID implements session.Lists.
func (db *DB) FindSessionBySID(ctx context.Context, sid string) (domain.Session, error) {
	return find(ctx, db, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE sid = $1 ORDER BY id DESC LIMIT 1`, sid)
}

// UserSessions implements session.Lists.
func (db *DB) UserSessions(ctx context.Context, userID, except int64, limit int) ([]domain.Session, error) {
	return findAll(ctx, db, scanSession, `
		SELECT `+sessionColumns+` FROM sessions WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL ORDER BY id LIMIT $3`, userID, except, limit)
}

// SessionClients implements session.Lists.
func (db *DB) SessionClients(ctx context.Context, sessions ...int64) (map[int64][]string, error) {
	clients := map[int64][]string{}
	if len(sessions) == 0 {
		return clients, nil
	}
	these, args := in(nil, sessions...)
	err := db.read(ctx, func(ctx context.Context, c conn) error {
		return c.each(ctx, func(row scanner) error {
			var session int64
			var client string
			err := row.Scan(&session, &client)
			clients[session] = append(clients[session], client)
			return err
		}, `SELECT DISTINCT g.session_id, k.client_id FROM grants g JOIN clients k ON k.id = g.client_ref
			WHERE g.session_id IN `+these+` AND g.revoked_at IS NULL ORDER BY 1, 2`, args...)
	})
	return clients, err
}

// ListConsents implements session.Lists.
func (db *DB) ListConsents(ctx context.Context, userID int64, p domain.Page) ([]domain.ConsentEntry, error) {
	return listPage(ctx, db, func(row scanner) (e domain.ConsentEntry, err error) {
		err = row.Scan(&e.UserID, &e.ClientID, &e.Audience, listOf(&e.Scopes), at(&e.GrantedAt), &e.Client, &e.ClientName)
		return e, err
	}, pageQuery{
		columns: `c.user_id, c.client_ref, c.audience, c.scopes, c.granted_at, k.client_id, k.name`,
		from:    `consents c JOIN clients k ON k.id = c.client_ref`, where: []string{`c.user_id = $1`}, args: []any{userID},
		key: `k.client_id, c.audience`, place: func(place string) ([]any, error) {
			client, audience := domain.ParseConsentPlace(place)
			return []any{client, audience}, nil
		},
		names: []string{`k.client_id`, `k.name`, `c.audience`}, few: true,
	}, p)
}

// DeleteConsents implements session.Consents.
func (db *DB) DeleteConsents(ctx context.Context, userID, clientID int64) (int64, error) {
	return db.exec(ctx, `DELETE FROM consents WHERE user_id = $1 AND client_ref = $2`, userID, clientID)
}

// ListGrants implements session.Lists.
func (db *DB) ListGrants(ctx context.Context, f domain.GrantFilter, p domain.Page) ([]domain.GrantEntry, error) {
	q := pageQuery{
		columns: `g.id, g.client_ref, g.user_id, COALESCE(g.session_id, 0), g.sid, g.ends_with_session, g.auth_time, g.created_at, g.expires_at,
			COALESCE((SELECT MAX(r.created_at) FROM refresh_tokens r WHERE r.grant_id = g.id), g.created_at), k.client_id, k.name`,
		from: `grants g JOIN clients k ON k.id = g.client_ref`, key: `g.id`, descending: true, place: placeNumber,
		names: []string{`k.client_id`, `k.name`, `g.sid`}, few: true,
	}
	q.where = []string{`g.user_id = ` + q.arg(f.UserID), `g.revoked_at IS NULL`, `g.expires_at > ` + q.arg(micros(f.Now)), grantCoveredAt + ` IS NULL`}
	if f.ClientID != 0 {
		q.where = append(q.where, `g.client_ref = `+q.arg(f.ClientID))
	}
	grants, err := listPage(ctx, db, func(row scanner) (e domain.GrantEntry, err error) {
		err = row.Scan(&e.ID, &e.ClientID, &e.UserID, &e.SessionID, &e.SID, &e.EndsWithSession, at(&e.AuthTime), at(&e.CreatedAt), at(&e.ExpiresAt),
			at(&e.LastUsedAt), &e.Client, &e.ClientName)
		return e, err
	}, q, p)
	if err != nil {
		return nil, err
	}
	return grants, db.addGrantAPIs(ctx, grants)
}

// addGrantAPIs adds to each grant the APIs that it covers.
func (db *DB) addGrantAPIs(ctx context.Context, grants []domain.GrantEntry) error {
	if len(grants) == 0 {
		return nil
	}
	ids, places := make([]int64, len(grants)), map[int64]int{}
	for i, g := range grants {
		ids[i], places[g.ID] = g.ID, i
	}
	these, args := in(nil, ids...)
	return db.read(ctx, func(ctx context.Context, c conn) error {
		return c.each(ctx, func(row scanner) error {
			var grant int64
			var api domain.GrantAPI
			if err := row.Scan(&grant, &api.Audience, listOf(&api.Scopes)); err != nil {
				return err
			}
			of := &grants[places[grant]]
			of.APIs = append(of.APIs, api)
			return nil
		}, `SELECT grant_id, audience, scopes FROM grant_apis WHERE grant_id IN `+these+` AND revoked_at IS NULL ORDER BY grant_id, position`, args...)
	})
}

// GrantsOfClient implements revocation.Grants.
func (db *DB) GrantsOfClient(ctx context.Context, userID, clientID int64, now time.Time, limit int) ([]int64, error) {
	return findAll(ctx, db, scanInt, `
		SELECT id FROM grants WHERE user_id = $1 AND client_ref = $2 AND revoked_at IS NULL AND expires_at > $3 ORDER BY id LIMIT $4`,
		userID, clientID, micros(now), limit)
}
