package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	manyObjects = 20_000 // of each kind in PostgreSQL, whose plans depend on how many there are
	overFew     = fewObjects + 100
	mostRead    = 2_000 // rows, by any scan of a plan
)

// recorder keeps the queries that run on it.
type recorder struct {
	runner
	queries []recorded
}

type recorded struct {
	text string
	args []any
}

// QueryContext implements runner.
func (r *recorder) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	r.queries = append(r.queries, recorded{query, args})
	return r.runner.QueryContext(ctx, query, args...)
}

// crowd is a database with many objects of each kind, of which few are special.
type crowd struct {
	*DB
	t      *testing.T
	n      int
	user   int64 // alice, who has little
	client int64 // shop
	now    time.Time
	jti    string
}

const common, rare = "https://common.example", "https://rare.example"

func makeCrowd(t *testing.T, db *DB) *crowd {
	t.Helper()
	c := &crowd{DB: db, t: t, n: overFew, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	if db.Dialect() == "postgres" {
		c.n = manyObjects
	}
	ctx := t.Context()
	db.opTimeout = time.Minute
	c.must(0, db.Migrate(ctx))
	read := []domain.Permission{{Name: "read"}}
	commonAPI := c.must(db.InsertAPI(ctx, domain.API{Audience: common, SigningAlg: domain.ES256, Permissions: read}))
	rareAPI := c.must(db.InsertAPI(ctx, domain.API{Audience: rare, SigningAlg: domain.ES256, Permissions: read}))
	c.user = c.must(db.InsertUser(ctx, domain.User{Subject: "sub-alice", Username: "alice"}))
	c.client = c.must(db.InsertClient(ctx, domain.Client{ClientID: "shop", IDTokenAlg: domain.ES256}))
	group := c.must(db.InsertGroup(ctx, domain.Group{Name: "ops"}))
	clerk := c.must(db.InsertRole(ctx, domain.Role{Name: "clerk"}))
	few := c.must(db.InsertRole(ctx, domain.Role{Name: "few"}))
	c.must(db.InsertInvitation(ctx, domain.Invitation{Hash: "h", Note: "x", MaxUses: 1, CreatedAt: c.now, ExpiresAt: c.now}))
	end := c.now.Add(time.Hour)
	c.must(db.InsertSession(ctx, domain.Session{Hash: []byte("h"), SID: "x", UserID: c.user, CreatedAt: c.now, LastSeenAt: c.now, ExpiresAt: end}))
	c.must(db.InsertGrant(ctx, domain.Grant{ClientID: c.client, UserID: c.user, APIs: []domain.GrantAPI{{Audience: common}}, CreatedAt: c.now, ExpiresAt: end}))
	c.must(0, db.PutConsent(ctx, domain.Consent{UserID: c.user, ClientID: c.client, Audience: common, GrantedAt: c.now}))
	c.must(0, db.AppendEvents(ctx, func(domain.Event) []byte { return []byte("h") }, domain.Event{At: c.now, Actor: "system", Details: `{}`, Digest: []byte("d")}))
	_, err := db.InsertRevocation(ctx, domain.Revocation{Kind: domain.RevokeOfUser, TargetID: 1 << 30, CreatedAt: c.now})
	c.must(0, err)

	c.multiply("users", "username", `'user' || n`, "subject", `'sub' || n`, "email", `'mail' || n`, "name", `'Name ' || n`,
		"disabled_at", `CASE WHEN n % 1000 = 0 THEN 1 END`)
	c.multiply("clients", "client_id", `'client' || n`, "name", `'Name ' || n`, "disabled_at", `CASE WHEN n % 1000 = 0 THEN 1 END`,
		"origin", `CASE WHEN n % 1000 = 0 THEN 'registration' ELSE 'administrator' END`)
	c.multiply("groups", "name", `'group' || n`)
	c.multiply("roles", "name", `'role' || n`)
	c.multiply("invitations", "hash", `'h' || n`, "note", `'note ' || n`)
	users := func(column string) string { return fmt.Sprintf(`(SELECT MIN(id) + n FROM users WHERE %s)`, column) }
	c.multiply("sessions", "hash", c.blob(`n`), "sid", `'sid' || n`, "user_id", users(`TRUE`), "last_seen_at", fmt.Sprint(micros(c.now), ` + n`))
	c.multiply("grants", "user_id", users(`TRUE`))
	c.multiply("audit_events", "seq", `1 + n`, "at", fmt.Sprint(micros(c.now), ` + n`), "target", `'user:user' || n`, "actor", `'client:robot' || (n % 40)`,
		"action", `CASE WHEN n % 1000 = 0 THEN 'user.rare' ELSE 'user.create' END`)
	c.multiply("revocations", "done_at", fmt.Sprint(`CASE WHEN n % 1000 > 0 THEN `, micros(c.now), ` END`), "kind", `CASE WHEN n % 999 = 0 THEN 'client' ELSE 'user' END`, "username", `'name' || n`,
		"role_name", `'name' || n`)
	asks := `INSERT INTO client_apis (client_ref, api_id, all_permissions, is_default) SELECT id, $1, TRUE, FALSE FROM clients`
	c.exec(asks, commonAPI)
	c.exec(asks+` WHERE disabled_at = 1`, rareAPI)
	gives := `INSERT INTO role_permissions (role_id, api_id, permission) SELECT id, $1, 'read' FROM roles`
	c.exec(gives, commonAPI)
	c.exec(gives+` WHERE name IN ('few', 'role7')`, rareAPI)
	assign := `INSERT INTO assignments (role_id, user_id, created_at) SELECT $1, id, 0 FROM users`
	c.exec(assign, clerk)
	c.exec(assign+` WHERE disabled_at = 1 OR id = $2`, few, c.user)
	c.exec(`INSERT INTO group_members (group_id, user_id) SELECT id, $1 FROM groups WHERE id < $2`, c.user, group+10)
	c.exec(`INSERT INTO group_members (group_id, user_id) SELECT $1, id FROM users WHERE id <> $2`, group, c.user)
	c.exec(`INSERT INTO group_members (group_id, user_id) SELECT id, $1 + 1 FROM groups WHERE id <> $2`, c.user, group)
	c.exec(`INSERT INTO consents (user_id, client_ref, audience, scopes, granted_at) SELECT id, $1, 'a', '[]', 0 FROM users`, c.client)
	c.tokens()
	if db.Dialect() == "postgres" {
		c.exec(`ANALYZE`)
	}
	return c
}

func (c *crowd) must(id int64, err error) int64 {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
	return id
}

func (c *crowd) exec(query string, args ...any) {
	c.t.Helper()
	c.must(c.DB.exec(c.t.Context(), query, args...))
}

// blob is a value of bytes for a number.
func (c *crowd) blob(number string) string {
	if c.Dialect() == "postgres" {
		return `decode(md5(CAST(` + number + ` AS TEXT)), 'hex')`
	}
	return `CAST(` + number + ` AS BLOB)`
}

// multiply copies the first row of a table many times, with other values in some columns, in which n counts.
func (c *crowd) multiply(table string, columns ...string) {
	c.t.Helper()
	set := map[string]string{}
	for pair := range slices.Chunk(columns, 2) {
		set[pair[0]] = pair[1]
	}
	query := `SELECT name FROM pragma_table_info($1) WHERE name <> 'id'`
	if c.Dialect() == "postgres" {
		query = `SELECT CAST(column_name AS TEXT) FROM information_schema.columns WHERE table_name = $1 AND is_identity = 'NO'`
	}
	all, err := findAll(c.t.Context(), c.DB, scanString, query, table)
	c.must(0, err)
	for _, column := range all {
		if set[column] == "" {
			set[column] = `r.` + column
		}
	}
	names := slices.Sorted(maps.Keys(set))
	values := make([]string, len(names))
	for i, name := range names {
		values[i] = set[name]
	}
	c.exec(fmt.Sprintf(`WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d)
		INSERT INTO %s (%s) SELECT %s FROM (SELECT * FROM %s LIMIT 1) r, s`,
		c.n, table, strings.Join(names, `, `), strings.Join(values, `, `), table))
}

// tokens are more than may be read.
func (c *crowd) tokens() {
	c.t.Helper()
	ctx := c.t.Context()
	key := c.must(c.InsertSigningKey(ctx, domain.SigningKey{KID: "k1", Alg: domain.ES256, State: domain.KeyActive, PublicJWK: []byte("{}")}))
	tokens, known := make([]domain.IssuedToken, 500), make([]int64, 500)
	for i := range 2 * mostRead {
		id := domain.FirstTokenID(c.now.Add(time.Duration(i) * time.Millisecond))
		id[15] = 1
		at := i % len(tokens)
		tokens[at] = domain.IssuedToken{ID: id, Kind: domain.TokenAccess, ClientID: c.client, KeyID: key, ExpiresAt: c.now.Add(time.Hour)}
		if known[at] = 1 << 40; at == len(tokens)-1 {
			c.must(c.InsertIssuedTokens(ctx, tokens, known))
		}
		c.jti = id.String()
	}
}

// lists are those that the administration shows, by each filter and search.
func (c *crowd) lists() map[string]func(ctx context.Context, p domain.Page) error {
	yes, no := true, false
	lists := map[string]func(ctx context.Context, p domain.Page) error{
		"tokens by jti": func(ctx context.Context, p domain.Page) error {
			_, _, err := c.ListIssuedTokens(ctx, domain.TokenFilter{JTI: c.jti[:9], Limit: p.Limit})
			return err
		},
		"tokens of a client by jti": func(ctx context.Context, p domain.Page) error {
			_, _, err := c.ListIssuedTokens(ctx, domain.TokenFilter{JTI: c.jti[:9], ClientID: c.client, Limit: p.Limit})
			return err
		},
	}
	add := func(name string, list func(ctx context.Context, p domain.Page) error, searches ...string) {
		lists[name] = list
		for _, search := range searches {
			lists[name+", search "+search] = func(ctx context.Context, p domain.Page) error {
				p.Search = search
				return list(ctx, p)
			}
		}
	}
	for name, f := range map[string]domain.UserFilter{"users": {}, "disabled users": {Disabled: &yes}, "enabled users": {Disabled: &no}} {
		add(name, func(ctx context.Context, p domain.Page) error { _, err := c.ListUsers(ctx, f, p); return err }, "user", "user77", "mail", "z")
	}
	for name, f := range map[string]domain.ClientFilter{
		"clients": {}, "disabled clients": {Disabled: &yes}, "clients that registered themselves": {Origin: domain.OriginRegistration},
		"clients of administrators": {Origin: domain.OriginAdministrator}, "clients by a common API": {Audience: common}, "clients by a rare API": {Audience: rare},
		"clients by no API": {Audience: "x"}, "disabled clients by a common API": {Audience: common, Disabled: &yes},
	} {
		add(name, func(ctx context.Context, p domain.Page) error { _, err := c.ListClients(ctx, f, p); return err }, "client", "name 77", "z")
	}
	for name, user := range map[string]string{"groups": "", "groups of a user": "alice", "groups of a user in many": "user1", "groups of nobody": "x"} {
		add(name, func(ctx context.Context, p domain.Page) error {
			_, err := c.ListGroups(ctx, domain.GroupFilter{User: user}, p)
			return err
		}, "group", "group77", "z")
	}
	add("members", func(ctx context.Context, p domain.Page) error { _, err := c.ListMembers(ctx, "ops", p); return err }, "user", "user77")
	for name, audience := range map[string]string{"roles": "", "roles by a common API": common, "roles by a rare API": rare} {
		add(name, func(ctx context.Context, p domain.Page) error {
			_, err := c.ListRoles(ctx, domain.RoleFilter{Audience: audience}, p)
			return err
		}, "role", "role77", "z")
	}
	for name, f := range map[string]domain.AssignmentFilter{
		"assignments": {}, "assignments of a common role": {Role: "clerk"}, "assignments of a rare role": {Role: "few"}, "assignments of no role": {Role: "x"},
		"assignments of a user": {SubjectKind: domain.SubjectUser, Subject: "alice"}, "assignments of a client": {SubjectKind: domain.SubjectClient, Subject: "shop"},
		"assignments by a common API": {Audience: common}, "assignments by a rare API": {Audience: rare}, "assignments by a permission": {Permission: "read"},
		"assignments of a role by a rare permission": {Role: "clerk", Audience: rare, Permission: "read"},
	} {
		add(name, func(ctx context.Context, p domain.Page) error { _, err := c.ListAssignments(ctx, f, p); return err }, "user", "user77", "z")
	}
	add("invitations", func(ctx context.Context, p domain.Page) error { _, err := c.ListInvitations(ctx, p); return err }, "note", "note 77", "z")
	for name, f := range map[string]domain.RevocationFilter{
		"revocations": {}, "revocations under way": {Done: &no}, "revocations that are done": {Done: &yes}, "revocations of clients": {Kind: domain.RevokeOfClient},
	} {
		add(name, func(ctx context.Context, p domain.Page) error { _, err := c.ListRevocations(ctx, f, p); return err }, "name", "name77", "z")
	}
	for name, user := range map[string]int64{"sessions": 0, "sessions of a user": c.user} {
		f := domain.SessionFilter{UserID: user, Now: c.now, SeenAfter: c.now.Add(-time.Hour)}
		add(name, func(ctx context.Context, p domain.Page) error { _, err := c.ListSessions(ctx, f, p); return err }, "sid", "sid77", "user", "z")
	}
	for name, client := range map[string]int64{"grants": 0, "grants at a client": c.client} {
		f := domain.GrantFilter{UserID: c.user, ClientID: client, Now: c.now}
		add(name, func(ctx context.Context, p domain.Page) error { _, err := c.ListGrants(ctx, f, p); return err }, "shop", "z")
	}
	add("consents", func(ctx context.Context, p domain.Page) error { _, err := c.ListConsents(ctx, c.user, p); return err }, "shop", "z")
	for name, f := range map[string]domain.EventFilter{
		"events": {}, "events by an actor": {Actor: "client:robot1"}, "events of a common action": {Action: "user.create"}, "events of a rare action": {Action: "user.rare"},
		"events of an object": {Target: "user:user77"}, "events of a time": {Since: c.now, Before: c.now.Add(time.Millisecond)},
	} {
		add(name, func(ctx context.Context, p domain.Page) error { _, err := c.FindEvents(ctx, f, p); return err }, "user", "user77", "robot", "z")
	}
	return lists
}

func TestNoPageOfAListReadsAWholeTable(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db *DB) {
		c := makeCrowd(t, db)
		c.wantAll()
		on := &recorder{runner: db.reading}
		db.reading = on
		defer func() { db.reading = on.runner }()
		for name, list := range c.lists() {
			on.queries = nil
			c.must(0, list(t.Context(), domain.Page{Limit: 101}))
			for _, query := range slices.Clone(on.queries) {
				for _, fault := range c.faults(query) {
					t.Errorf("%s: %s\n%s", name, fault, query.text)
				}
			}
		}
	})
}

// wantAll wants a filter that everything passes to change no page.
func (c *crowd) wantAll() {
	c.t.Helper()
	ctx := c.t.Context()
	clients := func(f domain.ClientFilter, p domain.Page) (names []string) {
		found, err := c.ListClients(ctx, f, p)
		c.must(0, err)
		for _, client := range found {
			names = append(names, client.ClientID)
		}
		return names
	}
	assigned := func(f domain.AssignmentFilter, p domain.Page) (places []string) {
		found, err := c.ListAssignments(ctx, f, p)
		c.must(0, err)
		for _, a := range found {
			places = append(places, a.Place())
		}
		return places
	}
	for _, p := range []domain.Page{{Limit: 9}, {Limit: 9, Search: "client7"}, {Limit: 9, Search: "user7"}} {
		for range 3 {
			all := clients(domain.ClientFilter{}, p)
			if of := clients(domain.ClientFilter{Audience: common}, p); !slices.Equal(all, of) {
				c.t.Errorf("%+v: of the API there are %q, of all %q", p, of, all)
			}
			if p.Search == "user7" {
				break
			}
			p.After = all[len(all)-1]
		}
		if p.After = ""; p.Search == "client7" {
			continue
		}
		for range 3 {
			all := assigned(domain.AssignmentFilter{}, p)
			if of := assigned(domain.AssignmentFilter{Audience: common, Permission: "read"}, p); !slices.Equal(all, of) {
				c.t.Errorf("%+v: of the API there are the assignments %q, of all %q", p, of, all)
			}
			p.After = all[len(all)-1]
		}
	}
}

// faults are what is wrong with the plan of a query.
func (c *crowd) faults(query recorded) []string {
	if c.Dialect() == "postgres" {
		plan, err := find(c.t.Context(), c.DB, scanString, `EXPLAIN (ANALYZE, FORMAT JSON) `+query.text, query.args...)
		c.must(0, err)
		var roots []struct{ Plan planNode }
		c.must(0, json.Unmarshal([]byte(plan), &roots))
		return roots[0].Plan.faults()
	}
	steps, err := findAll(c.t.Context(), c.DB, func(row scanner) (step string, err error) {
		var ignored any
		return step, row.Scan(&ignored, &ignored, &ignored, &step)
	}, `EXPLAIN QUERY PLAN `+query.text, query.args...)
	c.must(0, err)
	// A table is read in the order of the list until there is a page; all of it is read where it is sorted then, and where nothing is in order.
	inOrder := strings.Contains(query.text, `ORDER BY`) && !slices.Contains(steps, `USE TEMP B-TREE FOR ORDER BY`) || strings.HasPrefix(query.text, `SELECT COUNT`)
	whole := func(step string) bool {
		made := `CO-ROUTINE ` + strings.TrimPrefix(step, `SCAN `)
		return wholeTable.MatchString(step) && !partOfTable.MatchString(step) && !slices.Contains(steps, made)
	}
	if slices.ContainsFunc(steps, whole) && !inOrder {
		return []string{strings.Join(steps, "\n")}
	}
	return nil
}

// wholeTable is a step of SQLite's that reads a table from its beginning.
var wholeTable = regexp.MustCompile(`^SCAN \w+( USING .*)?$`)

// partOfTable is an index of few rows.
var partOfTable = regexp.MustCompile(`USING (COVERING )?INDEX (clients_self_registered|users_disabled|clients_disabled|revocations_open)`)

// planNode is a node of PostgreSQL's plan.
type planNode struct {
	Type     string     `json:"Node Type"`
	Relation string     `json:"Relation Name"`
	Rows     float64    `json:"Actual Rows"`
	Loops    float64    `json:"Actual Loops"`
	Filtered float64    `json:"Rows Removed by Filter"`
	Recheck  float64    `json:"Rows Removed by Index Recheck"`
	Plans    []planNode `json:"Plans"`
}

func (n planNode) faults() (faults []string) {
	if read := (n.Rows + n.Filtered + n.Recheck) * n.Loops; strings.Contains(n.Type, "Scan") && read > mostRead {
		faults = append(faults, fmt.Sprintf("%s of %s reads %.0f rows", n.Type, n.Relation, read))
	}
	for _, below := range n.Plans {
		faults = append(faults, below.faults()...)
	}
	return faults
}
