package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// maxCovering is how many conditions a query may join: SQLite takes twice as many. What more revocations under way cover is found row by
// row.
const maxCovering = 500

// ListIssuedTokens implements index.Store.
func (db *DB) ListIssuedTokens(ctx context.Context, filter domain.TokenFilter) (entries []domain.TokenEntry, next domain.TokenID, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		// Read before the index: a revocation that is done by then has marked what it covers.
		open, err := list(ctx, c, scanRevocation, coveringRevocations)
		if err != nil {
			return err
		}
		q, err := db.selectTokens(filter, open)
		if err != nil {
			return err
		}
		entries, next, err = q.entries(ctx, c, filter, open)
		return err
	})
	if filter.After != (domain.TokenID{}) {
		slices.Reverse(entries)
	}
	return entries, next, err
}

// entries reads a page, and the last row that was looked at if there may be more.
func (q *tokenQuery) entries(ctx context.Context, c conn, filter domain.TokenFilter, open []domain.Revocation) (entries []domain.TokenEntry, next domain.TokenID, err error) {
	full := false
	err = c.each(ctx, func(row scanner) error {
		if full {
			return nil
		}
		var fits, last bool
		e, err := scanEntry(row, open, &fits, &last)
		if err != nil {
			return err
		}
		if last {
			next = e.ID
		}
		if !fits || q.loose && e.State(filter.Now) != filter.State {
			return nil
		}
		if entries = append(entries, e); len(entries) == filter.Limit {
			next, full = e.ID, true
		}
		return nil
	}, q.list(filter.Limit, c.db.listWindow), q.args...)
	return entries, next, err
}

// FindTokenEntries implements index.Store.
func (db *DB) FindTokenEntries(ctx context.Context, ids ...domain.TokenID) (entries []domain.TokenEntry, err error) {
	places, args := make([]string, len(ids)), make([]any, len(ids))
	for i := range ids {
		places[i], args[i] = `$`+strconv.Itoa(i+1), ids[i][:]
	}
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		open, err := list(ctx, c, scanRevocation, coveringRevocations) // before the index, too
		if err != nil || len(ids) == 0 {
			return err
		}
		entries, err = list(ctx, c, func(row scanner) (domain.TokenEntry, error) { return scanEntry(row, open) },
			`SELECT `+entryColumns+` FROM issued_tokens t`+entryJoins+` WHERE t.jti IN (`+strings.Join(places, `, `)+`)`, args...)
		return err
	})
	return entries, err
}

// entryColumns are the columns of issued_tokens t, with the names that entryJoins finds, which scanEntry scans.
const entryColumns = issuedColumns + `,
	COALESCE(c.client_id, ''), COALESCE(u.username, ''), CASE WHEN t.user_id IS NULL THEN COALESCE(c.client_id, '') ELSE COALESCE(u.subject, '') END,
	COALESCE(a.audience, ''), COALESCE(k.kid, '')`

const entryJoins = `
	LEFT JOIN clients c ON c.id = t.client_ref LEFT JOIN users u ON u.id = t.user_id
	LEFT JOIN apis a ON a.id = t.api_id LEFT JOIN signing_keys k ON k.id = t.key_id`

// scanEntry scans entryColumns, and others after them. What an open revocation covers is revoked.
func scanEntry(row scanner, open []domain.Revocation, others ...any) (e domain.TokenEntry, err error) {
	err = row.Scan(append(append(issuedDest(&e.IssuedToken), &e.Client, &e.Username, &e.Subject, &e.Audience, &e.KeyName), others...)...)
	for _, r := range open {
		if e.RevokedAt.IsZero() && r.Covers(e.IssuedToken) {
			e.RevokedAt = r.CreatedAt
		}
	}
	return e, err
}

// CountIssuedTokens implements index.Store.
func (db *DB) CountIssuedTokens(ctx context.Context, filter domain.TokenFilter) (n int, next domain.TokenID, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		open, err := list(ctx, c, scanRevocation, coveringRevocations)
		if err != nil {
			return err
		}
		q, err := db.selectTokens(filter, open)
		if err != nil {
			return err
		}
		if n, next = 0, (domain.TokenID{}); q.loose {
			filter.Limit = 0
			var entries []domain.TokenEntry
			entries, next, err = q.entries(ctx, c, filter, open)
			n = len(entries)
			return err
		}
		return c.each(ctx, func(row scanner) error { return row.Scan(&n, bytes16{(*[16]byte)(&next)}) }, q.count(db.listWindow), q.args...)
	})
	return n, next, err
}

// tokenQuery chooses tokens of the index in two steps.
type tokenQuery struct {
	dialect dialect
	owner   string   // first column of the index that is scanned; empty: the primary key
	order   string   // ` DESC`, or ` ASC` for the page before another
	where   []string // conditions that limit the scan
	fits    []string // conditions checked for each scanned row
	loose   bool     // the conditions are incomplete: the state of each row is checked in Go
	args    []any
}

func (db *DB) selectTokens(filter domain.TokenFilter, open []domain.Revocation) (*tokenQuery, error) {
	q := &tokenQuery{dialect: db.dialect, order: ` DESC`, where: []string{`TRUE`}}
	if filter.After != (domain.TokenID{}) {
		q.order = ` ASC`
	}
	q.ownedBy(filter)
	q.heldBy(filter)
	q.issued(filter)
	return q, q.inState(filter, open)
}

// arg adds an argument and returns its place.
func (q *tokenQuery) arg(value any) string {
	q.args = append(q.args, value)
	return `$` + strconv.Itoa(len(q.args))
}

func (q *tokenQuery) ownedBy(filter domain.TokenFilter) {
	for _, o := range []struct {
		column  string
		id      int64
		indexed bool
	}{
		{`user_id`, filter.UserID, true}, {`client_ref`, filter.ClientID, true}, {`api_id`, filter.APIID, true}, // the fewest first
		{`grant_id`, filter.GrantID, false}, {`key_id`, filter.KeyID, false},
	} {
		if o.id == 0 {
			continue
		}
		condition := `t.` + o.column + ` = ` + q.arg(o.id)
		if o.indexed && q.owner == `` {
			q.owner = o.column
			q.where = append(q.where, condition)
		} else {
			q.fits = append(q.fits, condition)
		}
	}
}

// heldBy asks for the holders of a role.
func (q *tokenQuery) heldBy(filter domain.TokenFilter) {
	if filter.RoleID == 0 {
		return
	}
	role, now := q.arg(filter.RoleID), q.arg(micros(filter.Now))
	holds := func(who string) string {
		return `EXISTS (SELECT 1 FROM assignments h WHERE h.role_id = ` + role + ` AND (h.expires_at IS NULL OR h.expires_at > ` + now + `) AND ` + who + `)`
	}
	q.fits = append(q.fits, `CASE WHEN t.user_id IS NULL THEN `+holds(`h.client_ref = t.client_ref`)+` ELSE `+
		holds(`(h.user_id = t.user_id OR h.group_id IN (SELECT m.group_id FROM group_members m WHERE m.user_id = t.user_id))`)+` END`)
}

// issued bounds the ids, which begin with the time.
func (q *tokenQuery) issued(filter domain.TokenFilter) {
	bound := func(operator string, id domain.TokenID) {
		if id[0] > 7 { // as far as jti_time counts: there is no token from after 2248
			id = domain.TokenID{7, 0xff, 0xff, 0xff, 0xff, 0xff}
		}
		to := q.arg(id[:])
		q.where = append(q.where, `t.jti `+operator+` `+to)
		if q.owner != `` {
			q.where = append(q.where, q.indexKey(`t.jti`)+` `+operator[:1]+`= `+q.indexKey(to))
		}
	}
	if filter.Before != (domain.TokenID{}) {
		bound(`<`, filter.Before)
	}
	if filter.After != (domain.TokenID{}) {
		bound(`>`, filter.After)
	}
	if first, last, ok := domain.TokenIDsOf(filter.JTI); !ok {
		q.where = append(q.where, `FALSE`)
	} else if filter.JTI != `` {
		bound(`>=`, first)
		bound(`<=`, last)
	}
	if !filter.IssuedBefore.IsZero() {
		bound(`<`, domain.FirstTokenID(filter.IssuedBefore))
	}
	if !filter.IssuedSince.IsZero() {
		bound(`>=`, domain.FirstTokenID(filter.IssuedSince))
	}
}

// inState does in SQL what IssuedToken.State and Revocation.Covers do.
func (q *tokenQuery) inState(filter domain.TokenFilter, open []domain.Revocation) error {
	if filter.State == `` {
		return nil
	}
	revoked := `(` + strings.Join(append(q.covered(open), `t.revoked_at IS NOT NULL`), ` OR `) + `)`
	if filter.State == domain.TokenRevoked {
		if q.loose {
			revoked = `TRUE`
		}
		q.fits = append(q.fits, revoked)
		return nil
	}
	q.fits = append(q.fits, revoked+` IS NOT TRUE`)
	hour := filter.Now.Truncate(partitionSpan)
	if filter.State == domain.TokenExpired {
		q.expires(`<`, micros(hour.Add(partitionSpan)))
		q.fits = append(q.fits, `t.expires_at <= `+q.arg(micros(filter.Now)))
		return nil
	}
	q.expires(`>=`, micros(hour))
	q.fits = append(q.fits, `t.expires_at > `+q.arg(micros(filter.Now)))
	switch filter.State {
	case domain.TokenLive:
		q.fits = append(q.fits, `t.suspended_at IS NULL`)
	case domain.TokenSuspended:
		q.fits = append(q.fits, `t.suspended_at IS NOT NULL`)
	default:
		return fmt.Errorf("%w state of a token: %q", domain.ErrInvalid, filter.State)
	}
	return nil
}

// expires leaves partitions out. Where there are none, rows would be passed over without being counted.
func (q *tokenQuery) expires(operator string, hour int64) {
	if q.dialect.partitioned() {
		q.where = append(q.where, `t.expires_at `+operator+` `+q.arg(hour))
	}
}

// covered returns conditions; a token that a pending revocation covers fulfils at least one. If more than maxCovering revocations need a
// condition of their own, these are omitted and loose is set.
func (q *tokenQuery) covered(open []domain.Revocation) (conditions []string) {
	var timeless []string
	single := func(r domain.Revocation) bool {
		return r.Criteria != nil || !r.IssuedBefore.IsZero()
	}
	n := 0
	for _, r := range open {
		if single(r) {
			n++
		}
	}
	q.loose = n > maxCovering
	for _, r := range open {
		if q.loose && single(r) {
			continue
		}
		if r.Criteria != nil {
			conditions = append(conditions, q.meets(r))
			continue
		}
		selector, _ := selectorOf(r.Kind)
		if r.IssuedBefore.IsZero() {
			same := `TRUE` // all, or in doubt
			if selector.column != `` {
				same = `t.` + selector.column + ` = r.target_id`
			}
			timeless = append(timeless, ` WHEN '`+string(r.Kind)+`' THEN `+same)
			continue
		}
		before := domain.FirstTokenID(r.IssuedBefore)
		condition := `t.revision < ` + q.arg(r.Revision) + ` AND t.jti < ` + q.arg(before[:])
		if selector.column != `` {
			condition += ` AND t.` + selector.column + ` = ` + q.arg(r.TargetID)
		}
		conditions = append(conditions, condition)
	}
	if len(timeless) > 0 {
		slices.Sort(timeless)
		conditions = append(conditions, `EXISTS (SELECT 1 FROM revocations r
			WHERE r.done_at IS NULL AND r.issued_before IS NULL AND t.revision < r.revision
				AND CASE r.kind`+strings.Join(slices.Compact(timeless), ``)+` END)`)
	}
	return conditions
}

// key is the order in which the index has its rows.
func (q *tokenQuery) key() string {
	order := `t.jti` + q.order
	if q.owner != `` {
		order = q.indexKey(`t.jti`) + q.order + `, ` + order
	}
	return order
}

func (q *tokenQuery) indexKey(jti string) string { return q.dialect.indexKey(q.owner, jti) }

// window returns the scanned rows in the order of the index, each with its place and whether it fits. Another order would read the
// whole index.
func (q *tokenQuery) window(columns, window string) string {
	fits, order := `TRUE`, q.key()
	if len(q.fits) > 0 {
		fits = strings.Join(q.fits, ` AND `)
	}
	return `SELECT ` + columns + `, (` + fits + `) IS TRUE AS fits, row_number() OVER (ORDER BY ` + order + `) AS place
		FROM issued_tokens t WHERE ` + strings.Join(q.where, ` AND `) + ` ORDER BY ` + order + ` LIMIT ` + window
}

// list is the query of a page. It goes through the index once, in its order, and stops as soon as it can: the last row of the window
// comes along whether or not it fits. (The middle SELECT keeps the order of the inner one.)
func (q *tokenQuery) list(limit, step int) string {
	if limit <= 0 {
		limit = math.MaxInt32
	}
	window := strconv.Itoa(limit)
	if len(q.fits) > 0 {
		window = strconv.Itoa(step)
	}
	if q.loose {
		limit = step
	}
	return `SELECT ` + entryColumns + `, t.fits, t.place = ` + window + `
		FROM (
			SELECT * FROM (` + q.window(`t.*`, window) + `) t
			WHERE t.fits OR t.place = ` + window + ` LIMIT ` + q.arg(limit) + `) t` + entryJoins + `
		ORDER BY t.jti` + q.order
}

// count is the query of how many rows of the window fit, and of the last one of a full window.
func (q *tokenQuery) count(step int) string {
	window := strconv.Itoa(step)
	return `WITH w AS (` + q.window(`t.jti`, window) + `)
		SELECT (SELECT COUNT(*) FROM w WHERE fits), (SELECT jti FROM w WHERE place = ` + window + `)`
}
