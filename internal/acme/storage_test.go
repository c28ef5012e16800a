package acme

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

func TestStorageIsATreeOfSealedValues(t *testing.T) {
	ctx, master, db := t.Context(), keys.NewMaster(), newDB(t)
	s := newStorage(db, master, time.Now)
	for _, key := range []string{"a/b/c", "a/b/d/e", "a/b/d/f", "a/x", "ab"} {
		check(t, s.Store(ctx, key, []byte("value of "+key)))
	}
	for _, test := range []struct {
		path      string
		recursive bool
		want      []string
	}{
		{"a", false, []string{"a/b", "a/x"}},
		{"a", true, []string{"a/b/c", "a/b/d/e", "a/b/d/f", "a/x"}},
		{"a/b", false, []string{"a/b/c", "a/b/d"}},
	} {
		if keys, err := s.List(ctx, test.path, test.recursive); err != nil || !slices.Equal(keys, test.want) {
			t.Error(test.path, test.recursive, keys, err)
		}
	}
	if _, err := s.List(ctx, "nothing", true); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a list of nothing:", err)
	}
	if info, err := s.Stat(ctx, "a/b"); err != nil || info.IsTerminal {
		t.Error("a folder:", info, err)
	}
	if info, err := s.Stat(ctx, "a/x"); err != nil || !info.IsTerminal || info.Modified.IsZero() {
		t.Error("a value:", info, err)
	}
	if text, err := s.Load(ctx, "a/x"); err != nil || string(text) != "value of a/x" {
		t.Error(string(text), err)
	}
	check(t, s.Delete(ctx, "a/b"))
	check(t, s.Delete(ctx, "a/b"))
	for key, want := range map[string]bool{"a": true, "a/b": false, "a/b/c": false, "ab": true} {
		if s.Exists(ctx, key) != want {
			t.Error(key)
		}
	}
	if _, err := s.Load(ctx, "a/b/c"); !errors.Is(err, fs.ErrNotExist) {
		t.Error("what was deleted:", err)
	}
	moved, err := db.ACMEValue(ctx, "a/x")
	check(t, err)
	moved.Key = "ab"
	check(t, db.PutACMEValue(ctx, moved))
	if text, err := s.Load(ctx, "ab"); err == nil {
		t.Error("a value was moved to another key, and read there:", string(text))
	}
}

// TestALockThatIsNotExtendedIsLost: a process that was stopped, or killed, must not keep the others from renewing, nor do anything when it goes on.
func TestALockThatIsNotExtendedIsLost(t *testing.T) {
	ctx, master, db := t.Context(), keys.NewMaster(), newDB(t)
	wrong := func() time.Time { return time.Now().Add(24 * time.Hour) } // a clock that decides nothing
	frozen, other := newStorage(db, master, time.Now), newStorage(db, master, wrong)
	other.pause = time.Millisecond
	check(t, frozen.Lock(ctx, "x"))
	bounded, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := other.Lock(bounded, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error("a lock was taken, or waited for too long:", err)
	}
	check(t, frozen.Store(ctx, "a", []byte("first")))
	held := frozen.held["x"]
	frozen.extend(ctx, held)
	if frozen.lost() {
		t.Error("a lock that is extended is lost")
	}
	check(t, db.ExtendACMELock(ctx, held.ACMELock, -time.Second)) // its time is over
	if err := frozen.Store(ctx, "a", []byte("late")); !errors.Is(err, domain.ErrConflict) {
		t.Error("who was late stores:", err)
	}
	check(t, other.Lock(ctx, "x"))
	if err := frozen.Store(ctx, "a", []byte("late")); !errors.Is(err, domain.ErrConflict) {
		t.Error("who lost the lock stores:", err)
	}
	if err := frozen.Delete(ctx, "a"); !errors.Is(err, domain.ErrConflict) {
		t.Error("who lost the lock deletes:", err)
	}
	frozen.extend(ctx, held)
	if !frozen.lost() {
		t.Error("that the lock is lost does not show")
	}
	check(t, frozen.Unlock(ctx, "x"))
	if frozen.lost() {
		t.Error("a lock that was given back is lost")
	}
	check(t, other.Store(ctx, "a", []byte("second")))
	check(t, other.Unlock(ctx, "x"))
	check(t, frozen.Lock(ctx, "x"))
	if text, err := frozen.Load(ctx, "a"); err != nil || string(text) != "second" {
		t.Error(string(text), err)
	}
	frozen.held["x"].until = time.Now() // as if the process had stood still since it was extended
	frozen.extend(ctx, frozen.held["x"])
	if !frozen.lost() {
		t.Error("a lock that was lost for a time is held again")
	}
}

func TestLocksAreLookedAtInTheOrderOfTheirNames(t *testing.T) {
	s := newStorage(newDB(t), keys.NewMaster(), time.Now)
	for _, name := range []string{"c", "a", "e", "b", "d"} {
		check(t, s.Lock(t.Context(), name))
	}
	var names []string
	for _, lock := range s.locks() {
		names = append(names, lock.Name)
		check(t, s.Unlock(t.Context(), lock.Name))
	}
	if !slices.Equal(names, []string{"a", "b", "c", "d", "e"}) {
		t.Error(names)
	}
}

// counted counts the reads of a store.
type counted struct {
	Store
	reads atomic.Int64
}

func (c *counted) ACMEValue(ctx context.Context, key string) (domain.ACMEValue, error) {
	c.reads.Add(1)
	return c.Store.ACMEValue(ctx, key)
}

func TestHoweverManyAskForAChallengeItIsSeldomRead(t *testing.T) {
	ctx, reads := t.Context(), &counted{Store: newDB(t)}
	s := newStorage(reads, keys.NewMaster(), time.Now)
	const key = "acme/ca/challenge_tokens/id.example.json"
	began := time.Now()
	var asking sync.WaitGroup
	for range 200 {
		asking.Go(func() {
			if _, err := s.Load(ctx, key); !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		})
	}
	asking.Wait()
	check(t, s.Store(ctx, key, []byte("challenge")))
	if text, err := s.Load(ctx, key); err != nil || string(text) != "challenge" {
		t.Error("what was stored before is not read:", string(text), err)
	}
	if n, most := reads.reads.Load(), int64(time.Since(began)/challengePause)+2; n > most {
		t.Errorf("%d reads, at most %d in that time", n, most)
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := s.Load(gone, key); !errors.Is(err, context.Canceled) {
		t.Error("who is gone is waited for:", err)
	}
}

func TestTheAuthorityHasAddressesInAFormOfItsOwn(t *testing.T) {
	for host, want := range map[string]string{
		"id.example": "id.example", "127.0.0.1": "1.0.0.127.in-addr.arpa", "192.0.2.34": "34.2.0.192.in-addr.arpa",
		"2001:db8::567:89ab": "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
	} {
		if name := validatedName(host); name != want {
			t.Errorf("%s is %s, want %s", host, name, want)
		}
	}
}
