package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signet-auth/signet/internal/domain"
)

// primary is what is known of the server that takes writes. Each promotion of a standby begins a new timeline, which tells it from an old
// primary that comes back.
type primary struct {
	mu       sync.Mutex
	system   string // the identifier of the cluster
	timeline uint64 // the newest that was seen
}

// serverState is what a server says of itself.
type serverState struct {
	pid      uint32 // of the process that answers, which a pooler hides
	standby  bool
	system   string
	timeline uint64 // zero: it does not say, as some services that only speak PostgreSQL's protocol
}

// learn calls promoted if a primary is newer than all that were seen before, and others may use it only then. It is an error if it is older.
func (p *primary) learn(seen serverState, promoted func()) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case seen.timeline == 0:
	case seen.system == p.system && seen.timeline < p.timeline:
		return fmt.Errorf("it is a primary of timeline %d, and another server was promoted to timeline %d", seen.timeline, p.timeline)
	case seen.system != p.system || seen.timeline > p.timeline:
		if p.timeline != 0 {
			promoted()
		}
		p.system, p.timeline = seen.system, seen.timeline
	}
	return nil
}

// readState asks in the simple protocol, which needs nothing of a pooler.
func readState(ctx context.Context, conn *pgconn.PgConn) (state serverState, err error) {
	results, err := conn.Exec(ctx, `SELECT pg_is_in_recovery(), pg_backend_pid();
		SELECT (SELECT system_identifier FROM pg_control_system()),
			CASE WHEN NOT pg_is_in_recovery() THEN substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END`).ReadAll()
	var refused *pgconn.PgError
	switch {
	case len(results) == 0 || len(results[0].Rows) == 0:
		return state, errors.Join(err, errors.New("the server does not say whether it is a standby"))
	case errors.As(err, &refused): // to say the timeline
	case err != nil:
		return state, err
	}
	state.standby = string(results[0].Rows[0][0]) == "t"
	pid, _ := strconv.ParseUint(string(results[0].Rows[0][1]), 10, 32)
	state.pid = uint32(pid)
	if err == nil && len(results) > 1 && len(results[1].Rows) > 0 {
		state.system = string(results[1].Rows[0][0])
		state.timeline, _ = strconv.ParseUint(string(results[1].Rows[0][1]), 16, 32)
	}
	return state, nil
}

// requirePrimary refuses a standby, whose answers may be old, and a primary in whose place another was promoted.
func (p *postgres) requirePrimary(target pgconn.ValidateConnectFunc) pgconn.ValidateConnectFunc {
	return func(ctx context.Context, conn *pgconn.PgConn) error {
		if target != nil {
			if err := target(ctx, conn); err != nil {
				return err
			}
		}
		state, err := readState(ctx, conn)
		if err != nil {
			return err
		}
		if state.pid != conn.PID() && !p.pooled {
			return errPoolerCame
		}
		return p.admit(state)
	}
}

// errPoolerCame refuses connections through a pooler that was not there at the start.
var errPoolerCame = errors.New("a connection pooler such as PgBouncer was put before PostgreSQL while this process ran: start it again")

// admit drops the connections to the primary before, if this is a newer one.
func (p *postgres) admit(state serverState) error {
	if state.standby {
		return pgconn.ErrStandbyConnection
	}
	return p.primary.learn(state, func() {
		if p.pool != nil {
			p.pool.Reset()
		}
		p.promoted.Add(1) // after the reset: who sees the new number gets no old connection
	})
}

func (p *postgres) promotions() int64 { return p.promoted.Load() % (1 << (63 - promotionBit)) }

// CompareServers asks all servers that the URL names, so that a replica with connections to an old primary, or without any yet, learns of
// the promoted one. It ignores servers that do not answer.
func (db *DB) CompareServers(ctx context.Context) error { return db.dialect.compareServers(ctx) }

func (p *postgres) compareServers(ctx context.Context) error {
	if len(p.servers) > 1 || p.pooled { // a pooler keeps its connections when it leads elsewhere
		p.askAll(ctx)
	}
	return nil
}

func (p *postgres) askAll(ctx context.Context) {
	var asked sync.WaitGroup
	for _, server := range p.servers {
		asked.Go(func() {
			_ = p.ask(ctx, server, func(state serverState, _ *pgconn.PgConn) error { return p.admit(state) })
		})
	}
	asked.Wait()
}

// ask connects to one server, whatever its state.
func (p *postgres) ask(ctx context.Context, server *pgconn.Config, then func(serverState, *pgconn.PgConn) error) error {
	ctx, cancel := context.WithTimeout(ctx, server.ConnectTimeout)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, server)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	state, err := readState(ctx, conn)
	if err != nil {
		return err
	}
	return then(state, conn)
}

// serversOf are configurations for each of the servers that a URL names.
func serversOf(config *pgx.ConnConfig) (servers []*pgconn.Config) {
	all := append([]*pgconn.FallbackConfig{{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}}, config.Fallbacks...)
	byAddress := map[string]*pgconn.Config{}
	for _, one := range all {
		address := fmt.Sprint(one.Host, ":", one.Port)
		if there := byAddress[address]; there != nil { // with another way of TLS
			there.Fallbacks = append(there.Fallbacks, one)
			continue
		}
		server := config.Config.Copy()
		server.Host, server.Port, server.TLSConfig, server.Fallbacks, server.ValidateConnect = one.Host, one.Port, one.TLSConfig, nil, nil
		byAddress[address] = server
		servers = append(servers, server)
	}
	return servers
}

// detectPooler finds out whether a pooler such as PgBouncer is before PostgreSQL. It may give each transaction another connection, so that
// nothing lasts from one to the next: no setting, no prepared statement, no lock, no LISTEN. It refuses one that has not got the settings
// that Signet cannot send. A pooler that comes later is refused by requirePrimary. It also refuses a database that cannot store every name.
func (p *postgres) detectPooler(ctx context.Context) error {
	var server *pgconn.Config
	encoding := ""
	for _, server = range p.servers {
		err := p.ask(ctx, server, func(state serverState, conn *pgconn.PgConn) error {
			p.pooled = state.pid != conn.PID()
			encoding = conn.ParameterStatus("server_encoding")
			return nil
		})
		if p.pooled = p.pooled || refusesParameters(err); p.pooled || err == nil {
			break
		}
	}
	if encoding != "" && encoding != "UTF8" { // it would convert what it can, and refuse some names
		return fmt.Errorf("its encoding is %s: Signet needs a database that was made with ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	if !p.pooled {
		return nil
	}
	want := p.config.ConnConfig.RuntimeParams["search_path"]
	p.withoutSession()
	server = server.Copy()
	server.RuntimeParams = p.config.ConnConfig.RuntimeParams
	return p.ask(ctx, server, func(_ serverState, conn *pgconn.PgConn) error {
		results, err := conn.Exec(ctx, `SELECT current_setting('search_path'), quote_ident(current_user), quote_ident(current_database()),
			current_setting('`+noticesFrom+`')`).ReadAll()
		if err != nil {
			return err
		}
		row := results[0].Rows[0]
		const through = "a connection pooler such as PgBouncer is before PostgreSQL and does not pass settings on: " +
			"run ALTER ROLE %s IN DATABASE %s SET %s = %s, and have the pooler connect anew (RECONNECT); see docs/operations/failover.md"
		if string(row[3]) == "error" {
			return fmt.Errorf(through, row[1], row[2], noticesFrom, "warning")
		}
		if has := strings.NewReplacer(" ", "", `"`, "").Replace(string(row[0])); has != strings.ReplaceAll(want, " ", "") {
			return fmt.Errorf(through, row[1], row[2], "search_path", want)
		}
		return nil
	})
}

// refusesParameters says whether a pooler does not let a connection begin with the settings that ours have.
func refusesParameters(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "08P01" && strings.Contains(pg.Message, "startup parameter")
}

// withoutSession makes connections independent of what was set, prepared or locked in another transaction.
func (p *postgres) withoutSession() {
	config := p.config.ConnConfig
	if config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		config.DefaultQueryExecMode, config.DescriptionCacheCapacity = pgx.QueryExecModeCacheDescribe, 512
	}
	for name := range config.RuntimeParams {
		if name != "application_name" {
			delete(config.RuntimeParams, name)
		}
	}
	p.servers = serversOf(config)
}

// errPooled says what has to go past a pooler.
var errPooled = fmt.Errorf("%w database URL: it leads to a connection pooler, through which the schema is not migrated: "+
	"run `signet migrate up` with a URL of PostgreSQL itself", domain.ErrInvalid)

// pooledCheck is how often a replica asks for news where a pooler lets it not LISTEN.
const pooledCheck = 200 * time.Millisecond

// poll asks for news instead of listening.
func (p *postgres) poll(ctx context.Context, db *DB, wake func()) error {
	ticker := time.NewTicker(pooledCheck)
	defer ticker.Stop()
	for last := ""; ; {
		news, err := find(ctx, db, scanString, `SELECT revision || ' ' || status_seq FROM installation WHERE id = 1`)
		if err != nil {
			return err
		}
		if news != last {
			last = news
			wake()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
