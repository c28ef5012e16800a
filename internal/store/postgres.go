package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/golang-migrate/migrate/v4/database"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/signet-auth/signet/internal/domain"
)

// postgres is PostgreSQL, 15 or newer.
type postgres struct {
	config   *pgxpool.Config
	pool     *pgxpool.Pool
	servers  []*pgconn.Config // that the URL names
	primary  primary
	promoted atomic.Int64           // promotions that were seen
	pooled   bool                   // a pooler is in between, which gives each transaction another connection
	ready    sync.Map               // the names of partitions that are there
	served   atomic.Pointer[string] // the incarnation that this process serves; nil: none yet
}

// defaultSchema is where our tables are, unless the URL has a search_path.
const defaultSchema = "signet"

func newPostgres(url string, opts Options) (*postgres, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = int32(min(opts.MaxConns, 1000))
	config.MaxConnIdleTime = 5 * time.Minute
	config.MaxConnLifetime = time.Hour
	config.MaxConnLifetimeJitter = 10 * time.Minute
	config.HealthCheckPeriod = 10 * time.Second
	config.PingTimeout = opts.OpTimeout / 3
	config.ConnConfig.ConnectTimeout = opts.OpTimeout * 2 / 3
	if config.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		config.ConnConfig.DescriptionCacheCapacity = 0 // each connection would reserve memory for what this mode does not use
	}
	for name, value := range map[string]string{
		"application_name": "signet", "search_path": defaultSchema,
		// A replica that froze in mid-transaction must not keep its locks from the others.
		"idle_in_transaction_session_timeout": fmt.Sprint((4 * opts.OpTimeout).Milliseconds()),
		// Every statement has an index in its order, so its plan is right whatever the statistics of a new partition say. Planning each
		// time would cost more than running it.
		"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "enable_bitmapscan": "off", "jit": "off",
	} {
		if params := config.ConnConfig.RuntimeParams; params[name] == "" && !strings.Contains(params["options"], name) {
			params[name] = value
		}
	}
	config.ConnConfig.RuntimeParams[noticesFrom] = "warning" // whatever the role or the URL has: see standbyWatch
	p := &postgres{config: config, servers: serversOf(config.ConnConfig)}
	config.ConnConfig.ValidateConnect = p.requirePrimary(config.ConnConfig.ValidateConnect)
	config.ConnConfig.OnNotice, config.ConnConfig.Tracer = standbyWatch{}.notice, standbyWatch{}
	return p, nil
}

func (p *postgres) name() string { return "postgres" }

func (p *postgres) open(ctx context.Context) (writer, reader *sql.DB, err error) {
	if err := p.detectPooler(ctx); err != nil {
		return nil, nil, err
	}
	if len(p.servers) > 1 {
		p.askAll(ctx)
	}
	p.config.AfterConnect = p.checkServed
	if p.pool, err = pgxpool.NewWithConfig(ctx, p.config); err != nil {
		return nil, nil, err
	}
	db := stdlib.OpenDBFromPool(p.pool)
	return db, db, nil
}

func (p *postgres) close() { p.pool.Close() }

func (p *postgres) prepares() bool { return true }

// classify goes by SQLSTATE (PostgreSQL, appendix A).
func (p *postgres) classify(err error) failure {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		var connect *pgconn.ConnectError
		if errors.As(err, &connect) || errors.Is(err, errReplaced) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
			strings.Contains(err.Error(), "closed pool") || strings.Contains(err.Error(), "conn closed") { // not exported
			return failureUnavailable
		}
		return failureOther
	}
	if isNoPartition(pg) { // somebody dropped it; the same again makes it
		p.ready.Clear()
		return failureConflict
	}
	switch pg.Code {
	case "23505": // unique_violation
		return failureExists
	case "23503", "23001": // foreign_key_violation, restrict_violation
		return failureReferenced
	case "22003", "22021", "22P05": // number out of range, not in the encoding, NUL
		return failureInvalid
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return failureConflict
	case "55P03", "25006", "25P03", "3D000", "28P01", "28000": // lock, read-only, idle in transaction, no such database, not let in
		return failureUnavailable
	}
	switch pg.Code[:2] {
	case "08", "53", "57", "58": // connection, resources, operator intervention, system
		return failureUnavailable
	}
	return failureOther
}

func (p *postgres) cause(err error) Cause {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return ""
	}
	switch pg.Code {
	case "53100": // disk_full
		return NoRoom
	case "25006": // read_only_sql_transaction
		return ReadOnly
	case "58030": // io_error
		return DiskFails
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return Damaged
	case "28P01", "28000": // invalid_password, invalid_authorization_specification
		return NotLetIn
	case "3D000": // invalid_catalog_name
		return NoSuchName
	}
	return ""
}

func (p *postgres) keepConnections(*DB, bool) {} // the server opens the files

func (p *postgres) inPlace() error { return nil }

func (p *postgres) folder() string { return "" }

func (p *postgres) pools(*DB) []Pool {
	s := p.pool.Stat()
	return []Pool{{
		Name: "all", InUse: int(s.AcquiredConns()), Idle: int(s.IdleConns()), Limit: int(s.MaxConns()),
		Waits: s.EmptyAcquireCount(), Wait: s.EmptyAcquireWaitTime(),
	}}
}

func (p *postgres) hasTable() string {
	return `SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1`
}

// migrateLockWait is how long a replica waits for another one to migrate.
const migrateLockWait = 2 * time.Minute

func (p *postgres) migrator(ctx context.Context) (database.Driver, func(), error) {
	config := p.config.ConnConfig.Copy()
	delete(config.RuntimeParams, "idle_in_transaction_session_timeout")
	config.RuntimeParams["lock_timeout"] = fmt.Sprint(migrateLockWait.Milliseconds())
	db := stdlib.OpenDB(*config)
	err := p.makeSchema(ctx, db)
	if err == nil {
		err = p.checkSchema(ctx, db)
	}
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	driver, err := migratepgx.WithInstance(db, &migratepgx.Config{})
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return driver, func() {}, nil
}

// firstSchema is the name that comes first in the search path. Empty if that is set in another way, or is the user's own.
func (p *postgres) firstSchema() string {
	first, _, _ := strings.Cut(p.config.ConnConfig.RuntimeParams["search_path"], ",")
	if first = strings.TrimSpace(first); strings.Contains(first, "$") {
		return ""
	}
	return first
}

// makeSchema makes the schema that comes first in the search path, unless it is there. Replicas do so one at a time.
func (p *postgres) makeSchema(ctx context.Context, db *sql.DB) error {
	first := p.firstSchema()
	if first == "" {
		return nil
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock(hashtext('signet schema'))`); err != nil {
		return err
	}
	var there bool // asked in a statement of its own, which sees what was made while the first one waited
	err = tx.QueryRowContext(ctx, `SELECT to_regnamespace($1) IS NOT NULL`, first).Scan(&there)
	if err != nil || there {
		return err
	}
	if _, err := tx.ExecContext(ctx, `CREATE SCHEMA `+first); err != nil {
		return fmt.Errorf("make the schema %s, or make it yourself (CREATE SCHEMA %s AUTHORIZATION …): %w", first, first, err)
	}
	return tx.Commit()
}

// checkSchema says which privileges the role lacks on the schema of the tables: PostgreSQL passes over a schema without USAGE as if it
// were not there.
func (p *postgres) checkSchema(ctx context.Context, db *sql.DB) error {
	var schema, role string
	var usage, create bool
	err := db.QueryRowContext(ctx, `
		SELECT COALESCE(s.name, ''), quote_ident(current_user), COALESCE(has_schema_privilege(to_regnamespace(s.name)::oid, 'USAGE'), FALSE),
			COALESCE(has_schema_privilege(to_regnamespace(s.name)::oid, 'CREATE'), FALSE)
		FROM (SELECT COALESCE(NULLIF($1, ''), quote_ident(current_schema())) AS name) AS s`, p.firstSchema()).Scan(&schema, &role, &usage, &create)
	var missing []string
	switch {
	case err != nil:
		return err
	case schema == "":
		return fmt.Errorf("the search_path names no schema that is there and that the role %s may use: "+
			"make one (CREATE SCHEMA NAME AUTHORIZATION %[1]s), and name it in the URL (search_path=NAME)", role)
	case !usage:
		missing = append(missing, "USAGE")
	}
	if !create {
		missing = append(missing, "CREATE")
	}
	if len(missing) > 0 {
		return fmt.Errorf("the role %s lacks privileges on the schema %s: as its owner, run GRANT %s ON SCHEMA %[2]s TO %[1]s",
			role, schema, strings.Join(missing, ", "))
	}
	return nil
}

func (p *postgres) rows(parameter string, columns ...string) string {
	values := make([]string, len(columns))
	for i, column := range columns {
		name, kind, _ := strings.Cut(column, " ")
		values[i] = fmt.Sprintf(`CAST(value ->> %d AS %s) AS %s`, i, cmp.Or(kind, "TEXT"), name)
	}
	return `(SELECT ` + strings.Join(values, `, `) + ` FROM json_array_elements(CAST(` + parameter + ` AS JSON)) AS e (value))`
}

func (p *postgres) object(name, value string) string {
	return `json_object_agg(` + name + `, CAST(` + value + ` AS JSON))`
}

func (p *postgres) elements(column string) string {
	return `jsonb_array_elements_text(` + column + `) AS e (value)`
}

func (p *postgres) forUpdate() string  { return ` FOR NO KEY UPDATE` }
func (p *postgres) skipLocked() string { return ` FOR UPDATE SKIP LOCKED` }

func (p *postgres) folded(text string) string {
	return `(lower(CAST(` + text + ` AS TEXT)) COLLATE "C")`
}

func (p *postgres) position() string { return `strpos` }

func (p *postgres) clock() string {
	return `CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)`
}

func (p *postgres) revision() string {
	return `CASE WHEN pg_is_in_recovery() THEN 0 ELSE i.revision END`
}

func (p *postgres) migrates() error {
	if p.pooled {
		return errPooled
	}
	return nil
}

func (p *postgres) beginMigration() string { return `SET LOCAL lock_timeout = '1s';` }

func (p *postgres) readOnly() string { return `current_setting('transaction_read_only') = 'on'` }

func (p *postgres) committed() {} // a trigger does

// Transactions that write tokens share an advisory lock on the revision, and a change takes it alone. A lock on the row
// itself would not do: PostgreSQL lets new sharers pass a waiting change, for ever under load.
func (p *postgres) lockRevision(ctx context.Context, c conn) error {
	_, err := c.exec(ctx, `SELECT pg_advisory_xact_lock('installation'::regclass::oid::bigint)`)
	return err
}

func (p *postgres) heldRevision() string  { return `SELECT held_revision()` }
func (p *postgres) holdsRevision() string { return `held_revision() IS NOT NULL` }

// insertIssuedTokens writes the rows in the order of their ids, so that the primary key grows at its end and its pages fill.
func (p *postgres) insertIssuedTokens(ctx context.Context, db *DB, tokens []domain.IssuedToken, revisions []int64) (revision int64, err error) {
	n := len(tokens)
	ids, digests := make([][16]byte, n), make([]*[16]byte, n)
	numbers := make([]int64, 7*n) // one allocation for all columns
	column := func(i int) []int64 { return numbers[i*n : (i+1)*n : (i+1)*n] }
	expires, clients, users, grants, apis, keys, lists := column(0), column(1), column(2), column(3), column(4), column(5), column(6)
	kinds, indexes := make([]int16, n), make([]int32, n)
	for i := range tokens {
		t := &tokens[i]
		ids[i] = t.ID
		if t.Digest != (domain.TokenDigest{}) {
			digests[i] = (*[16]byte)(&t.Digest)
		}
		expires[i], clients[i], users[i], grants[i], apis[i], keys[i] = micros(t.ExpiresAt), t.ClientID, t.UserID, t.GrantID, t.APIID, t.KeyID
		kinds[i], lists[i], indexes[i] = int16(t.Kind), t.Status.List, t.Status.Index
	}
	var before time.Time
	var there int64
	err = db.write(ctx, func(ctx context.Context, c conn) error {
		if err := p.requirePartitions(ctx, db, tokenPartitions, expires); err != nil {
			return err
		}
		before = db.now()
		return c.each(ctx, func(row scanner) error { return row.Scan(&revision, &there) }, `
			WITH held AS MATERIALIZED (SELECT held_revision() AS revision),
			inserted AS (
				INSERT INTO issued_tokens (jti, digest, expires_at, client_ref, user_id, grant_id, api_id, key_id, kind,
					status_list, status_index, revision)
				SELECT t.jti, t.digest, t.expires_at, t.client_ref,
					NULLIF(t.user_id, 0), NULLIF(t.grant_id, 0), NULLIF(t.api_id, 0), t.key_id, NULLIF(t.kind, 1),
					NULLIF(t.status_list, 0), CASE WHEN t.status_list <> 0 THEN t.status_index END, held.revision
				FROM held, unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[],
					$8::bigint[], $9::smallint[], $10::bigint[], $11::integer[], $12::bigint[])
					AS t (jti, digest, expires_at, client_ref, user_id, grant_id, api_id, key_id, kind,
						status_list, status_index, revision)
				WHERE t.revision >= held.revision
				ORDER BY t.jti)
			SELECT revision, `+p.clock()+` FROM held`,
			ids, digests, expires, clients, users, grants, apis, keys, kinds, lists, indexes, revisions)
	})
	if err == nil {
		err = db.checkClock(before, there)
	}
	return revision, err
}

// tokensByRef looks each token up by itself, whatever the planner estimates: LATERAL with OFFSET 0 is a nested loop. The bounds leave out
// partitions that have none of them.
func (p *postgres) tokensByRef(refs []domain.TokenRef) (query string, args []any) {
	return `SELECT t.* FROM unnest($1::uuid[], $2::bigint[]) AS r (jti, expires_at) CROSS JOIN LATERAL (
		SELECT * FROM issued_tokens WHERE jti = r.jti AND expires_at = r.expires_at AND expires_at BETWEEN $3 AND $4 OFFSET 0) AS t`,
		refArgs(refs)
}

func (p *postgres) isOneOf(refs []domain.TokenRef) (condition string, args []any) {
	return `jti = ANY($1::uuid[]) AND expires_at = ANY($2::bigint[]) AND expires_at BETWEEN $3 AND $4`, refArgs(refs)
}

// refArgs are the ids, the expiries, the first expiry and the last.
func refArgs(refs []domain.TokenRef) []any {
	ids := make([][16]byte, len(refs))
	expires := make([]int64, len(refs))
	from, to := int64(0), int64(0)
	for i := range refs {
		ids[i], expires[i] = refs[i].ID, micros(refs[i].ExpiresAt)
	}
	if len(refs) > 0 {
		from, to = slices.Min(expires), slices.Max(expires)
	}
	return []any{ids, expires, from, to}
}

func (p *postgres) indexKey(owner, jti string) string {
	if owner == `user_id` {
		return `(jti_time(` + jti + `) >> 8)`
	}
	return `jti_time(` + jti + `)`
}

func (p *postgres) partitioned() bool { return true }
