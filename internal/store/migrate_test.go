package store

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/migrations"
)

func TestMigrationsOfBothDatabasesMatchByName(t *testing.T) {
	names := func(dialect string) (names []string) {
		files, err := fs.Glob(migrations.FS, dialect+"/*.sql")
		if err != nil || len(files) == 0 {
			t.Fatalf("no migrations for %s: %v", dialect, err)
		}
		for _, f := range files {
			names = append(names, strings.TrimPrefix(f, dialect+"/"))
		}
		return names
	}
	if diff := cmp.Diff(names("postgres"), names("sqlite")); diff != "" {
		t.Errorf("(-postgres +sqlite)\n%s", diff)
	}
	for _, name := range names("sqlite") {
		up := strings.Replace(name, ".down.sql", ".up.sql", 1)
		if _, err := fs.Stat(migrations.FS, "sqlite/"+up); err != nil {
			t.Errorf("%s has no %s", name, up)
		}
	}
}

// eachEmpty runs a subtest on an empty database of each kind.
func eachEmpty(t *testing.T, test func(t *testing.T, db *DB)) {
	open := func(t *testing.T, url string) *DB {
		db, err := Open(t.Context(), url, Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(db.Close)
		return db
	}
	t.Run("sqlite", func(t *testing.T) { test(t, open(t, "sqlite:"+filepath.Join(t.TempDir(), "signet.db"))) })
	t.Run("postgres", func(t *testing.T) { test(t, open(t, pgtest.Database(t))) })
}

func TestMigrationsGoDownAndUpAgain(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db *DB) {
		for range 2 {
			if err := db.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			m, release, err := db.migration(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			err = m.Down()
			_, closing := m.Close()
			release()
			if err := errors.Join(err, closing); err != nil {
				t.Fatal(err)
			}
		}
		if current, _, dirty, err := db.MigrationStatus(t.Context()); err != nil || current != 0 || dirty {
			t.Errorf("after all down: version %d, dirty %v, error %v", current, dirty, err)
		}
	})
}

func TestADatabaseThatIsNewerOrHalfMigratedIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ change, says string }{
		"newer":         {`UPDATE schema_migrations SET version = 9999`, "run a newer signet"},
		"half migrated": {`UPDATE schema_migrations SET dirty = TRUE`, "was interrupted"},
	} {
		t.Run(name, func(t *testing.T) {
			eachEmpty(t, func(t *testing.T, db *DB) {
				if err := db.Migrate(t.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := db.exec(t.Context(), c.change); err != nil {
					t.Fatal(err)
				}
				err := db.Migrate(t.Context())
				if !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
					t.Errorf("got error %v, want one that says %q", err, c.says)
				}
			})
		})
	}
}
