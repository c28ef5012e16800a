package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// openStrict opens a database to whose transactions a row that another one changed meanwhile is a conflict: they run again.
func openStrict(t *testing.T) (db *store.DB, url string) {
	t.Helper()
	url = pgtest.Database(t)
	storetest.Open(t, url)
	return storetest.Open(t, url+"&default_transaction_isolation=repeatable%20read"), url
}

// conflict runs op, which comes to wait for what another transaction does, and ends that.
func conflict(t *testing.T, url string, other func(ctx context.Context, tx pgx.Tx) error, op func()) {
	t.Helper()
	tx, err := connect(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := other(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); op() }()
	conn := connect(t, url)
	await(t, func() bool {
		return count(t, conn, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 1
	})
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-done
}

func TestAPollThatIsNotedAgainAfterAConflictIsInTimeIfItIsThen(t *testing.T) {
	db, url := openStrict(t)
	now := time.Now()
	client, err := db.InsertClient(t.Context(), domain.Client{ClientID: "tv", IDTokenAlg: domain.ES256})
	if err != nil {
		t.Fatal(err)
	}
	id, err := db.InsertDeviceRequest(t.Context(), domain.DeviceRequest{
		DeviceCode: []byte("device"), UserCode: []byte("user"), ClientID: client, Interval: 5 * time.Second, ExpiresAt: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.NoteDevicePoll(t.Context(), id, now, time.Second); err != nil {
		t.Fatal(err)
	}
	longAgo := func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE device_requests SET polled_at = 0`)
		return err
	}
	conflict(t, url, longAgo, func() {
		if tooSoon, err := db.NoteDevicePoll(t.Context(), id, now.Add(time.Second), time.Second); err != nil || tooSoon {
			t.Errorf("too soon: %v, %v", tooSoon, err)
		}
	})
}

func TestASubjectThatIsAddedAgainAfterAConflictIsAChangeOnlyIfItIsThen(t *testing.T) {
	db, url := openStrict(t)
	client, err := db.InsertClient(t.Context(), domain.Client{ClientID: "orders", IDTokenAlg: domain.ES256})
	if err != nil {
		t.Fatal(err)
	}
	receiver, err := db.InsertReceiver(t.Context(), domain.Receiver{ClientID: client, Method: domain.DeliveryPoll, Events: domain.SecurityEvents})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"alice", "bob"} {
		if _, err := db.InsertUser(t.Context(), domain.User{Subject: name, Username: name, Email: "both@people.example", EmailVerified: true}); err != nil {
			t.Fatal(err)
		}
	}
	bobAlone := func(ctx context.Context, tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO receiver_subjects (receiver_id, user_id, created_at) SELECT $1, id, 0 FROM users WHERE username = 'bob'`, receiver)
		if err == nil {
			_, err = tx.Exec(ctx, `UPDATE users SET email = '' WHERE username = 'alice'`)
		}
		return err
	}
	conflict(t, url, bobAlone, func() {
		changed, n, err := db.PutSubject(t.Context(), receiver, domain.StreamSubject{Email: "both@people.example"}, false, time.Now())
		if err != nil || changed || n != 1 {
			t.Errorf("changed: %v, now %d, %v", changed, n, err)
		}
	})
}
