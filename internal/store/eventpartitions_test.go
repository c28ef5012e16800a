package store_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
)

// inApril opens a database in the middle of April 2026.
func inApril(t *testing.T, url string) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), url, store.Options{OpTimeout: 10 * time.Second, Now: func() time.Time { return april }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

var april = time.Date(2026, 4, 15, 12, 0, 0, 0, time.UTC)

// record appends an event of a month of 2026.
func record(ctx context.Context, db *store.DB, month time.Month) error {
	event := domain.Event{At: time.Date(2026, month, 28, 23, 59, 0, 0, time.UTC), Details: "{}", Digest: []byte("d")}
	return db.AppendEvents(ctx, func(domain.Event) []byte { return []byte("h") }, event)
}

// months are the partitions of the audit log, with what they begin with left out.
func months(t *testing.T, conn *pgx.Conn) (all []string) {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT substr(relname, 14) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'audit\_events\_%' ORDER BY 1`)
	if err == nil {
		all, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// seqs are those of the events that the log has.
func seqs(t *testing.T, db *store.DB) (all []int64) {
	t.Helper()
	events, err := db.ListEvents(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		all = append(all, e.Seq)
	}
	return all
}

func TestAMonthOfTheAuditLogIsDroppedOnceItsEventsArePurged(t *testing.T) {
	url := pgtest.Database(t)
	db, conn := inApril(t, url), connect(t, url)
	purge := func(through int64) {
		t.Helper()
		if _, err := db.DeleteEvents(t.Context(), through, 100); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.PreparePartitions(t.Context(), april, april); err != nil {
		t.Fatal(err)
	}
	// Events 1 to 6: the last is of a replica whose clock is behind.
	for _, month := range []time.Month{1, 2, 2, 3, 4, 2} {
		if err := record(t.Context(), db, month); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		through int64
		months  []string
		seqs    []int64
	}{
		{0, []string{"202601", "202602", "202603", "202604", "202605"}, []int64{1, 2, 3, 4, 5, 6}},
		{2, []string{"202602", "202603", "202604", "202605"}, []int64{3, 4, 5, 6}},
		{4, []string{"202602", "202604", "202605"}, []int64{5, 6}},
		{5, []string{"202602", "202604", "202605"}, []int64{6}},
	} {
		purge(step.through)
		for tries := 0; tries < 100 && !slices.Equal(months(t, conn), step.months); tries++ { // one that is locked for a moment goes the next time
			time.Sleep(50 * time.Millisecond)
			purge(step.through)
		}
		if diff := cmp.Diff(step.months, months(t, conn)); diff != "" {
			t.Errorf("after purging event %d (-want +got)\n%s", step.through, diff)
		}
		if got := seqs(t, db); !slices.Equal(got, step.seqs) {
			t.Errorf("after purging event %d the log has %v, want %v", step.through, got, step.seqs)
		}
	}
}

func TestAnEventFindsItsMonthWhoeverDroppedIt(t *testing.T) {
	url := pgtest.Database(t)
	one, other, conn := inApril(t, url), inApril(t, url), connect(t, url)
	for _, month := range []time.Month{1, 2} {
		if err := record(t.Context(), one, month); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := other.DeleteEvents(t.Context(), 1, 100); err != nil {
		t.Fatal(err)
	}
	if got := months(t, conn); !slices.Equal(got, []string{"202602"}) {
		t.Fatalf("the log has months %v", got)
	}
	err := one.Tx(t.Context(), func(ctx context.Context) error { // in a change that has locks
		if _, err := one.InsertGroup(ctx, domain.Group{Name: "ops"}); err != nil {
			return err
		}
		if err := record(ctx, one, 1); err != nil {
			return err
		}
		return record(ctx, one, 12)
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := seqs(t, one); !slices.Equal(got, []int64{2, 3, 4}) {
		t.Errorf("the log has %v", got)
	}
	if got := months(t, conn); !slices.Equal(got, []string{"202601", "202602", "202612"}) {
		t.Errorf("the log has months %v", got)
	}
}

func TestAMonthWhoseDroppingWasInterruptedIsDroppedNextTime(t *testing.T) {
	url := pgtest.Database(t)
	db, conn := inApril(t, url), connect(t, url)
	for _, month := range []time.Month{1, 2} {
		if err := record(t.Context(), db, month); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Exec(t.Context(), `ALTER TABLE audit_events DETACH PARTITION audit_events_202601`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.DeleteEvents(t.Context(), 1, 100); err != nil {
		t.Fatal(err)
	}
	if got := months(t, conn); !slices.Equal(got, []string{"202602"}) {
		t.Errorf("the log has months %v", got)
	}
}

func TestAnEventIsKeptThatIsWrittenWhileItsMonthIsDropped(t *testing.T) {
	url := pgtest.Database(t)
	one, other, conn := inApril(t, url), inApril(t, url), connect(t, url)
	for _, month := range []time.Month{1, 2} {
		if err := record(t.Context(), one, month); err != nil {
			t.Fatal(err)
		}
	}
	const waiting = `SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
	_, err := conn.Exec(t.Context(), `
		CREATE FUNCTION wait_for_test() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock(42); END';
		CREATE EVENT TRIGGER before_drop ON ddl_command_start WHEN TAG IN ('DROP TABLE') EXECUTE FUNCTION wait_for_test();
		SELECT pg_advisory_lock(42)`)
	if err != nil {
		t.Fatal(err)
	}
	dropped, written := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := one.DeleteEvents(t.Context(), 1, 100)
		dropped <- err
	}()
	for count(t, conn, waiting) < 1 { // it is about to drop the month
		time.Sleep(time.Millisecond)
	}
	go func() { written <- record(t.Context(), other, 1) }()
	for count(t, conn, waiting) < 2 && len(written) == 0 {
		time.Sleep(time.Millisecond)
	}
	if _, err := conn.Exec(t.Context(), `SELECT pg_advisory_unlock(42)`); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(<-dropped, <-written); err != nil {
		t.Fatal(err)
	}
	if got := seqs(t, other); !slices.Equal(got, []int64{2, 3}) {
		t.Errorf("the log has %v", got)
	}
}

func TestThePresentMonthOfTheDatabaseIsNotDropped(t *testing.T) {
	url := pgtest.Database(t)
	db, err := store.Open(t.Context(), url, store.Options{Now: func() time.Time { return time.Now().AddDate(1, 0, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.PreparePartitions(t.Context(), time.Now(), time.Time{}); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, url)
	before := months(t, conn)
	if _, err := db.DeleteEvents(t.Context(), 0, 100); err != nil {
		t.Fatal(err)
	}
	if got := months(t, conn); !slices.Equal(got, before) {
		t.Errorf("the log has months %v, had %v", got, before)
	}
}
