// Package storetest holds the suite that every database must pass, and gives tests of other packages a database of each kind.
package storetest

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
)

// Each runs a subtest on an empty, migrated SQLite database and one on an empty, migrated PostgreSQL database.
// The package's TestMain must call pgtest.Main.
func Each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite returns an empty, migrated database in a file of its own.
func SQLite(tb testing.TB) *store.DB {
	tb.Helper()
	return SQLiteAt(tb, filepath.Join(tb.TempDir(), "signet.db"))
}

// SQLiteAt is SQLite in a file that is not there yet.
func SQLiteAt(tb testing.TB, path string) *store.DB {
	tb.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, migrated(tb), 0o600)); err != nil {
		tb.Fatal(err)
	}
	return Open(tb, "sqlite:"+path)
}

// emptySQLite is the file of an empty, migrated database, of which each is a copy: to migrate one takes longer than most tests.
var emptySQLite struct {
	once sync.Once
	file []byte
	err  error
}

func migrated(tb testing.TB) []byte {
	tb.Helper()
	e := &emptySQLite
	e.once.Do(func() {
		path := filepath.Join(tb.TempDir(), "empty.db")
		var db *store.DB
		if db, e.err = store.Open(tb.Context(), "sqlite:"+path, patient); e.err != nil {
			return
		}
		e.err = db.Migrate(tb.Context())
		db.Close()
		if e.err == nil {
			e.file, e.err = os.ReadFile(path)
		}
	})
	if e.err != nil {
		tb.Fatal(e.err)
	}
	return e.file
}

// Postgres returns an empty, migrated database in the cluster that the tests of this binary share.
// Where PostgreSQL is not installed the test is skipped, or fails if CI=true.
func Postgres(tb testing.TB) *store.DB {
	tb.Helper()
	return Open(tb, pgtest.Copy(tb, func(url string) error {
		db, err := store.Open(tb.Context(), url, patient)
		if err != nil {
			return err
		}
		defer db.Close()
		return db.Migrate(tb.Context())
	}))
}

// patient options wait longer than servers do, so that a busy machine fails no test; and some thousand tokens make several steps of a list.
var patient = store.Options{OpTimeout: 10 * time.Second, ListWindow: 1000}

// Open opens and migrates a database; it is closed when the test ends.
func Open(tb testing.TB, url string) *store.DB {
	tb.Helper()
	return open(tb, url, patient)
}

// OpenImpatient is Open with the timeout that servers have.
func OpenImpatient(tb testing.TB, url string) *store.DB {
	tb.Helper()
	return open(tb, url, store.Options{})
}

func open(tb testing.TB, url string, opts store.Options) *store.DB {
	tb.Helper()
	db, err := store.Open(tb.Context(), url, opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(db.Close)
	if err := db.Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return db
}
