package store_test

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestATransactionThatPostgresEndsForBeingIdleChangesNothing(t *testing.T) {
	database := pgtest.Database(t)
	db := storetest.Open(t, database+"&idle_in_transaction_session_timeout=2000")
	ctx := beginWithGroup(t, db, "half")
	conn := connect(t, database)
	for count(t, conn, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'`) > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := db.InsertGroup(ctx, domain.Group{Name: "more"}); !errors.Is(err, domain.ErrUnavailable) {
		t.Error("a statement in it:", err)
	}
	if err := db.Commit(ctx); !errors.Is(err, domain.ErrUnavailable) {
		t.Error("its commit:", err)
	}
	if n := count(t, conn, `SELECT COUNT(*) FROM groups`); n != 0 {
		t.Errorf("%d groups, want none", n)
	}
	recovered(t, db)
}

func TestAStatementThatPostgresStopsForItsTimeIsUnavailableAndChangesNothing(t *testing.T) {
	for _, setting := range []string{"statement_timeout", "lock_timeout"} {
		t.Run(setting, func(t *testing.T) {
			database := pgtest.Database(t)
			sound := storetest.Open(t, database) // migrates, which may take longer than that
			db := storetest.Open(t, database+"&"+setting+"=2000")
			release := pgtest.Hold(t, database+"&search_path=signet", `SELECT FROM installation FOR UPDATE`)
			if _, err := db.InsertGroup(t.Context(), domain.Group{Name: "half"}); !errors.Is(err, domain.ErrUnavailable) {
				t.Error("a change that has to wait:", err)
			}
			release()
			if _, err := sound.FindGroup(t.Context(), "half"); !errors.Is(err, domain.ErrNotFound) {
				t.Error("it was made:", err)
			}
			recovered(t, db)
		})
	}
}

func TestWhilePostgresHasNoConnectionToSpareCallsSaySoInTime(t *testing.T) {
	database := pgtest.Database(t)
	role := fmt.Sprint("limited_", time.Now().UnixNano())
	for _, statement := range []string{
		`CREATE ROLE ` + role + ` LOGIN PASSWORD 'secret'`,
		`DO $$ BEGIN EXECUTE format('GRANT ALL ON DATABASE %I TO ` + role + `', current_database()); END $$`,
	} {
		pgtest.Exec(t, database, statement)
	}
	limited, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	limited.User = url.UserPassword(role, "secret")
	db := storetest.OpenImpatient(t, limited.String())
	pgtest.Exec(t, database, `ALTER ROLE `+role+` CONNECTION LIMIT 0`)
	pgtest.Exec(t, database, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '`+role+`'`)
	for name, op := range operations {
		inTime(t, name, func() error { return op(t.Context(), db) })
	}
	pgtest.Exec(t, database, `ALTER ROLE `+role+` CONNECTION LIMIT -1`)
	recovered(t, db)
}

func TestAFileThatIsNoDatabaseOrADamagedOneIsNotTouched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signet.db")
	storetest.Open(t, "sqlite:"+path).Close()
	sound, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func([]byte) []byte{
		"another file": func([]byte) []byte { return []byte(strings.Repeat("not a database\n", 1000)) },
		"no schema":    func(b []byte) []byte { copy(b[100:4096], make([]byte, 3996)); return b },
		"cut short":    func(b []byte) []byte { return b[:len(b)/2/4096*4096] },
	} {
		damaged := damage(append([]byte(nil), sound...))
		path := filepath.Join(t.TempDir(), "signet.db")
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		db, err := store.Open(t.Context(), "sqlite:"+path, store.Options{})
		if err == nil {
			err = db.Migrate(t.Context())
			for _, op := range operations {
				err = errors.Join(err, op(t.Context(), db))
			}
			db.Close()
		}
		if !errors.Is(err, domain.ErrUnavailable) || !strings.Contains(err.Error(), "malformed") && !strings.Contains(err.Error(), "not a database") {
			t.Errorf("%s: %v, want that it is no database", name, err)
		}
		if name == "another file" {
			if after, err := os.ReadFile(path); err != nil || string(after) != string(damaged) {
				t.Error(name, "was written to:", err)
			}
		}
	}
}
