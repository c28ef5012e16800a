package signin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/limits"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// replicas are those of one database; their clock moves on when they wait.
func replicas(t *testing.T, test func(t *testing.T, now *time.Time, of []*shared)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		of := make([]*shared, 3)
		for i := range of {
			of[i] = newShared(Config{Shared: db, Transactions: db, SharedKey: make([]byte, 32), Now: func() time.Time { return now }})
			of[i].strangers = nil
			of[i].sleep = func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }
		}
		test(t, &now, of)
	})
}

// try is an attempt at a replica, and says for how long it had to wait, or has to.
func try(t *testing.T, s *shared, a *attempt, as ending) (waited time.Duration, admitted bool) {
	t.Helper()
	began := s.now()
	counted, err := s.admit(t.Context(), a)
	if wait, tooMany := errors.AsType[*domain.WaitError](err); tooMany {
		return wait.For, false
	} else if err != nil {
		t.Fatal(err)
	}
	s.end(t.Context(), counted, as, slog.New(slog.DiscardHandler))
	return s.now().Sub(began), true
}

func TestReplicasCountFailuresTogether(t *testing.T) {
	replicas(t, func(t *testing.T, now *time.Time, of []*shared) {
		began, n := *now, 0
		for ; n < 40; n++ { // the name is typed in every way that is the same
			a := from([]string{"alice", "ALICE"}[n%2], "192.0.2.1")
			if _, admitted := try(t, of[n%len(of)], a, failed); !admitted {
				break
			}
		}
		if took := now.Sub(began); n < perPair.burst || n > perPair.burst+int(took/perPair.interval)+4 {
			t.Errorf("%d attempts in %s", n, took)
		}
		// What one replica does not let through, none does; another name from there is let through.
		for _, s := range of {
			if _, admitted := try(t, s, from("bob", "192.0.2.1"), failed); !admitted {
				t.Error("another name has to wait too")
			}
		}
	})
}

func TestSuccessesAndWhatIsNoGuessCountAtNoReplica(t *testing.T) {
	replicas(t, func(t *testing.T, _ *time.Time, of []*shared) {
		for n := range 3 * perAddress.burst {
			as := []ending{succeeded, noGuess}[n%2]
			if waited, admitted := try(t, of[n%len(of)], from("robot", "192.0.2.1"), as); !admitted || waited > 0 {
				t.Fatalf("attempt %d waits %s", n, waited)
			}
		}
		for range perPair.burst - 1 {
			try(t, of[0], from("alice", "192.0.2.2"), failed)
		}
		try(t, of[1], from("alice", "192.0.2.2"), succeeded)
		if waited, admitted := try(t, of[2], from("alice", "192.0.2.2"), failed); !admitted || waited > 0 {
			t.Error("a success at one replica does not make up for the failures at another")
		}
	})
}

func TestNoAttackAtAllReplicasKeepsAPersonOut(t *testing.T) {
	replicas(t, func(t *testing.T, now *time.Time, of []*shared) {
		for n := range 300 {
			try(t, of[n%len(of)], from("alice", fmt.Sprintf("%d.%d.2.1", 1+n%200, n%256)), failed)
			if n%2 == 0 {
				*now = now.Add(time.Second / 2)
			}
		}
		known := &attempt{name: "alice", address: netip.MustParseAddr("192.0.2.1"), browser: "alice's"}
		if waited, admitted := try(t, of[0], known, succeeded); !admitted || waited > 0 {
			t.Errorf("alice has to wait %s at her own browser", waited)
		}
		waited, admitted := try(t, of[1], from("alice", "203.0.113.1"), succeeded)
		if !admitted {
			*now = now.Add(waited)
			waited, admitted = try(t, of[1], from("alice", "203.0.113.1"), succeeded)
		}
		if !admitted || waited > 30*time.Second {
			t.Errorf("alice has to wait %s at a new browser, let through: %v", waited, admitted)
		}
	})
}

func TestAFloodOfStrangersIsNoneOfWrites(t *testing.T) {
	s := newShared(Config{Shared: struct{ Shared }{}, Now: func() time.Time { return time.Unix(1_000_000, 0) }})
	for s.strangers.Check(limits.Name{}, s.now()) == nil {
		if err := s.strangers.Spend(limits.Name{}, 1, s.now()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.admit(t.Context(), from("alice", "192.0.2.1")); !errors.Is(err, domain.ErrBusy) {
		t.Errorf("a stranger: %v", err)
	}
}
