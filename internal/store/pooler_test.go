package store_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestBehindPgBouncerInTransactionMode(t *testing.T) {
	direct := pgtest.Database(t)
	through := pgtest.Pooler(t, direct)

	_, err := store.Open(t.Context(), through, store.Options{})
	if err == nil || !strings.Contains(err.Error(), "SET search_path = signet") {
		t.Fatalf("without the search path: %v, want what to do", err)
	}
	pgtest.SetInDatabase(t, direct, "search_path", "signet")
	pgtest.SetInDatabase(t, direct, "client_min_messages", "error")
	_, err = openAtLast(t, through)
	if err == nil || !strings.Contains(err.Error(), "SET client_min_messages = warning") {
		t.Fatalf("without warnings: %v, want what to do", err)
	}
	pgtest.SetInDatabase(t, direct, "client_min_messages", "warning")
	early := openPooled(t, through)
	if err := early.Migrate(t.Context()); !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), "signet migrate up") {
		t.Errorf("to migrate through the pooler: %v", err)
	}
	owner := storetest.Open(t, direct)
	dbs := []*store.DB{openPooled(t, through), openPooled(t, through)}
	awake := listen(t, dbs[1])
	if _, err := dbs[0].InsertGroup(t.Context(), domain.Group{Name: "news"}); err != nil {
		t.Fatal(err)
	}
	awake("by a change through the pooler")

	var all sync.WaitGroup
	for range 8 { // so that each transaction gets another connection than the one before
		for _, db := range dbs {
			all.Go(func() {
				for range 3 {
					for name, op := range operations {
						if err := op(t.Context(), db); err != nil {
							t.Errorf("%s: %v", name, err)
						}
					}
				}
			})
		}
	}
	all.Wait()
	for _, db := range dbs { // the lock of the first must not stay with a connection of the pooler's
		past := time.Now().Add(-48 * time.Hour)
		if err := db.PreparePartitions(t.Context(), past, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if err := db.PreparePartitions(t.Context(), time.Now(), time.Now().Add(-2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if n := count(t, connect(t, direct), `SELECT COUNT(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'issued_tokens_20%' AND relname < '`+
			time.Now().Add(-3*time.Hour).UTC().Format("issued_tokens_2006010215")+`'`); n != 0 {
			t.Errorf("%d partitions that expired are left", n)
		}
	}
	if err := dbs[0].Migrate(t.Context()); err != nil {
		t.Error("to migrate a schema that is up to date:", err)
	}
	if _, err := owner.FindGroup(t.Context(), "news"); err != nil {
		t.Error(err)
	}
}

func openPooled(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := openAtLast(t, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func openAtLast(t *testing.T, url string) (*store.DB, error) {
	t.Helper()
	db, err := store.Open(t.Context(), url, store.Options{OpTimeout: 20 * time.Second})
	for n := 0; n < 20 && domain.IsTemporary(err); n++ { // the pooler has connections that PostgreSQL ended
		db, err = store.Open(t.Context(), url, store.Options{OpTimeout: 20 * time.Second})
	}
	return db, err
}
