package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// In PostgreSQL the incarnation is "CLUSTER/DATABASE/TABLE": the system identifier of the cluster, and the oids of the database and of our
// first table. A promotion, VACUUM FULL, CLUSTER, pg_repack and renaming keep it; another cluster, a new database and restored tables have
// another. CLUSTER is empty where the role may not read it, or the engine does not have it.
const (
	incarnationQuery = `SELECT concat(s.system_identifier, '/', (SELECT oid FROM pg_database WHERE datname = current_database()), '/',
		to_regclass('installation')::oid) FROM pg_control_system() s`
	poorIncarnationQuery = `SELECT concat('/', (SELECT oid FROM pg_database WHERE datname = current_database()), '/',
		to_regclass('installation')::oid)`
)

func (p *postgres) incarnation(ctx context.Context, db *DB) (string, error) {
	// On a connection of its own, as an error ends a transaction.
	here, err := askIncarnation(ctx, p.pool)
	if err != nil {
		return "", db.translate(ctx, err)
	}
	return here, nil
}

// rowQuerier is a connection or a pool.
type rowQuerier interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

func askIncarnation(ctx context.Context, on rowQuerier) (here string, err error) {
	err = on.QueryRow(ctx, incarnationQuery).Scan(&here)
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch refused.Code {
		case "42501", "42883", "0A000": // insufficient_privilege, undefined_function, feature_not_supported
			err = on.QueryRow(ctx, poorIncarnationQuery).Scan(&here)
		}
	}
	return here, err
}

func (p *postgres) nextIncarnation(stored, here string, _ time.Time) string {
	if stored == "" {
		return here
	}
	if samePlace(stored, here) {
		return stored
	}
	return ""
}

// samePlace reports whether two incarnations are the same, as far as they say.
func samePlace(a, b string) bool {
	clusterA, a, _ := strings.Cut(a, "/")
	clusterB, b, _ := strings.Cut(b, "/")
	return a == b && (clusterA == clusterB || clusterA == "" || clusterB == "")
}

func (p *postgres) keepIncarnation(served string, _ time.Time) error {
	p.served.Store(&served)
	return nil
}

// errReplaced says that the database is not the one any more on which this process began.
var errReplaced = errors.New("the database was replaced by another while this process ran: start it again")

// checkServed refuses a new connection if it leads to another database than the one that this process serves.
func (p *postgres) checkServed(ctx context.Context, conn *pgx.Conn) error {
	served := p.served.Load()
	if served == nil {
		return nil
	}
	here, err := askIncarnation(ctx, conn)
	if err == nil && !samePlace(*served, here) {
		err = errReplaced
	}
	return err
}

func (p *postgres) advanceIDs(ctx context.Context, c conn) error {
	tables, err := list(ctx, c, scanString, `SELECT CAST(table_name AS TEXT) FROM information_schema.columns
		WHERE table_schema = current_schema() AND is_identity = 'YES' AND column_name = 'id' ORDER BY 1`)
	if err != nil {
		return err
	}
	for _, table := range tables {
		_, err := one(ctx, c, scanInt, `SELECT setval(s.name, nextval(s.name) + $1)
			FROM (SELECT CAST(pg_get_serial_sequence(quote_ident(current_schema()) || '.' || quote_ident($2), 'id') AS regclass) AS name) s`,
			leapOf(table), table)
		if err != nil {
			return fmt.Errorf("advance the ids of %s: %w", table, err)
		}
	}
	return nil
}
