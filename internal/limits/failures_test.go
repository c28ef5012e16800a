package limits

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func failures(shared Shared, now *time.Time) *Failures {
	return newFailures(1, shared, func() time.Time { return *now }, nil)
}

// exhaust fails until an attempt is refused, and says how many were not.
func exhaust(ctx context.Context, f *Failures, client func(n int) (remote, id string)) int {
	for n := range 1000 {
		remote, id := client(n)
		if f.Check(remote, id) != nil {
			return n
		}
		f.Failed(ctx, remote, id)
	}
	return 1000
}

func TestFailuresOfAClientAreBoundedWhereItFails(t *testing.T) {
	now := start
	f := failures(nil, &now)
	if n := exhaust(t.Context(), f, func(int) (string, string) { return "192.0.2.1:1", "shop" }); n != BurstSeconds {
		t.Errorf("%d attempts", n)
	}
	if f.Check("192.0.2.2:1", "shop") != nil {
		t.Error("the client is refused elsewhere too")
	}
	now = now.Add(time.Second)
	if f.Check("192.0.2.1:1", "shop") != nil {
		t.Error("after the wait there is another")
	}
}

func TestOneClientThatFailsKeepsOutNoOther(t *testing.T) {
	now := start
	f := newFailures(20, nil, func() time.Time { return now }, nil)
	for range 60 { // seconds in which it tries as often as it can
		for range 1000 {
			if f.Check("192.0.2.1:1", "old") == nil {
				f.Failed(t.Context(), "192.0.2.1:1", "old")
			}
		}
		if f.Check("192.0.2.1:1", "shop") != nil {
			t.Fatal("another client of the address is refused")
		}
		now = now.Add(time.Second)
	}
}

func TestFailuresOfOthersAtAnAddressDoNotStopAClientThatAuthenticatedThere(t *testing.T) {
	now := start
	f := failures(nil, &now)
	f.Succeeded("192.0.2.1:1", "shop")
	f.Succeeded("192.0.2.1:1", "shop")
	if n := exhaust(t.Context(), f, func(n int) (string, string) { return "192.0.2.1:1", fmt.Sprint("made up ", n) }); n != BurstSeconds {
		t.Errorf("%d attempts", n)
	}
	if err := f.Unknown("192.0.2.1:1"); err == nil {
		t.Error("a token that is not valid is not refused")
	}
	if f.Check("192.0.2.1:9", "shop") != nil {
		t.Error("the client is refused for what others do")
	}
	if f.Check("192.0.2.1:9", "another") == nil {
		t.Error("one that never authenticated there is not refused")
	}
	if n := exhaust(t.Context(), f, func(int) (string, string) { return "192.0.2.1:1", "shop" }); n != BurstSeconds {
		t.Errorf("the client's own failures: %d attempts", n)
	}
}

func TestReplicasCountTheFailuresOfAClientTogether(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := start
		one, other := failures(db, &now), failures(db, &now)
		at := func(int) (string, string) { return "192.0.2.1:1", "shop\x00\xff" }
		if n := exhaust(t.Context(), one, at); n != BurstSeconds {
			t.Errorf("%d attempts at one replica", n)
		}
		if n := exhaust(t.Context(), other, at); n != 1 {
			t.Errorf("%d attempts at another, which learns of it by the first", n)
		}
		if n := exhaust(t.Context(), other, func(int) (string, string) { return "192.0.2.9:1", "shop" }); n != BurstSeconds {
			t.Errorf("%d attempts from elsewhere", n)
		}
	})
}
