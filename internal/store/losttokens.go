package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	// usersAtOnce is of how many users the tokens are looked for in one statement.
	usersAtOnce = 500
	// maxLostBytes bounds what a revocation keeps of who loses what.
	maxLostBytes = 4 << 20
)

// LostTokens implements revocation.Losses.
func (db *DB) LostTokens(ctx context.Context, lost []domain.LostAccess, from domain.LostPlace, limit int, now time.Time) (
	refs []domain.TokenRef, next domain.LostPlace, done bool, err error,
) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		refs, next, done, err = lostTokens(ctx, c, lost, from, math.MaxInt64, limit, now)
		return err
	})
	return refs, next, done, err
}

// stepLost marks tokens and moves the place that the revocation has come to.
func stepLost(ctx context.Context, c conn, r *domain.Revocation, limit int, now time.Time) (done bool, err error) {
	refs, next, done, err := lostTokens(ctx, c, r.Lost, domain.LostPlace{Part: r.Part, Cursor: r.Cursor}, r.Revision, limit, now)
	if err != nil {
		return false, err
	}
	if len(refs) > 0 {
		marked, err := c.db.RevokeTokens(ctx, now, refs...)
		if err != nil {
			return false, err
		}
		r.Marked += int64(len(marked))
	}
	r.Part, r.Cursor = next.Part, next.Cursor
	return done, nil
}

// lostPart is one that a LostPlace counts.
type lostPart struct {
	*domain.LostAccess
	client int64 // zero: the users
	before int64 // the revision before which its tokens were written
}

// partOf finds the part of a number, nil if there are not so many.
func partOf(lost []domain.LostAccess, number int, before int64) *lostPart {
	for i := range lost {
		if number == 0 {
			return &lostPart{&lost[i], 0, before}
		}
		number--
		if number < len(lost[i].Clients) {
			return &lostPart{&lost[i], lost[i].Clients[number], before}
		}
		number -= len(lost[i].Clients)
	}
	return nil
}

// lostTokens finds active access tokens, written before a revision, that may carry what their holders lose. Claims are not stored, so
// these are all tokens of a client, and those of a user whose grant covers it or which name roles. It reads about limit rows. If next
// equals from, call it again once the tokens returned are revoked.
func lostTokens(ctx context.Context, c conn, lost []domain.LostAccess, from domain.LostPlace, before int64, limit int, now time.Time) (
	refs []domain.TokenRef, next domain.LostPlace, done bool, err error,
) {
	part := partOf(lost, from.Part, before)
	if part == nil {
		return nil, from, true, nil
	}
	find := part.ofUsers
	if part.client != 0 {
		find = part.ofClient
	}
	refs, cursor, err := find(ctx, c, from.Cursor, limit, now)
	next = domain.LostPlace{Part: from.Part, Cursor: cursor}
	if cursor == (domain.TokenID{}) && len(refs) < limit {
		next.Part++
	}
	return refs, next, false, err
}

// from is the time after which tokens expire that are concerned.
func (p *lostPart) from(now time.Time) time.Time {
	if p.After.After(now) {
		return p.After
	}
	return now
}

func scanRef(row scanner) (ref domain.TokenRef, err error) {
	err = row.Scan(bytes16{(*[16]byte)(&ref.ID)}, at(&ref.ExpiresAt))
	return ref, err
}

const lostRefs = `SELECT t.jti, t.expires_at FROM issued_tokens t WHERE t.kind IS NULL AND t.revoked_at IS NULL AND `

// ofUsers finds those of the next users; the cursor that it returns is the last of them, zero if there are no more.
func (p *lostPart) ofUsers(ctx context.Context, c conn, cursor domain.TokenID, limit int, now time.Time) ([]domain.TokenRef, domain.TokenID, error) {
	first, found := slices.BinarySearch(p.Users, int64(binary.BigEndian.Uint64(cursor[:8])))
	if found {
		first++
	}
	users := p.Users[first:min(len(p.Users), first+usersAtOnce)]
	if len(users) == 0 {
		return nil, domain.TokenID{}, nil
	}
	ids := make([][]any, len(users))
	for i, id := range users {
		ids[i] = []any{id}
	}
	var scopes [][]any
	for _, permission := range p.Permissions {
		scopes = append(scopes, []any{permission})
	}
	if len(p.Roles) > 0 {
		scopes = append(scopes, []any{domain.ScopeRoles})
	}
	if len(p.Groups) > 0 {
		scopes = append(scopes, []any{domain.ScopeGroups})
	}
	names := `FALSE`
	if len(p.Roles)+len(p.Groups) > 0 {
		names = `EXISTS (SELECT 1 FROM clients k WHERE k.id = t.client_ref AND k.first_party)`
	}
	granted := `FROM grant_apis g WHERE g.grant_id = t.grant_id AND g.audience = $5`
	refs, err := list(ctx, c, scanRef, lostRefs+`t.expires_at > $1 AND t.api_id = $2 AND t.revision < $7
		AND t.user_id IN (SELECT CAST(u.id AS BIGINT) FROM `+c.db.dialect.rows(`$3`, `id BIGINT`)+` u) AND (`+names+` OR NOT EXISTS (SELECT 1 `+granted+`)
			OR EXISTS (SELECT 1 `+granted+` AND EXISTS (
				SELECT 1 FROM `+c.db.dialect.elements(`g.scopes`)+` WHERE value IN (SELECT s.name FROM `+c.db.dialect.rows(`$4`, `name`)+` s))))
		LIMIT $6`, micros(p.from(now)), p.APIID, jsonRows(ids), jsonRows(scopes), p.Audience, limit, p.before)
	if err != nil || len(refs) == limit {
		return refs, cursor, err
	}
	var last domain.TokenID
	if first+len(users) < len(p.Users) {
		binary.BigEndian.PutUint64(last[:8], uint64(users[len(users)-1]))
	}
	return refs, last, nil
}

// ofClient finds those of a client for itself among the next of all its tokens; the cursor that it returns is the last of these, zero
// if there are no more.
func (p *lostPart) ofClient(ctx context.Context, c conn, cursor domain.TokenID, limit int, now time.Time) ([]domain.TokenRef, domain.TokenID, error) {
	indexKey := func(jti string) string { return c.db.dialect.indexKey(`client_ref`, jti) }
	args := []any{micros(p.from(now)), p.client, cursor[:]}
	where := `expires_at > $1 AND client_ref = $2 AND jti > $3 AND ` + indexKey(`jti`) + ` >= ` + indexKey(`$3`)
	last, err := lastOf(ctx, c, where, indexKey(`jti`)+`, jti`, limit, args)
	if err != nil {
		return nil, cursor, err
	}
	if last != (domain.TokenID{}) {
		args = append(args, last[:])
		where += ` AND jti <= $4 AND ` + indexKey(`jti`) + ` <= ` + indexKey(`$4`)
	}
	api, before := strconv.Itoa(len(args)+1), strconv.Itoa(len(args)+2)
	refs, err := list(ctx, c, scanRef, lostRefs+`t.user_id IS NULL AND `+where+` AND t.api_id = $`+api+` AND t.revision < $`+before,
		append(args, p.APIID, p.before)...)
	return refs, last, err
}

// storedLost is LostAccess as a revocation keeps it.
type storedLost struct {
	APIID       int64    `json:"api_id"`
	Audience    string   `json:"audience"`
	Permissions []string `json:"permissions,omitempty"`
	Roles       []string `json:"roles,omitempty"`
	Groups      []string `json:"groups,omitempty"`
	After       int64    `json:"after,omitempty"`
	Users       []byte   `json:"users,omitempty"` // see packIDs
	Clients     []int64  `json:"clients,omitempty"`
}

// packIDs writes ids in order as varints, each the distance from the one before.
func packIDs(ids []int64) (packed []byte) {
	last := int64(0)
	for _, id := range ids {
		packed = binary.AppendUvarint(packed, uint64(id-last))
		last = id
	}
	return packed
}

func unpackIDs(packed []byte) (ids []int64, err error) {
	for last := int64(0); len(packed) > 0; {
		distance, n := binary.Uvarint(packed)
		if n <= 0 {
			return nil, errors.New("ids are stored in another form")
		}
		last += int64(distance)
		ids, packed = append(ids, last), packed[n:]
	}
	return ids, nil
}

// packLost writes what a revocation of a role or group keeps, nil for any other. ErrInvalid if that is too much.
func packLost(r domain.Revocation) (any, error) {
	if !r.Kind.ByClaims() {
		return nil, nil
	}
	stored := make([]storedLost, len(r.Lost))
	for i, l := range r.Lost {
		stored[i] = storedLost{APIID: l.APIID, Audience: l.Audience, Permissions: l.Permissions, Roles: l.Roles, Groups: l.Groups, Clients: l.Clients}
		if !l.After.IsZero() {
			stored[i].After = micros(l.After)
		}
		stored[i].Users = packIDs(l.Users)
	}
	text, err := json.Marshal(stored)
	if err == nil && len(text) > maxLostBytes {
		err = domain.ErrTooManyHolders
	}
	return string(text), err
}

// lostColumn reads what packLost wrote; NULL is nil.
type lostColumn struct{ to *[]domain.LostAccess }

// Scan implements [database/sql.Scanner].
func (c lostColumn) Scan(src any) error {
	*c.to = nil
	if src == nil {
		return nil
	}
	text, err := storedText(src)
	if err != nil {
		return err
	}
	var stored []storedLost
	if err := json.Unmarshal(text, &stored); err != nil {
		return err
	}
	*c.to = make([]domain.LostAccess, len(stored))
	for i, s := range stored {
		l := domain.LostAccess{APIID: s.APIID, Audience: s.Audience, Permissions: s.Permissions, Roles: s.Roles, Groups: s.Groups, Clients: s.Clients}
		if s.After != 0 {
			l.After = time.UnixMicro(s.After).UTC()
		}
		if l.Users, err = unpackIDs(s.Users); err != nil {
			return err
		}
		(*c.to)[i] = l
	}
	return nil
}
