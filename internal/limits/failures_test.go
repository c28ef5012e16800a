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

func nothing() string { return "" }

func never() bool { return false }

// exhaust fails until an attempt is refused, and says how many were not.
func exhaust(ctx context.Context, f *Failures, client func(n int) (remote, id string)) int {
	for n := range 1000 {
		remote, id := client(n)
		if f.Check(remote, id, nothing, never) != nil {
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
	if f.Check("192.0.2.2:1", "shop", nothing, never) != nil {
		t.Error("the client is refused elsewhere too")
	}
	now = now.Add(time.Second)
	if f.Check("192.0.2.1:1", "shop", nothing, never) != nil {
		t.Error("after the wait there is another")
	}
}

func TestManyAttemptsAtTheSameTimeFailNoMoreOftenThanOneByOne(t *testing.T) {
	now := start
	f := newFailures(2, nil, func() time.Time { return now }, nil)
	failed := 0
	for range 100 { // seconds
		admitted := 0
		for range 30 { // at once
			if f.Check("192.0.2.1:1", "shop", nothing, never) == nil {
				admitted++
			}
		}
		for range admitted {
			f.Failed(t.Context(), "192.0.2.1:1", "shop")
		}
		failed += admitted
		now = now.Add(time.Second)
	}
	if failed > 100+2*BurstSeconds+30 {
		t.Errorf("%d attempts in 100 seconds", failed)
	}
}

func TestOneClientThatFailsKeepsOutNoOther(t *testing.T) {
	now := start
	f := newFailures(20, nil, func() time.Time { return now }, nil)
	for range 60 { // seconds in which it tries as often as it can
		for range 1000 {
			if f.Check("192.0.2.1:1", "old", nothing, never) == nil {
				f.Failed(t.Context(), "192.0.2.1:1", "old")
			}
		}
		if f.Check("192.0.2.1:1", "shop", nothing, never) != nil {
			t.Fatal("another client of the address is refused")
		}
		now = now.Add(time.Second)
	}
	for range 1000 { // at once
		f.Failed(t.Context(), "192.0.2.1:1", "old")
	}
	if f.Check("192.0.2.1:1", "shop", nothing, never) != nil {
		t.Error("another client of the address is refused for a burst")
	}
	if f.Check("192.0.2.1:1", "old", nothing, never) == nil {
		t.Error("it is not refused itself")
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
	if f.Check("192.0.2.1:9", "shop", nothing, never) != nil {
		t.Error("the client is refused for what others do")
	}
	if f.Check("192.0.2.1:9", "another", nothing, never) == nil {
		t.Error("one that never authenticated there is not refused")
	}
	if n := exhaust(t.Context(), f, func(int) (string, string) { return "192.0.2.1:1", "shop" }); n != BurstSeconds {
		t.Errorf("the client's own failures: %d attempts", n)
	}
}

func TestWhatWasMadeHereIsHeldToItsOwnFailures(t *testing.T) {
	now, refusals := start, 0
	f := newFailures(2, nil, func() time.Time { return now }, func() { refusals++ })
	presents := func(what string) func() string { return func() string { return what } }
	for n := range 1000 { // a neighbour with made-up tokens, of the same client and of others
		for _, client := range []string{"app", fmt.Sprint("made up ", n)} {
			if f.Check("192.0.2.1:1", client, nothing, never) == nil {
				f.Failed(t.Context(), "192.0.2.1:1", client)
			}
		}
	}
	refusals = 0
	if f.Check("192.0.2.1:1", "app", presents("a token"), never) != nil || refusals > 0 {
		t.Error("a token that was made here is refused for what others present")
	}
	n := exhaust(t.Context(), f, func(int) (string, string) { return "192.0.2.1:1", "a token" })
	if n > 0 || refusals != 1 {
		t.Errorf("without a token %d attempts, %d refusals are counted", n, refusals)
	}
	for n = 0; f.Check("192.0.2.1:1", "app", presents("a token"), never) == nil && n < 1000; n++ {
		f.Failed(t.Context(), "192.0.2.1:1", "a token")
	}
	if n != BurstSeconds {
		t.Errorf("a token that is over is tried %d times", n)
	}
	if f.Check("192.0.2.1:1", "app", presents("another"), never) != nil {
		t.Error("another token is refused for it")
	}
}

func TestATokenThatIsOverIsHeldToItsFailuresThoughNothingElseFails(t *testing.T) {
	now := start
	f := newFailures(2, nil, func() time.Time { return now }, nil)
	n := 0
	for ; n < 1000 && f.Check("192.0.2.1:1", fmt.Sprint("made up ", n), func() string { return "a token" }, never) == nil; n++ {
		f.Failed(t.Context(), "192.0.2.1:1", "a token")
	}
	if n != BurstSeconds {
		t.Errorf("it is tried %d times", n)
	}
}

func TestAnAttemptThatIsExemptIsNeitherRefusedNorCountedAsThat(t *testing.T) {
	now, refusals, asked := start, 0, 0
	f := newFailures(2, nil, func() time.Time { return now }, func() { refusals++ })
	exempt := func() bool { asked++; return true }
	if f.Failed(t.Context(), "192.0.2.1:1", "other"); f.Check("192.0.2.1:1", "shop", nothing, exempt) != nil || asked > 0 {
		t.Error("it is asked of an attempt that nothing refuses")
	}
	exhaust(t.Context(), f, func(int) (string, string) { return "192.0.2.1:1", "shop" })
	refusals = 0
	if f.Check("192.0.2.1:1", "shop", nothing, exempt) != nil || asked != 1 || refusals > 0 {
		t.Errorf("it is refused: asked %d times, %d refusals are counted", asked, refusals)
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
