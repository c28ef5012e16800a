package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestNeitherAStandbyNorAPrimaryThatWasReplacedIsTrusted(t *testing.T) {
	pair := pgtest.NewPair(t)
	url := pair.URL()
	first, second := pair.Primary, pair.Standby
	db := storetest.Open(t, url)
	alone := storetest.OpenImpatient(t, first.URL())

	onStandby, err := store.Open(t.Context(), second.URL(), store.Options{OpTimeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(onStandby.Close)
	for name, op := range operations {
		if err := op(t.Context(), onStandby); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("%s on a standby: %v, want %v", name, err, domain.ErrUnavailable)
		}
	}
	if err := onStandby.Ping(t.Context()); err == nil || !strings.Contains(err.Error(), "standby") {
		t.Error("a ping of a standby:", err)
	}

	first.Crash()
	pair.Promote(t)
	recovered(t, db)
	recovered(t, onStandby)
	inTime(t, "ping of the server that crashed", func() error { return alone.Ping(t.Context()) })

	first.Start(t) // as a primary still, which is the first in the URL
	late := storetest.Open(t, url)
	if _, err := late.InsertGroup(t.Context(), domain.Group{Name: "late"}); err != nil {
		t.Fatal(err)
	}
	for name, one := range map[string]*store.DB{"that was there": db, "that begins": late} {
		if _, err := one.FindGroup(t.Context(), "late"); err != nil {
			t.Errorf("a replica %s does not use the server that was promoted: %v", name, err)
		}
	}

	pair.Rebuild(t)
	inTime(t, "ping of a server that is a standby by now", func() error { return alone.Ping(t.Context()) })
}

func TestAReplicaLeavesAPrimaryThatWasReplacedWhileItLives(t *testing.T) {
	pair := pgtest.NewPair(t)
	first := pair.Primary
	db := storetest.Open(t, pair.URL())
	pair.Promote(t) // nobody has stopped the first
	if err := db.CompareServers(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := db.InsertGroup(t.Context(), domain.Group{Name: "late"}); err != nil {
		t.Fatal(err)
	}
	if _, err := storetest.Open(t, pair.Primary.URL()).FindGroup(t.Context(), "late"); err != nil {
		t.Error("it was not written to the server that was promoted:", err)
	}
	first.Crash()
	recovered(t, db)
}

func TestAfterAPromotionThatLostCommitsAReplicaReadsEverythingAnew(t *testing.T) {
	pair := pgtest.NewPair(t)
	db := storetest.Open(t, pair.URL())
	other := storetest.Open(t, pair.URL())
	revision := func(after int64) (int64, bool) {
		t.Helper()
		_, newest, complete, err := db.Changes(t.Context(), after)
		if err != nil {
			t.Fatal(err)
		}
		return newest, complete
	}
	add := func(to *store.DB, name string) {
		t.Helper()
		if _, err := to.InsertGroup(t.Context(), domain.Group{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	add(db, "kept")
	pair.Lag(t)
	add(db, "lost")
	lost, _ := revision(0)
	pair.Primary.Crash()
	pair.Promote(t)
	for deadline := time.Now().Add(30 * time.Second); db.Ping(t.Context()) != nil || other.Ping(t.Context()) != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no call succeeds")
		}
	}
	asked := func() map[string]int64 {
		t.Helper()
		_, found, failed := db.FindIssuedTokens(t.Context(), []domain.TokenRef{{ID: domain.TokenID{1}}})
		inserted, err := indexToken(t, db)
		held := int64(0)
		unheld := db.Tx(t.Context(), func(ctx context.Context) (err error) {
			held, err = db.HoldRevision(ctx)
			return err
		})
		if err := errors.Join(failed, err, unheld); err != nil {
			t.Fatal("a replica that saw what is lost:", err)
		}
		return map[string]int64{"look up": found, "index": inserted, "hold": held}
	}
	for name, newest := range asked() {
		if newest <= lost {
			t.Errorf("%s: revision %d, so that what was decided at revision %d of before counts", name, newest, lost)
		}
	}
	add(other, "instead")
	anew, complete := revision(lost)
	if store.Number(anew) != store.Number(lost) || anew == lost || complete {
		t.Errorf("at revision %d of which another was lost: revision %d, complete=%v, want everything anew", lost, anew, complete)
	}
	if _, complete := revision(anew); !complete {
		t.Error("it was read anew twice")
	}
	for name, newest := range asked() {
		if newest != anew {
			t.Errorf("%s: revision %d, want %d", name, newest, anew)
		}
	}
	for decided, want := range map[int64]bool{lost: false, anew: true} {
		token := domain.IssuedToken{ID: domain.FirstTokenID(time.Now()), Kind: domain.TokenAccess, ExpiresAt: time.Now()}
		if newest, err := db.InsertIssuedTokens(t.Context(), []domain.IssuedToken{token}, []int64{decided}); err != nil || newest != anew {
			t.Errorf("decided at revision %d: %d, %v", decided, newest, err)
		}
		found, _, err := db.FindIssuedTokens(t.Context(), []domain.TokenRef{token.Ref()})
		if _, written := found[token.ID]; written != want || err != nil {
			t.Errorf("decided at revision %d: written=%v, %v", decided, written, err)
		}
	}
}

func TestACommitThatTheStandbyHasNotConfirmedIsAnError(t *testing.T) {
	pair := pgtest.NewPair(t)
	pgtest.SetInDatabase(t, pair.Primary.URL(), "client_min_messages", "error") // which hides what PostgreSQL says of it
	db := storetest.Open(t, pair.URL()+"&client_min_messages=error&options=-c%20client_min_messages%3Derror")
	conn := connect(t, pair.URL())
	pair.Standby.Pause(t)
	defer pair.Standby.Resume(t)
	ctx, stop := context.WithCancel(t.Context())
	cancelled := make(chan struct{})
	go func() { // what waits for the standby, as an impatient administrator would
		defer close(cancelled)
		for ctx.Err() == nil {
			_, _ = conn.Exec(ctx, `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
			time.Sleep(20 * time.Millisecond)
		}
	}()
	defer func() { stop(); <-cancelled }()
	for name, op := range map[string]func() error{
		"a transaction": func() error { _, err := db.InsertGroup(t.Context(), domain.Group{Name: "lost"}); return err },
		"a statement":   func() error { _, err := indexToken(t, db); return err },
	} {
		if err := op(); !errors.Is(err, domain.ErrUnavailable) || !strings.Contains(err.Error(), "standby") {
			t.Errorf("%s that no standby confirmed: %v", name, err)
		}
	}
}

// indexToken writes a token by a statement of its own.
func indexToken(t *testing.T, db *store.DB) (int64, error) {
	t.Helper()
	token := domain.IssuedToken{ID: domain.FirstTokenID(time.Now()), Kind: domain.TokenAccess, ExpiresAt: time.Now()}
	return db.InsertIssuedTokens(t.Context(), []domain.IssuedToken{token}, []int64{1 << 40})
}

func TestADatabaseWhoseRevisionGoesBackIsUnavailable(t *testing.T) {
	url := pgtest.Database(t)
	db, conn := storetest.Open(t, url), connect(t, url)
	for i := range 3 {
		if _, err := db.InsertGroup(t.Context(), domain.Group{Name: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, _, err := db.Changes(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), `UPDATE installation SET revision = revision - 1`); err != nil {
		t.Fatal(err)
	}
	_, _, _, changes := db.Changes(t.Context(), 0)
	_, _, found := db.FindIssuedTokens(t.Context(), []domain.TokenRef{{ID: domain.TokenID{1}}})
	_, inserted := indexToken(t, db)
	for name, err := range map[string]error{"changes": changes, "look up": found, "index": inserted} {
		if !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("%s: %v, want %v", name, err, domain.ErrUnavailable)
		}
	}
	if _, err := storetest.Open(t, url).ListUsers(t.Context(), domain.UserFilter{}, domain.Page{Limit: 1}); err != nil {
		t.Error("a replica that begins now:", err)
	}
}
