package store

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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

// patient options wait longer than servers do, so that a busy machine fails no test.
var patient = Options{OpTimeout: 30 * time.Second}

// eachEmpty runs a subtest on an empty database of each kind.
func eachEmpty(t *testing.T, test func(t *testing.T, db *DB)) {
	open := func(t *testing.T, url string) *DB {
		db, err := Open(t.Context(), url, patient)
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

func TestAMigrationThatFailsSaysWhyAndChangesNothing(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db *DB) {
		run := func(statement string) {
			t.Helper()
			if _, err := db.exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		tables := `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`
		if db.Dialect() == "postgres" {
			run(`CREATE SCHEMA signet`)
			tables = `SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'signet'`
		}
		run(`CREATE TABLE users (shoe_size INTEGER)`)
		for range 2 {
			var replicas sync.WaitGroup
			for range 4 {
				replicas.Go(func() {
					err := db.Migrate(t.Context())
					if err == nil || !strings.Contains(err.Error(), "users") || !strings.Contains(err.Error(), "already exists") ||
						strings.Contains(err.Error(), "CREATE") {
						t.Errorf("got error %v, want the database's own, which names the table", err)
					}
				})
			}
			replicas.Wait()
			if left, err := findAll(t.Context(), db, scanString, tables); err != nil || !slices.Equal(left, []string{"users"}) {
				t.Errorf("tables %v are left, error %v", left, err)
			}
		}
		run(`DROP TABLE users`)
		if err := db.Migrate(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestOnPostgresTablesAreInASchemaOfTheirOwn(t *testing.T) {
	url := pgtest.Database(t)
	for _, want := range []string{"signet", `"Sign et"`} {
		if want != "signet" {
			url += "&search_path=%22Sign%20et%22,public"
		}
		db, err := Open(t.Context(), url, patient)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if want == "signet" {
			if _, err := db.exec(t.Context(), `CREATE TABLE public.users (shoe_size INTEGER)`); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{"users", "schema_migrations", "issued_tokens"} {
			if n, err := find(t.Context(), db, scanInt, `SELECT COUNT(to_regclass($1))`, want+"."+table); n != 1 || err != nil {
				t.Errorf("schema %s has no table %s, error %v", want, table, err)
			}
		}
		if _, err := db.InsertUser(t.Context(), domain.User{Username: "alice", Subject: "alice"}); err != nil {
			t.Error(err)
		}
	}
}

func TestARoleWithoutPrivilegesOnTheSchemaIsToldWhichToGrant(t *testing.T) {
	url := pgtest.Database(t)
	owner, err := Open(t.Context(), url, patient)
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close()
	role := strings.ToLower("Role_" + rand.Text())
	for _, statement := range []string{`CREATE ROLE ` + role, `CREATE SCHEMA signet`, `CREATE SCHEMA "Sign et"`} {
		if _, err := owner.exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ grant, path, says string }{
		{"", "", "run GRANT USAGE, CREATE ON SCHEMA signet TO " + role},
		{"", "&search_path=signet,public", "run GRANT USAGE, CREATE ON SCHEMA signet TO " + role},
		{"", "&search_path=%22Sign%20et%22", `run GRANT USAGE, CREATE ON SCHEMA "Sign et" TO ` + role},
		{"", "&search_path=%22$user%22", "no schema that is there and that the role " + role + " may use"},
		{"", "&search_path=%22$user%22,public", "run GRANT CREATE ON SCHEMA public TO " + role},
		{"", "&options=-c%20search_path%3Dsignet", "no schema that is there"},
		{"", "&search_path=missing", "make the schema missing, or make it yourself"},
		{"USAGE", "", "run GRANT CREATE ON SCHEMA signet TO " + role},
		{"CREATE", "", ""},
	} {
		if c.grant != "" {
			if _, err := owner.exec(t.Context(), `GRANT `+c.grant+` ON SCHEMA signet TO `+role); err != nil {
				t.Fatal(err)
			}
		}
		db, err := Open(t.Context(), url+c.path+"&role="+role, patient)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Migrate(t.Context())
		if db.Close(); c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: got error %v, want %q", c.path, err, c.says)
		}
	}
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
				_, err := db.UpToDate(t.Context())
				for _, err := range []error{err, db.Migrate(t.Context())} {
					if !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), c.says) {
						t.Errorf("got error %v, want one that says %q", err, c.says)
					}
				}
			})
		})
	}
}
