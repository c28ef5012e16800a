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

// lockedGrants makes grants that have expired, and a transaction that has the first one locked, as a purge has that deletes it.
func lockedGrants(t *testing.T, n int) (db *store.DB, conn *pgx.Conn, other pgx.Tx, first int64) {
	t.Helper()
	url := pgtest.Database(t)
	db, conn = storetest.Open(t, url), connect(t, url)
	for i := range n {
		id, err := db.InsertGrant(t.Context(), domain.Grant{APIs: []domain.GrantAPI{{Audience: "https://orders.example"}}, ExpiresAt: time.UnixMicro(1)})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = id
		}
	}
	other, err := connect(t, url).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec(t.Context(), `SELECT id FROM grants WHERE id = $1 FOR UPDATE`, first); err != nil {
		t.Fatal(err)
	}
	return db, conn, other, first
}

func TestRevokingAnAPIAndThePurgeOfGrantsLockInOneOrder(t *testing.T) {
	db, conn, purge, first := lockedGrants(t, 1)
	api, err := db.InsertAPI(t.Context(), domain.API{Audience: "https://orders.example", SigningAlg: domain.ES256})
	if err != nil {
		t.Fatal(err)
	}
	r, err := db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfAPI, TargetID: api})
	if err != nil {
		t.Fatal(err)
	}
	stepped := make(chan error, 1)
	go func() {
		_, err := db.StepRevocation(t.Context(), r.ID, 10, time.Now())
		stepped <- err
	}()
	for count(t, conn, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
		if len(stepped) > 0 {
			t.Fatal("the step did not wait for the grant", <-stepped)
		}
	}
	if _, err := purge.Exec(t.Context(), `SET LOCAL lock_timeout = '200ms'`); err != nil {
		t.Fatal(err)
	}
	if _, err := purge.Exec(t.Context(), `DELETE FROM grants WHERE id = $1`, first); err != nil {
		t.Error("the purge, which has the grant, waits for the step, which waits for the grant:", err)
	}
	_ = purge.Commit(context.WithoutCancel(t.Context()))
	if err := <-stepped; err != nil {
		t.Error(err)
	}
}

func TestThePurgePassesOverWhatOthersHaveLocked(t *testing.T) {
	db, conn, other, _ := lockedGrants(t, 3)
	defer other.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // nothing was done
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := db.Purge(ctx, time.Now(), 100); err != nil {
		t.Fatal(err)
	}
	if left := count(t, conn, `SELECT COUNT(*) FROM grants`); left != 1 {
		t.Errorf("%d grants are left, want the one that is locked", left)
	}
}
