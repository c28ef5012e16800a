package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/golang-migrate/migrate/v4/database"
	migratesqlite "github.com/golang-migrate/migrate/v4/database/sqlite"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/durable"
)

// embedded is SQLite, in a file.
type embedded struct {
	path    string
	readers int
	wait    time.Duration // for a lock that another process has
	polled  time.Duration // between looks at whether another process has written
	news    chan struct{} // this process has; one is enough
	opened  os.FileInfo   // the database's file
	kept    time.Time     // when the incarnation was last written
}

// writerWait is how long SQLite itself waits to write while another process does, before the store's own retry. SQLite asks ever less
// often, and so seldom meets one of the short times in which a process that writes all the time has let go.
const writerWait = 20 * time.Millisecond

func newSQLite(path string, opts Options) (*embedded, error) {
	if path == "" {
		return nil, errors.New("sqlite: needs the path of a file")
	}
	path, err := realPath(path)
	if err != nil {
		return nil, err
	}
	return &embedded{path: path, readers: min(opts.MaxConns, 8), wait: opts.OpTimeout, polled: listenPolled, news: make(chan struct{}, 1)}, nil
}

// realPath is where a file is, or will be: what belongs beside a database lies beside the file, by whatever link that is named.
func realPath(path string) (string, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return filepath.Abs(path)
}

func (e *embedded) name() string { return "sqlite" }

// fileURL names a file to the driver, whatever characters the path has.
func fileURL(path string, params url.Values) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: params.Encode()}).String()
}

// pragmas are those of every connection. FULL: what was committed survives a power cut.
func (e *embedded) pragmas(wait time.Duration, more ...string) url.Values {
	return url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{
		fmt.Sprintf("busy_timeout(%d)", wait.Milliseconds()),
		"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)",
	}, more...)}
}

// open has one writer, since SQLite allows no more, and readers beside it.
func (e *embedded) open(ctx context.Context) (writer, reader *sql.DB, err error) {
	if err := e.find(); errors.Is(err, ErrLost) { // else it would be taken for a new one
		return nil, nil, err
	}
	if err := createPrivate(e.path); err != nil {
		return nil, nil, err
	}
	if err := e.initialize(ctx); err != nil {
		return nil, nil, err
	}
	if writer, err = sql.Open("sqlite", fileURL(e.path, e.pragmas(writerWait))); err != nil {
		return nil, nil, err
	}
	writer.SetMaxOpenConns(1)
	if reader, err = sql.Open("sqlite", fileURL(e.path, e.pragmas(e.wait, "query_only(1)"))); err != nil {
		return nil, nil, errors.Join(err, writer.Close())
	}
	reader.SetMaxOpenConns(e.readers)
	reader.SetMaxIdleConns(e.readers)
	if e.opened, err = os.Stat(e.path); err != nil {
		return nil, nil, errors.Join(err, writer.Close(), reader.Close())
	}
	return writer, reader, nil
}

// initialize makes the file a database in WAL mode before a reader comes. It is one process's turn at a time: busy_timeout does
// not cover the change of an empty file's mode, so of two that make it at once one would fail.
func (e *embedded) initialize(ctx context.Context) error {
	if info, err := os.Stat(e.path); err != nil || info.Size() == 0 {
		release, err := e.lock(ctx)
		if err != nil {
			return err
		}
		defer release()
	}
	db, err := sql.Open("sqlite", fileURL(e.path, e.pragmas(e.wait)))
	if err != nil {
		return err
	}
	return errors.Join(db.PingContext(ctx), db.Close())
}

// createPrivate makes an empty file, and its folder, that only the owner can read; SQLite gives its other files the same mode.
func createPrivate(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := errors.Join(durable.OwnIfPermitted(f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func (e *embedded) close() {}

func (e *embedded) prepares() bool { return false }

// classify goes by result codes (sqlite.org/rescode.html).
func (e *embedded) classify(err error) failure {
	var failed *sqlite.Error
	if !errors.As(err, &failed) {
		return failureOther
	}
	switch failed.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return failureExists
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return failureReferenced
	}
	switch failed.Code() & 0xff {
	case sqlite3.SQLITE_BUSY:
		return failureLocked
	case sqlite3.SQLITE_LOCKED:
		return failureConflict
	case sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return failureUnavailable
	}
	return failureOther
}

func (e *embedded) cause(err error) Cause {
	var failed *sqlite.Error
	if !errors.As(err, &failed) {
		return ""
	}
	switch failed.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return NoRoom
	case sqlite3.SQLITE_READONLY:
		return ReadOnly
	case sqlite3.SQLITE_IOERR:
		return DiskFails
	case sqlite3.SQLITE_CANTOPEN:
		return Unopened
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return Damaged
	}
	return ""
}

// keepConnections says whether connections that are not in use are kept. They are not while the disk is read-only: one that SQLite opens
// then never writes, even when others can. On a full disk they are: to open the first one again takes room.
func (e *embedded) keepConnections(db *DB, keep bool) {
	writers, readers := 1, e.readers
	if !keep {
		writers, readers = 0, 0
	}
	db.writer.SetMaxIdleConns(writers)
	db.reader.SetMaxIdleConns(readers)
}

func (e *embedded) folder() string { return filepath.Dir(e.path) }

func (e *embedded) pools(db *DB) []Pool {
	pool := func(name string, of *sql.DB) Pool {
		s := of.Stats()
		return Pool{Name: name, InUse: s.InUse, Idle: s.Idle, Limit: s.MaxOpenConnections, Waits: s.WaitCount, Wait: s.WaitDuration}
	}
	return []Pool{pool("writes", db.writer), pool("reads", db.reader)}
}

func (e *embedded) hasTable() string {
	return `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1`
}

// lock waits until no other process holds the lock, which is on a second, empty database beside the first.
func (e *embedded) lock(ctx context.Context) (release func(), err error) {
	if err := createPrivate(e.path + ".lock"); err != nil {
		return nil, err
	}
	lock, err := sql.Open("sqlite", fileURL(e.path+".lock", url.Values{
		"_txlock": {"exclusive"},
		"_pragma": {fmt.Sprintf("busy_timeout(%d)", migrateLockWait.Milliseconds())},
	}))
	if err != nil {
		return nil, err
	}
	held, err := lock.BeginTx(ctx, nil)
	if err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("wait for another process that prepares the database: %w", err)
	}
	return func() { _ = held.Rollback(); _ = lock.Close() }, nil
}

// migrator holds the lock, since golang-migrate's own does not reach other processes.
func (e *embedded) migrator(ctx context.Context) (_ database.Driver, release func(), err error) {
	if release, err = e.lock(ctx); err != nil {
		return nil, nil, err
	}
	db, err := sql.Open("sqlite", fileURL(e.path, e.pragmas(e.wait)))
	if err != nil {
		release()
		return nil, nil, err
	}
	driver, err := migratesqlite.WithInstance(db, &migratesqlite.Config{})
	if err != nil {
		release()
		return nil, nil, errors.Join(err, db.Close())
	}
	return driver, release, nil
}

func (e *embedded) rows(parameter string, columns ...string) string {
	values := make([]string, len(columns))
	for i, column := range columns {
		name, _, _ := strings.Cut(column, " ")
		values[i] = fmt.Sprintf(`value ->> %d AS %s`, i, name)
	}
	return `(SELECT ` + strings.Join(values, `, `) + ` FROM json_each(` + parameter + `))`
}

func (e *embedded) object(name, value string) string {
	return `json_group_object(` + name + `, json(` + value + `))`
}

func (e *embedded) elements(column string) string { return `json_each(` + column + `)` }

// Writing transactions come one after the other, so there is nothing to hold.
func (e *embedded) forUpdate() string                        { return `` }
func (e *embedded) skipLocked() string                       { return `` }
func (e *embedded) folded(text string) string                { return `lower(` + text + `)` }
func (e *embedded) position() string                         { return `instr` }
func (e *embedded) clock() string                            { return `CAST(unixepoch('subsec') * 1000000 AS INTEGER)` }
func (e *embedded) beginMigration() string                   { return `` }
func (e *embedded) readOnly() string                         { return `FALSE` }
func (e *embedded) revision() string                         { return `i.revision` }
func (e *embedded) migrates() error                          { return nil }
func (e *embedded) promotions() int64                        { return 0 }
func (e *embedded) compareServers(context.Context) error     { return nil }
func (e *embedded) lockRevision(context.Context, conn) error { return nil }
func (e *embedded) heldRevision() string                     { return `SELECT revision FROM installation WHERE id = 1` }
func (e *embedded) holdsRevision() string                    { return `TRUE` }

func (e *embedded) committed() {
	select {
	case e.news <- struct{}{}:
	default:
	}
}

func (e *embedded) insertIssuedTokens(ctx context.Context, db *DB, tokens []domain.IssuedToken, revisions []int64) (revision int64, err error) {
	rows := make([]byte, 0, 220*len(tokens))
	for i := range tokens {
		t := &tokens[i]
		rows = appendRow(rows, t.ID, t.Digest, micros(t.ExpiresAt), t.ClientID, t.UserID, t.GrantID, t.APIID, t.KeyID,
			int64(t.Kind), t.Status.List, int64(t.Status.Index), revisions[i])
	}
	if prepared, ok := db.writing.(*statements); ok && !db.InTx(ctx) {
		if _, err := prepared.prepare(ctx, insertIssuedTokens); err != nil {
			return 0, db.translate(ctx, err)
		}
	}
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		if revision, err = one(ctx, c, scanInt, e.heldRevision()); err != nil {
			return err
		}
		_, err := c.exec(ctx, insertIssuedTokens, closeRows(rows), revision)
		return err
	})
	return revision, err
}

// insertIssuedTokens writes the rows of $1, a JSON array, that were decided at revision $2 or later.
const insertIssuedTokens = `
	INSERT INTO issued_tokens (jti, digest, expires_at, client_ref, user_id, grant_id, api_id, key_id, kind,
		status_list, status_index, revision)
	SELECT unhex(value ->> 0), NULLIF(unhex(value ->> 1), zeroblob(16)), value ->> 2, value ->> 3,
		NULLIF(value ->> 4, 0), NULLIF(value ->> 5, 0), NULLIF(value ->> 6, 0), value ->> 7, NULLIF(value ->> 8, 1),
		NULLIF(value ->> 9, 0), CASE WHEN value ->> 9 <> 0 THEN value ->> 10 END, $2
	FROM json_each($1) WHERE value ->> 11 >= $2`

func (e *embedded) tokensByRef(refs []domain.TokenRef) (query string, args []any) {
	return refRows + ` SELECT t.* FROM refs CROSS JOIN issued_tokens t ON t.jti = refs.jti AND t.expires_at = refs.expires_at`, refArg(refs)
}

func (e *embedded) isOneOf(refs []domain.TokenRef) (condition string, args []any) {
	return `(jti, expires_at) IN (` + refRows + ` SELECT jti, expires_at FROM refs)`, refArg(refs)
}

// refRows makes rows of refArg's parameter. JSON would take as long as to find the tokens.
const refRows = `WITH RECURSIVE
	nth(at) AS (VALUES (1) UNION ALL SELECT at + 36 FROM nth WHERE at + 36 < length($1)),
	refs AS (SELECT substr($1, at, 16) AS jti, CAST(substr($1, at + 16, 20) AS INTEGER) AS expires_at FROM nth)`

// refArg is one parameter, however many tokens there are: 16 bytes of each id and 20 digits of its expiry.
func refArg(refs []domain.TokenRef) []any {
	rows := make([]byte, 0, 36*len(refs))
	for i := range refs {
		rows = fmt.Appendf(append(rows, refs[i].ID[:]...), "%020d", micros(refs[i].ExpiresAt))
	}
	return []any{rows}
}

func (e *embedded) indexKey(_, jti string) string { return jti }

// appendRow adds ["hex of the id","hex of the digest",number,…] to a JSON array of rows, which is one parameter however many
// rows there are.
func appendRow(rows []byte, id domain.TokenID, digest domain.TokenDigest, numbers ...int64) []byte {
	rows = append(rows, `,["`...)
	rows = hex.AppendEncode(rows, id[:])
	rows = append(rows, `","`...)
	rows = hex.AppendEncode(rows, digest[:])
	rows = append(rows, '"')
	for _, n := range numbers {
		rows = append(rows, ',')
		rows = strconv.AppendInt(rows, n, 10)
	}
	return append(rows, ']')
}

// closeRows turns what appendRow made into JSON text.
func closeRows(rows []byte) string {
	if len(rows) == 0 {
		return "[]"
	}
	rows[0] = '['
	return string(append(rows, ']'))
}

func (e *embedded) partitioned() bool { return false }

func (e *embedded) requireEventPartitions(context.Context, *DB, []domain.Event) error { return nil }
func (e *embedded) dropEvents(context.Context, *DB, int64) error                      { return nil }

func (e *embedded) preparePartitions(_ context.Context, _ *DB, _, _, _ time.Time) error { return nil }
