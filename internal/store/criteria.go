package store

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// stepCriteria marks rows and moves the cursor, as stepTokens does, along the index that has the fewest of them.
func stepCriteria(ctx context.Context, c conn, r *domain.Revocation, limit int, now time.Time) (done bool, err error) {
	q := &tokenQuery{dialect: c.db.dialect, order: ` ASC`}
	switch k := r.Criteria; { // one index is gone through
	case k.UserID != 0:
		q.ownedBy(domain.TokenFilter{UserID: k.UserID})
	case k.ClientID != 0:
		q.ownedBy(domain.TokenFilter{ClientID: k.ClientID})
	default:
		q.ownedBy(domain.TokenFilter{APIID: k.APIID})
	}
	q.issued(domain.TokenFilter{After: r.Cursor, IssuedSince: r.Criteria.IssuedSince, IssuedBefore: r.IssuedBefore})
	q.expires(`>=`, micros(r.CreatedAt.Truncate(partitionSpan).Add(-partitionSpan))) // the rest is over, whatever the clocks say
	q.where = append(q.where, `TRUE`)
	last, err := lastOf(ctx, c, strings.Join(q.where, ` AND `), q.key(), limit, q.args)
	if err != nil {
		return false, err
	}
	if done = last == (domain.TokenID{}); !done {
		q.issued(domain.TokenFilter{Before: next(last)})
		r.Cursor = last
	}
	where := append(q.where, `t.revoked_at IS NULL`, q.meets(*r))
	update := `UPDATE issued_tokens AS t SET revoked_at = ` + q.arg(micros(now)) + ` WHERE ` + strings.Join(where, ` AND `)
	marked, err := setTokenStatus(ctx, c, domain.StatusInvalid, update, q.args...)
	r.Marked += int64(len(marked))
	return done, err
}

// next is the id that follows one.
func next(id domain.TokenID) domain.TokenID {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i]++; id[i] != 0 {
			break
		}
	}
	return id
}

// meets does in SQL what Revocation.Covers does for several criteria.
func (q *tokenQuery) meets(r domain.Revocation) string {
	k := r.Criteria
	conditions := []string{`t.revision < ` + q.arg(r.Revision)}
	for _, owner := range []struct {
		column string
		id     int64
	}{{`user_id`, k.UserID}, {`client_ref`, k.ClientID}, {`api_id`, k.APIID}, {`key_id`, k.KeyID}, {`grant_id`, k.GrantID}} {
		if owner.id != 0 {
			conditions = append(conditions, `t.`+owner.column+` = `+q.arg(owner.id))
		}
	}
	if k.Role != `` {
		among := func(ids []int64) string {
			return ` IN (SELECT CAST(h.id AS BIGINT) FROM ` + q.dialect.rows(q.arg(idRows(ids)), `id BIGINT`) + ` h)`
		}
		conditions = append(conditions, `CASE WHEN t.user_id IS NULL THEN t.client_ref`+among(k.Clients)+` ELSE t.user_id`+among(k.Users)+` END`)
	}
	if k.Suspended {
		conditions = append(conditions, `t.suspended_at IS NOT NULL`)
	}
	if !k.IssuedSince.IsZero() {
		first := domain.FirstTokenID(k.IssuedSince)
		conditions = append(conditions, `t.jti >= `+q.arg(first[:]))
	}
	if !r.IssuedBefore.IsZero() {
		first := domain.FirstTokenID(r.IssuedBefore)
		conditions = append(conditions, `t.jti < `+q.arg(first[:]))
	}
	return strings.Join(conditions, ` AND `)
}

// meet are conditions that the grants g meet which meet the criteria of users and clients, to be joined to others; and their arguments, of
// which the first has a place.
func meet(k *domain.TokenCriteria, place int) (conditions string, args []any) {
	if k == nil {
		return ``, nil
	}
	for _, owner := range []struct {
		column string
		id     int64
	}{{`user_id`, k.UserID}, {`client_ref`, k.ClientID}} {
		if owner.id != 0 {
			conditions += ` AND g.` + owner.column + ` = $` + strconv.Itoa(place+len(args))
			args = append(args, owner.id)
		}
	}
	return conditions, args
}

// RoleHolders implements revocation.Losses.
func (db *DB) RoleHolders(ctx context.Context, roleID int64, limit int, now time.Time) (users, clients []int64, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) (err error) {
		const held = ` FROM assignments a WHERE a.role_id = $1 AND (a.expires_at IS NULL OR a.expires_at > $2) AND `
		users, err = list(ctx, c, scanInt, `
			SELECT * FROM (SELECT a.user_id AS id`+held+`a.user_id IS NOT NULL
				UNION SELECT m.user_id FROM group_members m WHERE m.group_id IN (SELECT a.group_id`+held+`a.group_id IS NOT NULL)) u
			ORDER BY id LIMIT $3`, roleID, micros(now), limit)
		if err != nil {
			return err
		}
		clients, err = list(ctx, c, scanInt, `SELECT a.client_ref`+held+`a.client_ref IS NOT NULL ORDER BY a.client_ref LIMIT $3`, roleID, micros(now), limit)
		return err
	})
	return users, clients, err
}

// storedCriteria are TokenCriteria as a revocation keeps them. Queries read the ids of users, clients and APIs there.
type storedCriteria struct {
	UserID      int64  `json:"user_id,omitempty"`
	User        string `json:"user,omitempty"`
	ClientID    int64  `json:"client_ref,omitempty"`
	Client      string `json:"client,omitempty"`
	APIID       int64  `json:"api_id,omitempty"`
	API         string `json:"api,omitempty"`
	KeyID       int64  `json:"key_id,omitempty"`
	KID         string `json:"kid,omitempty"`
	GrantID     int64  `json:"grant_id,omitempty"`
	Role        string `json:"role,omitempty"`
	Suspended   bool   `json:"suspended,omitempty"`
	IssuedSince *int64 `json:"issued_since,omitempty"`
}

// storedHolders are those of the role that criteria name, apart from the criteria: lists do without them.
type storedHolders struct {
	Users   []byte  `json:"users,omitempty"` // see packIDs
	Clients []int64 `json:"clients,omitempty"`
}

// packCriteria writes the criteria of a revocation and the holders of the role among them, nil for one that has none.
func packCriteria(k *domain.TokenCriteria) (criteria, holders any, err error) {
	if k == nil {
		return nil, nil, nil
	}
	stored := storedCriteria{
		k.UserID, k.User, k.ClientID, k.Client, k.APIID, k.API, k.KeyID, k.KID, k.GrantID, k.Role, k.Suspended, nil,
	}
	if !k.IssuedSince.IsZero() {
		since := micros(k.IssuedSince)
		stored.IssuedSince = &since
	}
	text, err := json.Marshal(stored)
	if err != nil || k.Role == "" {
		return string(text), nil, err
	}
	held, err := json.Marshal(storedHolders{packIDs(k.Users), k.Clients})
	return string(text), string(held), err
}

// criteriaColumn reads the criteria that packCriteria wrote; NULL is nil.
type criteriaColumn struct{ to **domain.TokenCriteria }

// Scan implements [database/sql.Scanner].
func (c criteriaColumn) Scan(src any) error {
	*c.to = nil
	if src == nil {
		return nil
	}
	text, err := storedText(src)
	if err != nil {
		return err
	}
	var s storedCriteria
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	*c.to = &domain.TokenCriteria{
		UserID: s.UserID, User: s.User, ClientID: s.ClientID, Client: s.Client, APIID: s.APIID, API: s.API, KeyID: s.KeyID, KID: s.KID,
		GrantID: s.GrantID, Role: s.Role, Suspended: s.Suspended,
	}
	if s.IssuedSince != nil {
		(*c.to).IssuedSince = time.UnixMicro(*s.IssuedSince).UTC()
	}
	return nil
}

// holdersColumn reads the holders that packCriteria wrote into criteria that were read before; NULL is none.
type holdersColumn struct{ of **domain.TokenCriteria }

// Scan implements [database/sql.Scanner].
func (c holdersColumn) Scan(src any) error {
	if src == nil || *c.of == nil {
		return nil
	}
	text, err := storedText(src)
	if err != nil {
		return err
	}
	var s storedHolders
	if err := json.Unmarshal(text, &s); err != nil {
		return err
	}
	(*c.of).Clients = s.Clients
	(*c.of).Users, err = unpackIDs(s.Users)
	return err
}
