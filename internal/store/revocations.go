package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// InsertRevocation implements revocation.Store. That of a grant comes from RevokeGrant.
func (db *DB) InsertRevocation(ctx context.Context, r domain.Revocation) (domain.Revocation, error) {
	if _, err := selectorOf(r.Kind); err != nil {
		return r, err
	}
	lost, err := packLost(r)
	if err != nil {
		return r, err
	}
	criteria, holders, err := packCriteria(r.Criteria)
	if err != nil {
		return r, err
	}
	if r.Criteria != nil {
		r.KeepGrants = r.KeepGrants || !r.Criteria.OfGrants()
	}
	of := namedBy(r)
	err = db.change(ctx, func(ctx context.Context, c *change) (err error) {
		r.Revision, r.CreatedAt = c.revision, time.UnixMicro(micros(r.CreatedAt)).UTC()
		var names revocationNames
		_, err = one(ctx, c.conn, func(row scanner) (none struct{}, err error) { return none, row.Scan(append(names.dest(), &r.ID)...) }, `
			INSERT INTO revocations (kind, target_id, user_id, keep_grants, revision, issued_before, created_at, cursor, marked, ended, lost, criteria, holders,
				username, client_id, audience, kid, role_name, group_name)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12,
				(SELECT username FROM users WHERE id = CAST($13 AS BIGINT)), (SELECT client_id FROM clients WHERE id = CAST($14 AS BIGINT)),
				(SELECT audience FROM apis WHERE id = CAST($15 AS BIGINT)), (SELECT kid FROM signing_keys WHERE id = CAST($16 AS BIGINT)),
				COALESCE(CAST($18 AS TEXT), (SELECT name FROM roles WHERE id = CAST($17 AS BIGINT))), (SELECT name FROM groups WHERE id = CAST($19 AS BIGINT)))
			RETURNING `+namesOfRevocations+`, id`,
			string(r.Kind), r.TargetID, nullID(r.UserID), r.KeepGrants, r.Revision, nullMicros(r.IssuedBefore), micros(r.CreatedAt), r.Cursor[:],
			r.Ended, lost, criteria, holders, of.user, of.client, of.api, of.key, of.role, of.roleName, of.group)
		if err != nil {
			return err
		}
		names.name(&r)
		c.note(domain.ChangeRevocations, "")
		return c.lockRevision(ctx, c.transaction) // who then looks at what it covers sees all of it
	})
	return r, err
}

const revocationColumns = `id, kind, target_id, COALESCE(user_id, 0), keep_grants, revision, issued_before, created_at, cursor, marked, ended, lost, criteria, holders, part, done_at, ` +
	namesOfRevocations

const openRevocations = `SELECT ` + revocationColumns + ` FROM revocations WHERE done_at IS NULL ORDER BY id`

// coveringRevocations are those of openRevocations whose Covers may be true of a token. Those of roles and groups, which name all their
// holders, are not.
const coveringRevocations = `SELECT ` + revocationColumns + ` FROM revocations WHERE done_at IS NULL AND lost IS NULL ORDER BY id`

func scanRevocation(row scanner) (r domain.Revocation, err error) {
	var names revocationNames
	err = row.Scan(append([]any{
		&r.ID, &r.Kind, &r.TargetID, &r.UserID, &r.KeepGrants, &r.Revision, at(&r.IssuedBefore), at(&r.CreatedAt), bytes16{(*[16]byte)(&r.Cursor)},
		&r.Marked, &r.Ended, lostColumn{&r.Lost}, criteriaColumn{&r.Criteria}, holdersColumn{&r.Criteria}, &r.Part, at(&r.DoneAt),
	}, names.dest()...)...)
	names.name(&r)
	return r, err
}

// OpenRevocations implements revocation.Store.
func (db *DB) OpenRevocations(ctx context.Context) ([]domain.Revocation, error) {
	return findAll(ctx, db, scanRevocation, openRevocations)
}

// FindRevocation implements revocation.Store.
func (db *DB) FindRevocation(ctx context.Context, id int64) (domain.Revocation, error) {
	return find(ctx, db, scanRevocation, `SELECT `+revocationColumns+` FROM revocations WHERE id = $1`, id)
}

// StepRevocation implements revocation.Store.
func (db *DB) StepRevocation(ctx context.Context, id int64, limit int, now time.Time) (r domain.Revocation, err error) {
	if limit <= 0 {
		return r, fmt.Errorf("%w number of rows to look at: %d", domain.ErrInvalid, limit)
	}
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		// Not lockForGrants: the last step, which makes a change, locks no grants, see stepGrants.
		if err := c.lockForTokens(ctx); err != nil {
			return err
		}
		r, err = one(ctx, c, scanRevocation, `SELECT `+revocationColumns+` FROM revocations WHERE id = $1`, id)
		if err != nil || !r.DoneAt.IsZero() {
			return err
		}
		step := stepTokens
		if r.Kind.ByClaims() {
			step = stepLost
		} else if r.Criteria != nil {
			step = stepCriteria
		}
		done, err := step(ctx, c, &r, limit, now)
		if err == nil && done {
			done, err = stepGrants(ctx, c, &r, limit)
		}
		if err != nil {
			return err
		}
		if done {
			r.DoneAt = time.UnixMicro(micros(now)).UTC()
		}
		_, err = c.exec(ctx, `UPDATE revocations SET cursor = $2, marked = $3, ended = $4, done_at = $5, part = $6 WHERE id = $1`,
			r.ID, r.Cursor[:], r.Marked, r.Ended, nullMicros(r.DoneAt), r.Part)
		if err != nil || !done {
			return err
		}
		return db.change(ctx, func(_ context.Context, c *change) error {
			c.note(domain.ChangeRevocations, "")
			return nil
		})
	})
	return r, err
}

// stepTokens marks rows and moves the cursor. All rows that the revocation covers were committed before it was.
func stepTokens(ctx context.Context, c conn, r *domain.Revocation, limit int, now time.Time) (done bool, err error) {
	selector, err := selectorOf(r.Kind)
	if err != nil {
		return false, err
	}
	indexKey := func(jti string) string { return c.db.dialect.indexKey(selector.owner, jti) }
	var args []any
	arg := func(value any) string {
		args = append(args, value)
		return `$` + strconv.Itoa(len(args))
	}
	from := arg(slices.Clone(r.Cursor[:]))
	where, order := `jti > `+from, `jti`
	if selector.owner != "" {
		owner := r.TargetID
		if selector.owner != selector.column {
			owner = r.UserID
		}
		where += ` AND ` + selector.owner + ` = ` + arg(owner) + ` AND ` + indexKey(`jti`) + ` >= ` + indexKey(from)
		order = indexKey(`jti`) + `, jti`
	}
	last, err := lastOf(ctx, c, where, order, limit, args)
	if err != nil {
		return false, err
	}
	if done = last == (domain.TokenID{}); !done {
		to := arg(last[:])
		where += ` AND jti <= ` + to
		if selector.owner != "" {
			where += ` AND ` + indexKey(`jti`) + ` <= ` + indexKey(to)
		}
		r.Cursor = last
	}
	if selector.column != selector.owner { // not sooner: to look for the next that fit would be to look at all
		where += ` AND ` + selector.column + ` = ` + arg(r.TargetID)
	}
	where += ` AND revoked_at IS NULL AND revision < ` + arg(r.Revision)
	if !r.IssuedBefore.IsZero() {
		before := domain.FirstTokenID(r.IssuedBefore)
		where += ` AND jti < ` + arg(before[:])
	}
	update := `UPDATE issued_tokens SET revoked_at = ` + arg(micros(now)) + ` WHERE ` + where
	marked, err := setTokenStatus(ctx, c, domain.StatusInvalid, update, args...)
	r.Marked += int64(len(marked))
	return done, err
}

// lastOf returns the jti of the n-th row that a condition chooses; zero if there are fewer.
func lastOf(ctx context.Context, c conn, where, order string, n int, args []any) (last domain.TokenID, err error) {
	query := `SELECT jti FROM issued_tokens t WHERE ` + where + ` ORDER BY ` + order + ` LIMIT 1 OFFSET ` + strconv.Itoa(n-1)
	err = c.each(ctx, func(row scanner) error { return row.Scan(bytes16{(*[16]byte)(&last)}) }, query, args...)
	return last, err
}

// stepGrants ends at most limit of the grants that a revocation covers; one of an API takes just that from them. It is done once it finds
// none: it must not lock any before the last step locks the revision, see lockInstallation.
func stepGrants(ctx context.Context, c conn, r *domain.Revocation, limit int) (done bool, err error) {
	if !r.EndsGrants() {
		return true, nil
	}
	end := endGrants
	if r.Kind == domain.RevokeOfAPI || r.Criteria != nil && r.Criteria.APIID != 0 {
		end = endAtAPI
	}
	ended, err := end(ctx, c, r, limit)
	if err != nil || ended == 0 {
		return true, err
	}
	r.Ended += ended
	if r.Cursor.Time().Before(r.CreatedAt) { // the next steps need not look at the last tokens again
		r.Cursor = domain.FirstTokenID(r.CreatedAt)
	}
	return false, nil
}

func endGrants(ctx context.Context, c conn, r *domain.Revocation, limit int) (ended int64, err error) {
	within, args := meet(r.Criteria, 5)
	return c.exec(ctx, `
		UPDATE grants SET revoked_at = $4 WHERE id IN (
			SELECT g.id FROM grants g, revocations r
			WHERE r.id = $1 AND g.revoked_at IS NULL AND g.revision < $2 AND `+grantsOf[r.Kind]+within+` LIMIT $3)`,
		append([]any{r.ID, r.Revision, limit, micros(r.CreatedAt)}, args...)...)
}

// grantsOf says of each kind of revocation r that ends whole grants whether it ends grant g.
var grantsOf = map[domain.RevocationKind]string{
	domain.RevokeOfUser:   `g.user_id = r.target_id`,
	domain.RevokeOfClient: `g.client_ref = r.target_id`,
	domain.RevokeOfAll:    `TRUE`,

	domain.RevokeByCriteria: `TRUE`, // within them
}

// endAtAPI takes an API from grants, and ends those that cover no other. It locks the grants first, see lockInstallation.
func endAtAPI(ctx context.Context, c conn, r *domain.Revocation, limit int) (ended int64, err error) {
	within, args := meet(r.Criteria, 4)
	grants, err := list(ctx, c, scanInt, `
		SELECT g.id FROM grants AS g
		WHERE g.revoked_at IS NULL AND g.revision < $2
			AND g.id IN (SELECT a.grant_id FROM grant_apis a WHERE a.audience = $1 AND a.revoked_at IS NULL)`+within+`
		LIMIT $3`+c.db.dialect.forUpdate(), append([]any{r.Audience, r.Revision, limit}, args...)...)
	if err != nil || len(grants) == 0 {
		return 0, err
	}
	ids := make([][]any, len(grants))
	for i, id := range grants {
		ids[i] = []any{id}
	}
	these := `(SELECT l.id FROM ` + c.db.dialect.rows(`$2`, `id BIGINT`) + ` l)`
	if _, err := c.exec(ctx, `UPDATE grant_apis SET revoked_at = $1 WHERE audience = $3 AND grant_id IN `+these, micros(r.CreatedAt), jsonRows(ids), r.Audience); err != nil {
		return 0, err
	}
	_, err = c.exec(ctx, `
		UPDATE grants SET revoked_at = $1 WHERE revoked_at IS NULL AND id IN `+these+`
			AND NOT EXISTS (SELECT 1 FROM grant_apis a WHERE a.grant_id = grants.id AND a.revoked_at IS NULL)`, micros(r.CreatedAt), jsonRows(ids))
	return int64(len(grants)), err
}

// selector is what the tokens of a revocation have in common.
type selector struct {
	column string // is the target's id; none: all tokens
	owner  string // the column that begins the index which has them, or for a grant its user's; none: only all tokens have an index
}

func selectorOf(kind domain.RevocationKind) (selector, error) {
	switch kind {
	case domain.RevokeOfUser:
		return selector{`user_id`, `user_id`}, nil
	case domain.RevokeOfClient:
		return selector{`client_ref`, `client_ref`}, nil
	case domain.RevokeOfAPI:
		return selector{`api_id`, `api_id`}, nil
	case domain.RevokeOfGrant:
		return selector{`grant_id`, `user_id`}, nil
	case domain.RevokeOfKey:
		return selector{column: `key_id`}, nil
	case domain.RevokeOfAll, domain.RevokeOfRole, domain.RevokeOfGroup, domain.RevokeByCriteria:
		return selector{}, nil
	}
	return selector{}, fmt.Errorf("%w kind of revocation: %q", domain.ErrInvalid, kind)
}
