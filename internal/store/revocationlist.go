package store

import (
	"context"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// revocationNames are queries for the names of what revocations are of: of the ids in a list.
var revocationNames = map[domain.RevocationKind]string{
	domain.RevokeOfUser: `SELECT id, username FROM users WHERE id IN `, domain.RevokeOfClient: `SELECT id, client_id FROM clients WHERE id IN `,
	domain.RevokeOfKey: `SELECT id, kid FROM signing_keys WHERE id IN `, domain.RevokeOfRole: `SELECT id, name FROM roles WHERE id IN `,
	domain.RevokeOfGroup: `SELECT id, name FROM groups WHERE id IN `,
}

// shownOfRevocations are the columns without what tokens have to carry, which may be much.
var shownOfRevocations = strings.Replace(revocationColumns, ` lost,`, ` NULL,`, 1)

// ListRevocations implements revocation.Store.
func (db *DB) ListRevocations(ctx context.Context, f domain.RevocationFilter, p domain.Page) (found []domain.Revocation, err error) {
	q := pageQuery{columns: shownOfRevocations, from: `revocations`, key: `id`, descending: true, place: placeNumber}
	if f.Kind != "" {
		q.where = append(q.where, `kind = `+q.arg(string(f.Kind)))
	}
	if f.Done != nil && *f.Done {
		q.where = append(q.where, `done_at IS NOT NULL`)
	} else if f.Done != nil {
		q.where = append(q.where, `done_at IS NULL`)
	}
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		if found, err = pageOf(ctx, c, scanRevocation, q, p); err != nil {
			return err
		}
		return nameRevocations(ctx, c, found)
	})
	return found, err
}

// nameRevocations says what revocations are of: a query for each kind.
func nameRevocations(ctx context.Context, c conn, revocations []domain.Revocation) error {
	for kind, query := range revocationNames {
		var ids []int64
		for _, r := range revocations {
			if r.Kind == kind && !slices.Contains(ids, r.TargetID) {
				ids = append(ids, r.TargetID)
			}
		}
		if len(ids) == 0 {
			continue
		}
		names, these, args := map[int64]string{}, "", []any(nil)
		these, args = in(nil, ids...)
		err := c.each(ctx, func(row scanner) error {
			var id int64
			var name string
			err := row.Scan(&id, &name)
			names[id] = name
			return err
		}, query+these, args...)
		if err != nil {
			return err
		}
		for i := range revocations {
			if r := &revocations[i]; r.Kind == kind {
				r.Name = names[r.TargetID]
			}
		}
	}
	for i := range revocations {
		if r := &revocations[i]; r.Kind == domain.RevokeOfAPI {
			r.Name = r.Audience
		}
	}
	return nil
}
