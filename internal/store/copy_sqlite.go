package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/durable"
)

// ErrNotSQLite says that a database is not a file that could be copied.
var ErrNotSQLite = errors.New("the database is no SQLite file")

// Copy is a checked copy of a SQLite database that is marked as a backup: servers issue nothing on it until AcceptRestored. It lies beside
// the place that it is for, under another name.
type Copy struct {
	Size     int64 // bytes
	Version  uint  // of its schema
	path, to string
	masters  []domain.MasterKey
}

// Backup copies the database to a file that is not there yet, beside those who use it. fs.ErrExist if it is there.
func (db *DB) Backup(ctx context.Context, file string, now time.Time) (*Copy, error) {
	e, ok := db.dialect.(*embedded)
	if !ok {
		return nil, ErrNotSQLite
	}
	if _, err := os.Lstat(file); err == nil {
		return nil, fmt.Errorf("%s: %w", file, fs.ErrExist)
	}
	made, err := copySQLite(ctx, fileURL(e.path, url.Values{"_pragma": {"busy_timeout(10000)"}}), file, now)
	if err != nil {
		return nil, err
	}
	return made, made.Place()
}

// CopyBackup copies a backup, or any copy of a SQLite database of Signet's, for a place: Replace puts it there, or Discard removes it.
// The backup is not changed.
func CopyBackup(ctx context.Context, backup, to string, now time.Time) (*Copy, error) {
	backup, err := filepath.Abs(backup)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(backup)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", backup)
	}
	params := url.Values{"mode": {"ro"}}
	if log, err := os.Stat(backup + "-wal"); err != nil || log.Size() == 0 {
		params.Set("immutable", "1") // nothing is to be made beside it
	}
	return copySQLite(ctx, fileURL(backup, params), to, now)
}

func copySQLite(ctx context.Context, from, to string, now time.Time) (_ *Copy, err error) {
	to, err = realPath(to)
	if err != nil {
		return nil, err
	}
	c := &Copy{path: to + ".partial", to: to}
	return c, c.fill(ctx, from, now)
}

// fill makes the copy.
func (c *Copy) fill(ctx context.Context, from string, now time.Time) (err error) {
	file, err := os.OpenFile(c.path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) // SQLite would make one that others can read
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there: another copy is being made, or one was interrupted; then remove that file", c.path)
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Discard())
		}
	}()
	if err := file.Close(); err != nil {
		return err
	}
	if err := onSQLite(from, func(source *sql.DB) error {
		_, err := source.ExecContext(ctx, `VACUUM INTO $1`, c.path)
		return err
	}); err != nil {
		return explainSQLite("copy the database", err)
	}
	// Nobody relies on it yet: a copy that is interrupted is thrown away.
	return onSQLite(fileURL(c.path, url.Values{"_pragma": {"journal_mode(OFF)", "synchronous(FULL)"}}), func(made *sql.DB) error {
		if err := c.inspect(ctx, made); err != nil {
			return err
		}
		if _, err := made.ExecContext(ctx, `UPDATE installation SET restored_at = COALESCE(restored_at, $1)`, micros(now)); err != nil {
			return explainSQLite("mark the copy as a backup", err)
		}
		return c.sync()
	})
}

func onSQLite(name string, do func(db *sql.DB) error) error {
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	return errors.Join(do(db), db.Close())
}

// inspect checks the copy, and reads what it is.
func (c *Copy) inspect(ctx context.Context, made *sql.DB) error {
	var tables int
	err := made.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name IN ('installation', 'schema_migrations', 'master_keys')`).Scan(&tables)
	if err != nil {
		return explainSQLite("read the copy", err)
	}
	if tables < 3 {
		return errors.New("it is no database of Signet's that a server has used")
	}
	for _, pragma := range []string{`integrity_check`, `foreign_key_check`} {
		problem := ""
		err := made.QueryRowContext(ctx, `SELECT COALESCE((SELECT `+map[string]string{
			`integrity_check`: `integrity_check`, `foreign_key_check`: `"table"`}[pragma]+` FROM pragma_`+pragma+` LIMIT 1), 'ok')`).Scan(&problem)
		if err == nil && problem != "ok" {
			err = errors.New(problem)
		}
		if err != nil {
			return explainSQLite("check the copy: "+pragma, err)
		}
	}
	if err := made.QueryRowContext(ctx, `SELECT version FROM schema_migrations`).Scan(&c.Version); err != nil {
		return explainSQLite("read the version of the copy", err)
	}
	rows, err := made.QueryContext(ctx, `SELECT key_check, sealed_secret, created_at FROM master_keys`)
	if err != nil {
		return explainSQLite("read the master keys of the copy", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var key domain.MasterKey
		if err := rows.Scan(&key.Check, &key.SealedSecret, at(&key.CreatedAt)); err != nil {
			return err
		}
		c.masters = append(c.masters, key)
	}
	return rows.Err()
}

// explainSQLite names what was being done, and says of what is no database that it is none.
func explainSQLite(doing string, err error) error {
	if failed, ok := errors.AsType[*sqlite.Error](err); ok {
		switch failed.Code() & 0xff {
		case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
			return fmt.Errorf("%s: the file is damaged, or no SQLite database: %w", doing, err)
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func (c *Copy) sync() error {
	file, err := os.OpenFile(c.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = file.Sync()
	if info, statErr := file.Stat(); statErr == nil {
		c.Size = info.Size()
	}
	return errors.Join(err, file.Close())
}

// ListMasterKeys returns the master keys that open what is sealed in the copy.
func (c *Copy) ListMasterKeys(context.Context) ([]domain.MasterKey, error) { return c.masters, nil }

// Place puts the copy where it belongs. fs.ErrExist if there is a file: that is never replaced.
func (c *Copy) Place() error {
	if err := durable.Move(c.path, c.to); err != nil {
		return errors.Join(err, c.Discard())
	}
	return nil
}

// Discard removes the copy.
func (c *Copy) Discard() error {
	err := os.Remove(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
