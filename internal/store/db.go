// Package store holds all of Signet's SQL, for PostgreSQL and for SQLite.
package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-migrate/migrate/v4/database"

	"github.com/signet-auth/signet/internal/domain"
)

// Options tune a DB; zero fields stand for the defaults.
type Options struct {
	MaxConns   int              // connections to PostgreSQL, or readers of SQLite; 16
	OpTimeout  time.Duration    // the longest that a query, or a whole transaction, may take; 1.5 s
	ListWindow int              // rows among which ListIssuedTokens looks for what is rare: well within OpTimeout; 10,000
	Now        func() time.Time // stamps what no caller stamps: change rows; time.Now
}

// DB is a database of Signet. Its methods may be called concurrently, and take at most Options.OpTimeout. An error is a sentinel of the
// domain package where the method says so, ErrUnavailable if the database did not answer in time, or context.Canceled.
type DB struct {
	dialect    dialect
	writer     *sql.DB
	reader     *sql.DB
	writing    runner // on writer
	reading    runner // on reader
	opTimeout  time.Duration
	listWindow int
	fault      fault

	searchWindow int // entries of an index of names that a search reads at first, where other conditions leave out some
	now          func() time.Time
	restored     atomic.Bool   // see Recognize
	recognized   atomic.Bool   // set once Recognize has confirmed the database, see outlived
	changing     chan struct{} // holds one for each Tx under way: half as many as there are connections
	known        atomic.Int64  // the newest revision that was read, as seen.named has it
}

// dialect is what differs between the databases.
type dialect interface {
	// name is the dialect's, and that of its folder of migrations.
	name() string
	// open returns the pools for writing and for reading, which may be the same.
	open(ctx context.Context) (writer, reader *sql.DB, err error)
	// close ends what open began beside the two pools.
	close()
	// prepares says whether the driver keeps statements prepared.
	prepares() bool
	// classify says what a driver's error means.
	classify(err error) failure
	// cause is what keeps the database from being used, empty if an error of the driver says no such thing.
	cause(err error) Cause
	// keepConnections says whether connections that are not in use are kept, where the disk may be read-only.
	keepConnections(db *DB, keep bool)
	// inPlace returns ErrReplaced if the database is a file that is not the one any more that was opened.
	inPlace() error
	// folder is where the database's file is, empty: elsewhere.
	folder() string
	// pools are DB.Pools.
	pools(db *DB) []Pool
	// hasTable is a query: whether there is a table named $1.
	hasTable() string
	// beginMigration is what a migration begins with: it must not wait for a lock for long, as all that come later wait behind it.
	beginMigration() string
	// incarnation says which copy of the database this is, see Recognize.
	incarnation(ctx context.Context, db *DB) (string, error)
	// nextIncarnation is what the database is to store, given what it stores and which copy it is: the same if nothing is due, empty if
	// it is another copy.
	nextIncarnation(stored, here string, now time.Time) string
	// keepIncarnation is called with what the database remembers once that is committed.
	keepIncarnation(served string, now time.Time) error
	// advanceIDs moves the ids of all tables that count them by leapOf.
	advanceIDs(ctx context.Context, c conn) error
	// migrator returns golang-migrate's driver, on connections of its own, once no other process can migrate.
	migrator(ctx context.Context) (driver database.Driver, release func(), err error)

	// forUpdate ends a SELECT that keeps others from changing its rows, but not from referring to them, until the transaction ends.
	forUpdate() string
	// skipLocked ends a SELECT of rows to delete: it leaves out those that others have locked, and locks the others.
	skipLocked() string
	// folded is an expression for a text whatever its case, by which indexes on names of objects are ordered, byte by byte.
	folded(text string) string
	// position is the function that finds a text in another, from 1.
	position() string
	// readOnly is an expression: whether the database takes no changes.
	readOnly() string
	// clock is an expression: the database's time.
	clock() string
	// condition is the query of DB.Condition.
	condition() string
	// rows is a table of the columns of a JSON array of rows, the parameter. A column is text, or an integer if its name is followed
	// by " BIGINT".
	rows(parameter string, columns ...string) string
	// object is an aggregate: the JSON object of these names and JSON texts, NULL or empty if there are none.
	object(name, value string) string
	// elements is a table of the texts in a column that is a JSON list, in its column "value".
	elements(column string) string
	// committed wakes who listens in this process, after a change of the revision or of statuses, where the database does not do that.
	committed()
	// lockRevision waits until no transaction holds the revision any more, and keeps others from holding it.
	lockRevision(ctx context.Context, c conn) error
	// heldRevision is a query for the revision, which it keeps from changing until the transaction ends.
	heldRevision() string
	// holdsRevision is a condition that is true, and keeps the revision from changing until the transaction ends.
	holdsRevision() string
	// insertIssuedTokens is DB.InsertIssuedTokens.
	insertIssuedTokens(ctx context.Context, db *DB, tokens []domain.IssuedToken, revisions []int64) (revision int64, err error)
	// tokensByRef is a query for the issued tokens that are referred to, and its arguments.
	tokensByRef(refs []domain.TokenRef) (query string, args []any)
	// isOneOf is a condition on issued_tokens that those fulfil which are referred to, and its arguments.
	isOneOf(refs []domain.TokenRef) (condition string, args []any)
	// indexKey is a function of a jti that orders as the jti does, or less finely, and follows that owner (client_ref, user_id or
	// api_id) in the index of issued_tokens that begins with it.
	indexKey(owner, jti string) string
	// preparePartitions makes the partitions for tokens that expire between from and to, and drops those that ended before
	// the last time; as DB.PreparePartitions.
	preparePartitions(ctx context.Context, db *DB, from, to, before time.Time) error
	// requireEventPartitions makes the partitions of the audit log that events need.
	requireEventPartitions(ctx context.Context, db *DB, events []domain.Event) error
	// dropEvents drops the partitions of the audit log that have no event after a seq.
	dropEvents(ctx context.Context, db *DB, through int64) error
	// partitioned says whether issued_tokens is, by the hour of expires_at, so that expired tokens go with their partition.
	partitioned() bool
	// migrates says whether the schema can be migrated by this URL.
	migrates() error
	// revision is an expression for the revision in installation i, zero if this is a standby.
	revision() string
	// promotions is how many were seen: another server takes the writes since.
	promotions() int64
	// compareServers is DB.CompareServers.
	compareServers(ctx context.Context) error
	// listen is DB.Listen until the connection is lost. It calls wake once news can no longer be missed.
	listen(ctx context.Context, db *DB, wake func()) error
}

// Open connects to postgres://… (or postgresql://…) or sqlite:PATH. It does not migrate. A database that does not answer
// is no error here: ask Ping.
func Open(ctx context.Context, url string, opts Options) (*DB, error) {
	if opts.MaxConns <= 0 {
		opts.MaxConns = 16
	}
	if opts.OpTimeout <= 0 {
		opts.OpTimeout = 1500 * time.Millisecond
	}
	if opts.ListWindow <= 0 {
		opts.ListWindow = 10_000
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	db := &DB{
		opTimeout: opts.OpTimeout, listWindow: opts.ListWindow, searchWindow: 1000, now: opts.Now, changing: make(chan struct{}, max(1, opts.MaxConns/2)),
	}
	var err error
	switch scheme, rest, _ := strings.Cut(url, ":"); scheme {
	case "postgres", "postgresql":
		db.dialect, err = newPostgres(url, opts)
	case "sqlite":
		db.dialect, err = newSQLite(rest, opts)
	default:
		err = fmt.Errorf("a database is named postgres://… or sqlite:PATH")
	}
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	if db.writer, db.reader, err = db.dialect.open(ctx); err != nil {
		return nil, fmt.Errorf("open the database: %w", db.translate(ctx, err))
	}
	db.writing, db.reading = db.writer, db.reader
	if !db.dialect.prepares() {
		db.writing, db.reading = newStatements(db.writer), newStatements(db.reader)
	}
	return db, nil
}

// Close ends all connections.
func (db *DB) Close() {
	for _, on := range []runner{db.reading, db.writing} {
		if prepared, ok := on.(*statements); ok {
			_ = prepared.close()
		}
	}
	_ = db.reader.Close()
	_ = db.writer.Close()
	db.dialect.close()
}

// advance records the number of a revision that was read outside of a transaction. A lower one than before is of another copy of the
// database: ErrUnavailable. A far higher one is due to AcceptRestored: ErrOutlived. Not checked between a promotion, which may lose the last
// revisions, and the next Changes.
func (db *DB) advance(before seen, number int64) error {
	switch {
	case db.outlived(before.revision, number):
		return ErrOutlived
	case db.dialect.promotions() != before.promotions: // see Changes
		return nil
	case number < before.revision:
		return fmt.Errorf("%w: it is older than it was, at revision %d after %d", domain.ErrUnavailable, number, before.revision)
	}
	next := before.named(number)
	for known := db.known.Load(); next > known && !db.known.CompareAndSwap(known, next); {
		known = db.known.Load()
	}
	return nil
}

// History changes with each promotion that was seen: what was read before may be lost.
func (db *DB) History() int64 { return db.dialect.promotions() }

// checkClock compares this machine's clock with the time that the database gave, in microseconds, at some time since before.
func (db *DB) checkClock(before time.Time, there int64) error {
	database := time.UnixMicro(there)
	if before.Sub(database) > domain.MaxClockDifference || database.Sub(db.now()) > domain.MaxClockDifference {
		return fmt.Errorf("%w: this machine's is at %s, the database's at %s", domain.ErrClocksDiffer,
			before.UTC().Format(time.DateTime), database.UTC().Format(time.DateTime))
	}
	return nil
}

// Dialect is "postgres" or "sqlite".
func (db *DB) Dialect() string { return db.dialect.name() }

// Ping reads a row, to see that the database answers and is migrated. ErrReadOnly if it takes no changes, as a standby of PostgreSQL;
// ErrRestored if it was restored and that was not accepted; ErrReplaced; ErrOutlived.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.dialect.inPlace(); err != nil {
		return err
	}
	var readOnly, restored bool
	var revision int64
	before := db.seen()
	_, err := find(ctx, db, func(row scanner) (struct{}, error) { return struct{}{}, row.Scan(&readOnly, &restored, &revision) },
		`SELECT `+db.dialect.readOnly()+`, restored_at IS NOT NULL, revision FROM installation WHERE id = 1`)
	switch {
	case err != nil:
		return err
	case readOnly:
		return domain.ErrReadOnly
	case restored:
		return domain.ErrRestored
	case db.outlived(before.revision, revision):
		return ErrOutlived
	}
	return db.issuing()
}

// Clock implements clock.Database. It is asked for nothing but to compare it with this machine's: times are passed in.
func (db *DB) Clock(ctx context.Context) (time.Time, error) {
	return find(ctx, db, func(row scanner) (t time.Time, err error) {
		return t, row.Scan(at(&t))
	}, `SELECT `+db.dialect.clock())
}
