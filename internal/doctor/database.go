package doctor

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/server"
	"github.com/signet-auth/signet/internal/store"
)

const (
	oldestPostgres = 150000 // of server_version_num
	newestPostgres = 180000 // the first that no test has seen
)

// database looks at the database, and reports whether services can be opened on it.
func (e *examination) database(ctx context.Context) bool {
	const check = "database"
	if path, onSQLite := e.config.Database.SQLite(); onSQLite {
		if errors.Is(store.FindSQLite(path), store.ErrNoDatabase) { // to open it would make it
			e.add(Skipped, check, "", "%s is not there yet: the server makes it when it first starts", path)
			return false
		}
	}
	db, err := server.OpenDatabase(ctx, e.config)
	if err != nil {
		e.add(Problem, check, adviceOn(err), "%v", err)
		return false
	}
	defer db.Close()
	version, latest, dirty, err := db.MigrationStatus(ctx)
	switch {
	case err != nil:
		e.add(Problem, check, adviceOn(err), "%s does not answer: %v", e.config.Database, err)
		return false
	case version == 0:
		e.add(Skipped, check, "", "%s is empty: the server makes its tables when it first starts", e.config.Database)
		return false
	case dirty:
		e.add(Problem, "schema", "restore a backup, or repair the schema by hand", "the migration to version %d was interrupted", version)
		return false
	case version > latest:
		e.add(Problem, "schema", "run a newer signet", "the schema is version %d, this signet knows none after %d", version, latest)
		return false
	case version < latest:
		e.add(Warning, "schema", "signet migrate up, or start the server, which does it, too", "the schema is version %d of %d", version, latest)
		return false
	default:
		e.add(Good, "schema", "", "version %d", version)
	}
	if err := db.Ping(ctx); errors.Is(err, domain.ErrReadOnly) {
		e.add(Problem, check, "name the primary in the setting database, or promote this one", "%s takes no changes", e.config.Database)
	}
	e.clock(ctx, clock.New(db, e.Now))
	condition, err := db.Condition(ctx)
	switch {
	case err != nil:
		e.add(Warning, check, "", "its settings cannot be read: %v", err)
	case db.Dialect() == "postgres":
		e.postgres(condition)
	default:
		e.sqlite(condition)
	}
	return true
}

// adviceOn is what to do about a database that cannot be used; another error than of its being there says so itself.
func adviceOn(err error) string {
	if !errors.Is(err, domain.ErrUnavailable) {
		return "do what it says"
	}
	return cmp.Or(store.Advice(err), "look at the setting database, and whether the database runs and lets this machine in")
}

func (e *examination) clock(ctx context.Context, c *clock.Clock) {
	const check, advice = "clock", "run a time service (chrony, systemd-timesyncd) on both machines"
	asked := e.Now()
	ahead, err := c.Ahead(ctx)
	if took := e.Now().Sub(asked); ahead > 0 {
		ahead = max(0, ahead-took) // as much of it may be the time of the answer
	}
	switch off := ahead.Abs(); {
	case err != nil:
		e.add(Warning, check, "", "%v", err)
	case off > domain.MaxClockDifference:
		e.add(Problem, check, advice, "this machine's differs from the database's by %v: a server here is not ready", ahead.Round(time.Second))
	case off > clock.Tolerance:
		e.add(Problem, check, advice, "this machine's differs from the database's by %v", ahead.Round(time.Second))
	case off > 2*time.Second:
		e.add(Warning, check, advice, "this machine's differs from the database's by %v", ahead.Round(time.Second))
	default:
		e.add(Good, check, "", "as the database's")
	}
}

func (e *examination) postgres(condition map[string]string) {
	const check = "postgres"
	number := func(name string) int {
		n, _ := strconv.Atoi(condition[name]) // those that are old lack some
		return n
	}
	switch version := number("server_version_num"); {
	case version < oldestPostgres:
		e.add(Problem, check, "upgrade it to 17", "it is PostgreSQL %s; Signet needs 15 or newer", condition["server_version"])
	case version >= newestPostgres:
		e.add(Warning, check, "ask for a newer signet", "it is PostgreSQL %s, with which this signet was not tested", condition["server_version"])
	default:
		e.add(Good, check, "", "PostgreSQL %s", condition["server_version"])
	}
	for _, must := range []struct{ name, bad, because string }{
		{"fsync", "off", "a power cut can lose acknowledged revocations, or the whole database"},
		{"synchronous_commit", "off", "a crash can lose revocations that were acknowledged"},
		{"full_page_writes", "off", "a power cut can corrupt the database"},
		{"autovacuum", "off", "the index of tokens grows and slows down"},
	} {
		if condition[must.name] == must.bad {
			e.add(Problem, check+" "+must.name, "set "+must.name+" = on", "it is off: %s", must.because)
		} else {
			e.add(Good, check+" "+must.name, "", "%s", condition[must.name])
		}
	}
	free := number("max_connections") - number("superuser_reserved_connections") - number("reserved_connections")
	replica := e.config.DatabasePool.MaxConnections + 1 // and the one that listens
	switch replicas := free / replica; {
	case replicas < 1:
		e.add(Problem, check+" connections", "raise max_connections of PostgreSQL, or lower database_pool.max_connections",
			"it lets in %d, and one replica may take %d", free, replica)
	case replicas < 2:
		e.add(Warning, check+" connections", "raise max_connections of PostgreSQL before a second replica starts, or lower database_pool.max_connections",
			"it lets in %d, which is enough for one replica of %d", free, replica)
	default:
		e.add(Good, check+" connections", "", "it lets in %d, which is enough for %d replicas of %d; %d are open", free, replicas, replica, number("connections"))
	}
	e.encryption(condition)
}

// encryption judges the way to a PostgreSQL on another machine.
func (e *examination) encryption(condition map[string]string) {
	const check = "postgres TLS"
	host := ""
	if u, err := url.Parse(string(e.config.Database)); err == nil {
		host = u.Hostname()
	}
	address, err := netip.ParseAddr(condition["server_address"])
	mode := modeOf(string(e.config.Database))
	switch {
	case err != nil || address.Unmap().IsLoopback() || host == "localhost":
		e.add(Good, check, "", "the database is on this machine")
	case condition["ssl_in_use"] != "true":
		e.add(Problem, check, "add sslmode=verify-full&sslrootcert=FILE to the URL, and a certificate to PostgreSQL",
			"what goes to %s is not encrypted: whoever is between sees the password's exchange and all hashes", address)
	case mode != "verify-full" && mode != "verify-ca":
		e.add(Warning, check, "add sslmode=verify-full&sslrootcert=FILE to the URL", "the way to %s is encrypted, but anybody can pose as it: sslmode is %s", address, mode)
	default:
		e.add(Good, check, "", "sslmode %s", mode)
	}
}

// modeOf is the sslmode of a URL; prefer is the default of libpq and pgx.
func modeOf(database string) string {
	if u, err := url.Parse(database); err == nil && u.Query().Get("sslmode") != "" {
		return u.Query().Get("sslmode")
	}
	return "prefer"
}

func (e *examination) sqlite(condition map[string]string) {
	const check = "sqlite"
	bytes, _ := strconv.ParseInt(condition["bytes"], 10, 64) // 0 is as good as not known
	e.add(Good, check, "", "SQLite %s, %d MB; for one server on one machine", condition["version"], bytes>>20)
	if condition["journal_mode"] != "wal" {
		e.add(Problem, check+" journal", "stop what else has the file open, and start the server again", "it is %s, not wal: readers wait for writers", condition["journal_mode"])
	}
	if condition["synchronous"] != "2" {
		e.add(Problem, check+" synchronous", "do not set it in the URL", "it is %s, not 2: a power cut can lose acknowledged revocations", condition["synchronous"])
	}
}
