package store_test

import (
	"context"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestThePurgeLeavesTheFirstEventOfTheFirstReceiver(t *testing.T) {
	url := pgtest.Database(t)
	db, conn := storetest.Open(t, url), connect(t, url)
	client, err := db.InsertClient(t.Context(), domain.Client{ClientID: "orders", IDTokenAlg: domain.ES256})
	if err != nil {
		t.Fatal(err)
	}
	// The receiver and its first event are stored while the purge waits for the outbox.
	other, err := connect(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // done by then
	if _, err := other.Exec(t.Context(), `LOCK TABLE outbox`); err != nil {
		t.Fatal(err)
	}
	purged := make(chan error, 1)
	go func() {
		_, err := db.PurgeAcknowledged(t.Context(), 10)
		purged <- err
	}()
	await(t, func() bool {
		return count(t, conn, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 1
	})
	if _, err := db.InsertReceiver(t.Context(), domain.Receiver{ClientID: client, Method: domain.DeliveryPoll, Events: domain.SecurityEvents}); err != nil {
		t.Fatal(err)
	}
	_, err = other.Exec(t.Context(), `INSERT INTO outbox (seq, at, kind, reason, members, initiator, format, subject, session, client, audience, receiver_id)
		SELECT audit_seq + 1, 0, 'policy-change', '', '{}', 'system', 'uri', '', '', '', '', 0 FROM installation`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec(t.Context(), `UPDATE installation SET audit_seq = audit_seq + 1`); err != nil {
		t.Fatal(err)
	}
	if err := other.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-purged; err != nil {
		t.Fatal(err)
	}
	if left := count(t, conn, `SELECT COUNT(*) FROM outbox`); left != 1 {
		t.Errorf("%d events wait for the receiver, want one", left)
	}
}
