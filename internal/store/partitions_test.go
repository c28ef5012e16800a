package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url+"&search_path=signet")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// count runs a query for one number.
func count(t *testing.T, conn *pgx.Conn, query string, args ...any) (n int) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

const tables = `SELECT COUNT(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'issued\_tokens\_%'`

// insertToken writes a token that expires then.
func insertToken(ctx context.Context, db *store.DB, n byte, expires time.Time) error {
	_, err := db.InsertIssuedTokens(ctx, []domain.IssuedToken{{ID: domain.TokenID{n}, Kind: domain.TokenAccess, ExpiresAt: expires}}, []int64{1 << 40})
	return err
}

func TestPartitionsOfTheNextDayAreReady(t *testing.T) {
	url := pgtest.Database(t)
	db, conn := storetest.Open(t, url), connect(t, url)
	now := time.Now()
	if err := db.PreparePartitions(t.Context(), now, now); err != nil {
		t.Fatal(err)
	}
	before := count(t, conn, tables)
	for i := range byte(26) {
		if err := insertToken(t.Context(), db, i+1, now.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if after := count(t, conn, tables); after != before || before > 30 {
		t.Errorf("there were %d partitions, then %d, want about 28 and no more", before, after)
	}
}

func TestDroppingPartitionsIsFinishedAfterAnInterruption(t *testing.T) {
	url := pgtest.Database(t)
	db, conn := storetest.Open(t, url), connect(t, url)
	now := time.Now()
	expired := now.Add(-100 * time.Hour)
	if err := insertToken(t.Context(), db, 1, expired); err != nil {
		t.Fatal(err)
	}
	if err := db.PreparePartitions(t.Context(), now, time.Time{}); err != nil {
		t.Fatal(err)
	}
	reader, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec(t.Context(), `SELECT * FROM issued_tokens`); err != nil { // which dropping must wait for
		t.Fatal(err)
	}
	const leaving = `SELECT COUNT(*) FROM pg_inherits WHERE inhdetachpending`
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- db.PreparePartitions(ctx, now, now.Add(-50*time.Hour)) }()
	for other := connect(t, url); count(t, other, leaving) == 0; {
		time.Sleep(10 * time.Millisecond)
	}
	interrupt()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("an interrupted preparation ended with %v", err)
	}
	for i, expires := range []time.Time{now, now.Add(-200 * time.Hour)} { // nobody waits meanwhile
		if err := insertToken(t.Context(), db, byte(10+i), expires); err != nil {
			t.Error(err)
		}
	}
	if err := reader.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for count(t, conn, leaving) > 0 { // the server may take a while to notice the interruption, and does nothing until then
		if err := db.PreparePartitions(t.Context(), now, now.Add(-50*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, conn, `SELECT COUNT(*) FROM issued_tokens`); n != 1 {
		t.Errorf("%d tokens are left, want 1", n)
	}
	limit := now.Add(-50 * time.Hour).UTC().Format("issued_tokens_2006010215")
	if n := count(t, conn, tables+` AND relname < $1`, limit); n != 0 {
		t.Errorf("%d partitions are left that expired", n)
	}
}

func TestPartitionsThatWereDetachedAreDropped(t *testing.T) {
	url := pgtest.Database(t)
	db, conn := storetest.Open(t, url), connect(t, url)
	now := time.Now()
	if err := insertToken(t.Context(), db, 1, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `ALTER TABLE issued_tokens DETACH PARTITION issued_tokens_2026010203`); err != nil {
		t.Fatal(err)
	}
	if err := db.PreparePartitions(t.Context(), now, now); err != nil {
		t.Fatal(err)
	}
	if n := count(t, conn, `SELECT COUNT(*) FROM pg_class WHERE relname = 'issued_tokens_2026010203'`); n != 0 {
		t.Error("a detached partition is left")
	}
}

func TestAPartitionThatAnotherReplicaDroppedIsMadeAgain(t *testing.T) {
	url := pgtest.Database(t)
	one, other := storetest.Open(t, url), storetest.Open(t, url)
	expired := time.Now().Add(-100 * time.Hour)
	drop := func() {
		t.Helper()
		if err := other.PreparePartitions(t.Context(), time.Now(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if err := insertToken(t.Context(), one, 1, expired); err != nil {
		t.Fatal(err)
	}
	drop()
	if err := insertToken(t.Context(), one, 2, expired); err != nil {
		t.Error(err)
	}
	drop()
	err := one.Tx(t.Context(), func(ctx context.Context) error { return insertToken(ctx, one, 3, expired) })
	if err != nil {
		t.Error(err)
	}
	if n := count(t, connect(t, url), `SELECT COUNT(*) FROM issued_tokens`); n != 1 {
		t.Errorf("%d tokens are left, want 1", n)
	}
}

func TestAPartitionThatIsStillNeededIsAttachedAgain(t *testing.T) {
	url := pgtest.Database(t)
	db, conn := storetest.Open(t, url), connect(t, url)
	now := time.Now()
	expires := now.Add(time.Hour)
	if err := insertToken(t.Context(), db, 1, expires); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `ALTER TABLE issued_tokens DETACH PARTITION `+expires.UTC().Format("issued_tokens_2006010215")); err != nil {
		t.Fatal(err)
	}
	if err := db.PreparePartitions(t.Context(), now, now); err != nil {
		t.Fatal(err)
	}
	if err := insertToken(t.Context(), db, 2, expires); err != nil {
		t.Error(err)
	}
	if n := count(t, conn, `SELECT COUNT(*) FROM issued_tokens`); n != 2 {
		t.Errorf("there are %d tokens, want 2", n)
	}
}
