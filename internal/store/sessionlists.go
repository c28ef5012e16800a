package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// ListSessions implements session.Lists. Everybody's are read along the index of when they were seen; one user's, of which there are few,
// by the index of users, so their order is not that of an index.
func (db *DB) ListSessions(ctx context.Context, f domain.SessionFilter, p domain.Page) ([]domain.SessionEntry, error) {
	args := []any{micros(f.Now), micros(f.SeenAfter), p.Limit}
	where, seen := `s.ended_at IS NULL AND s.expires_at > $1 AND s.last_seen_at > $2`, `s.last_seen_at`
	if f.UserID != 0 {
		args = append(args, f.UserID)
		where, seen = where+` AND s.user_id = $4`, `s.last_seen_at + 0`
	}
	order := `DESC`
	if place := cmp.Or(p.After, p.Before); place != "" {
		at, id, err := placeOfSession(place)
		if err != nil {
			return nil, err
		}
		than := `<`
		if p.Before != "" {
			than, order = `>`, `ASC`
		}
		args = append(args, at, id)
		where += fmt.Sprintf(` AND (%s, s.id) %s ($%d, $%d)`, seen, than, len(args)-1, len(args))
	}
	sessions, err := findAll(ctx, db, func(row scanner) (e domain.SessionEntry, err error) {
		e.Session, err = scanSession(also{row, []any{&e.Username}})
		return e, err
	}, `SELECT s.`+strings.ReplaceAll(sessionColumns, `, `, `, s.`)+`, u.username FROM sessions s JOIN users u ON u.id = s.user_id
		WHERE `+where+` ORDER BY `+seen+` `+order+`, s.id `+order+` LIMIT $3`, args...)
	if p.Before != "" {
		slices.Reverse(sessions)
	}
	return sessions, err
}

// also is a row with more columns behind those that are scanned.
type also struct {
	scanner
	more []any
}

// Scan implements scanner.
func (a also) Scan(dest ...any) error { return a.scanner.Scan(slices.Concat(dest, a.more)...) }

// placeOfSession reads domain.SessionEntry.Place.
func placeOfSession(place string) (at, id int64, err error) {
	seen, name, _ := strings.Cut(place, ".")
	if at, err = strconv.ParseInt(seen, 10, 64); err == nil {
		id, err = strconv.ParseInt(name, 10, 64)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%w place in a list: %q", domain.ErrInvalid, place)
	}
	return at, id, nil
}

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
	args, where, order := []any{userID, p.Limit}, ``, `ASC`
	if place := cmp.Or(p.After, p.Before); place != "" {
		client, audience := domain.ParseConsentPlace(place)
		than := `>`
		if p.Before != "" {
			than, order = `<`, `DESC`
		}
		args, where = append(args, client, audience), ` AND (k.client_id, c.audience) `+than+` ($3, $4)`
	}
	consents, err := findAll(ctx, db, func(row scanner) (e domain.ConsentEntry, err error) {
		err = row.Scan(&e.UserID, &e.ClientID, &e.Audience, listOf(&e.Scopes), at(&e.GrantedAt), &e.Client, &e.ClientName)
		return e, err
	}, `SELECT c.user_id, c.client_ref, c.audience, c.scopes, c.granted_at, k.client_id, k.name
		FROM consents c JOIN clients k ON k.id = c.client_ref
		WHERE c.user_id = $1`+where+` ORDER BY k.client_id `+order+`, c.audience `+order+` LIMIT $2`, args...)
	if p.Before != "" {
		slices.Reverse(consents)
	}
	return consents, err
}

// DeleteConsents implements session.Consents.
func (db *DB) DeleteConsents(ctx context.Context, userID, clientID int64) (int64, error) {
	return db.exec(ctx, `DELETE FROM consents WHERE user_id = $1 AND client_ref = $2`, userID, clientID)
}

// ListGrants implements session.Lists.
func (db *DB) ListGrants(ctx context.Context, f domain.GrantFilter, p domain.Page) ([]domain.GrantEntry, error) {
	args, where, order := []any{f.UserID, micros(f.Now), p.Limit}, ``, `DESC`
	if f.ClientID != 0 {
		args, where = append(args, f.ClientID), ` AND g.client_ref = $4`
	}
	if place := cmp.Or(p.After, p.Before); place != "" {
		id, err := placeNumber(place)
		if err != nil {
			return nil, err
		}
		than := `<`
		if p.Before != "" {
			than, order = `>`, `ASC`
		}
		args = append(args, id)
		where += fmt.Sprintf(` AND g.id %s $%d`, than, len(args))
	}
	grants, err := findAll(ctx, db, func(row scanner) (e domain.GrantEntry, err error) {
		err = row.Scan(&e.ID, &e.ClientID, &e.UserID, &e.SessionID, &e.SID, &e.EndsWithSession, at(&e.AuthTime), at(&e.CreatedAt), at(&e.ExpiresAt),
			at(&e.LastUsedAt), &e.Client, &e.ClientName)
		return e, err
	}, `SELECT g.id, g.client_ref, g.user_id, COALESCE(g.session_id, 0), g.sid, g.ends_with_session, g.auth_time, g.created_at, g.expires_at,
			COALESCE((SELECT MAX(r.created_at) FROM refresh_tokens r WHERE r.grant_id = g.id), g.created_at), k.client_id, k.name
		FROM grants AS g JOIN clients k ON k.id = g.client_ref
		WHERE g.user_id = $1 AND g.revoked_at IS NULL AND g.expires_at > $2 AND `+grantCoveredAt+` IS NULL`+where+`
		ORDER BY g.id `+order+` LIMIT $3`, args...)
	if err != nil {
		return nil, err
	}
	if p.Before != "" {
		slices.Reverse(grants)
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
