package acme

import (
	"context"
	"errors"
	"io/fs"
	"slices"
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

// TestALockOutlivesItsProcessByAMinute: one that was stopped, or killed, must not keep the others from renewing.
func TestALockOutlivesItsProcessByAMinute(t *testing.T) {
	ctx, master, db := t.Context(), keys.NewMaster(), newDB(t)
	now := time.Now()
	frozen, other := newStorage(db, master, func() time.Time { return now }), newStorage(db, master, func() time.Time { return now })
	other.pause = time.Millisecond
	check(t, frozen.Lock(ctx, "x"))
	bounded, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := other.Lock(bounded, "x"); !errors.Is(err, context.DeadlineExceeded) {
		t.Error("a lock was taken, or waited for too long:", err)
	}
	check(t, frozen.Store(ctx, "a", []byte("first")))
	now = now.Add(lease)
	check(t, other.Lock(ctx, "x"))
	if err := frozen.Store(ctx, "a", []byte("late")); !errors.Is(err, domain.ErrConflict) {
		t.Error("who lost the lock stores:", err)
	}
	if err := frozen.Delete(ctx, "a"); !errors.Is(err, domain.ErrConflict) {
		t.Error("who lost the lock deletes:", err)
	}
	check(t, frozen.Unlock(ctx, "x"))
	check(t, other.Store(ctx, "a", []byte("second")))
	check(t, other.Unlock(ctx, "x"))
	check(t, frozen.Lock(ctx, "x"))
	if text, err := frozen.Load(ctx, "a"); err != nil || string(text) != "second" {
		t.Error(string(text), err)
	}
}
