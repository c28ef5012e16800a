package store

import (
	"context"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// shownOfRevocations are the columns without what may be much: what tokens have to carry, and who held a role.
var shownOfRevocations = strings.NewReplacer(` lost,`, ` NULL,`, ` holders,`, ` NULL,`).Replace(revocationColumns)

// ListRevocations implements revocation.Store.
func (db *DB) ListRevocations(ctx context.Context, f domain.RevocationFilter, p domain.Page) ([]domain.Revocation, error) {
	q := pageQuery{
		columns: shownOfRevocations, from: `revocations`, key: `id`, descending: true, place: placeNumber, id: `-id`, filtered: f != domain.RevocationFilter{},
		names: []string{`username`, `client_id`, `audience`, `kid`, `role_name`, `group_name`},
	}
	if f.Kind != "" {
		q.where = append(q.where, `kind = `+q.arg(string(f.Kind)))
	}
	if f.Done != nil && *f.Done {
		q.where = append(q.where, `done_at IS NOT NULL`)
	} else if f.Done != nil {
		q.where = append(q.where, `done_at IS NULL`)
	}
	return listPage(ctx, db, scanRevocation, q, p)
}

// revocationNames are what a revocation is found by: the names, when it began, of its target, of the user of a grant, or of what criteria name.
type revocationNames struct{ user, client, api, key, role, group string }

const namesOfRevocations = `COALESCE(username, ''), COALESCE(client_id, ''), COALESCE(audience, ''), COALESCE(kid, ''), COALESCE(role_name, ''), COALESCE(group_name, '')`

// dest is where namesOfRevocations are scanned to.
func (n *revocationNames) dest() []any {
	return []any{&n.user, &n.client, &n.api, &n.key, &n.role, &n.group}
}

// name gives a revocation that of its target.
func (n *revocationNames) name(r *domain.Revocation) {
	r.Audience = n.api
	switch r.Kind {
	case domain.RevokeOfUser:
		r.Name = n.user
	case domain.RevokeOfClient:
		r.Name = n.client
	case domain.RevokeOfAPI:
		r.Name = n.api
	case domain.RevokeOfKey:
		r.Name = n.key
	case domain.RevokeOfRole:
		r.Name = n.role
	case domain.RevokeOfGroup:
		r.Name = n.group
	}
}

// revocationIDs are the database ids of what a revocation has the names of, and a role that is known by its name.
type revocationIDs struct {
	user, client, api, key, role, group int64
	roleName                            any // nil: that of the id
}

func namedBy(r domain.Revocation) (of revocationIDs) {
	switch r.Kind {
	case domain.RevokeOfUser:
		of.user = r.TargetID
	case domain.RevokeOfClient:
		of.client = r.TargetID
	case domain.RevokeOfAPI:
		of.api = r.TargetID
	case domain.RevokeOfKey:
		of.key = r.TargetID
	case domain.RevokeOfGrant:
		of.user = r.UserID
	case domain.RevokeOfRole:
		of.role = r.TargetID
	case domain.RevokeOfGroup:
		of.group = r.TargetID
	case domain.RevokeByCriteria:
		k := r.Criteria
		of.user, of.client, of.api, of.key = k.UserID, k.ClientID, k.APIID, k.KeyID
		if k.Role != "" {
			of.roleName = k.Role
		}
	}
	return of
}
