package store

import (
	"cmp"
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

	"github.com/signet-auth/signet/internal/durable"
)

// ErrInUse says that a process uses a SQLite database.
var ErrInUse = errors.New("a server or command uses the database: stop it first")

// beside are the files that SQLite writes beside a database. They would change another one that took its place.
var beside = []string{"-wal", "-shm", "-journal"}

// Replace puts the copy where it belongs, in place of the database that is there, if there is one. That is kept, with what SQLite
// wrote beside it, under the name that is returned; empty: there was none. ErrInUse if somebody uses it. At every moment there is one of
// the two, whole, unless the old one is damaged.
func (c *Copy) Replace(ctx context.Context, now time.Time) (aside string, err error) {
	e, err := newSQLite(c.to, Options{})
	if err != nil {
		return "", err
	}
	release, err := e.lock(ctx) // no process prepares it meanwhile
	if err != nil {
		return "", err
	}
	defer release()
	if err := c.own(); err != nil {
		return "", err
	}
	aside = e.path + ".before-" + now.UTC().Format("20060102T150405.000Z")
	if _, err := os.Lstat(e.path); errors.Is(err, fs.ErrNotExist) {
		if err := e.moveBeside(aside); err != nil {
			return "", err
		}
		return "", c.Place()
	}
	if used, err := isLocked(e.path); err != nil || used {
		return "", cmp.Or(err, ErrInUse)
	}
	if err := e.fold(ctx); err != nil {
		return "", err
	}
	if err := durable.Keep(e.path, aside); err != nil {
		return "", fmt.Errorf("keep the database that is there: %w", err)
	}
	if err := e.moveBeside(aside); err != nil {
		return aside, err
	}
	if err := os.Rename(c.path, c.to); err != nil {
		return aside, err
	}
	return aside, durable.SyncFolder(filepath.Dir(c.to))
}

// own makes the owner of the database's folder the owner of the copy, if root restores it.
func (c *Copy) own() error {
	file, err := os.OpenFile(c.path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(durable.Own(file), file.Close())
}

// fold makes the database one file, as far as it can be read. ErrInUse if somebody uses it.
func (e *embedded) fold(ctx context.Context) error {
	err := onSQLite(fileURL(e.path, url.Values{"_pragma": {"busy_timeout(200)"}}), func(db *sql.DB) error {
		var mode string
		return db.QueryRowContext(ctx, `PRAGMA journal_mode = DELETE`).Scan(&mode)
	})
	if failed, ok := errors.AsType[*sqlite.Error](err); ok {
		if code := failed.Code() & 0xff; code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED {
			return ErrInUse
		}
		return nil // it is damaged, which may be why another one is to take its place
	}
	return err
}

// moveBeside gives what is beside the database the names that belong to another one.
func (e *embedded) moveBeside(aside string) error {
	for _, suffix := range beside {
		err := os.Rename(e.path+suffix, aside+suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("keep what is beside the database: %w", err)
		}
	}
	return durable.SyncFolder(filepath.Dir(e.path))
}
