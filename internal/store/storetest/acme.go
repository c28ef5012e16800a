package storetest

import (
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// acmeLock is one that is held for a minute.
func acmeLock(name string, owner byte, now time.Time) domain.ACMELock {
	return domain.ACMELock{Name: name, Owner: []byte{owner}, ExpiresAt: now.Add(time.Minute)}
}

func acmeValue(key string, sealed byte) domain.ACMEValue {
	return domain.ACMEValue{Key: key, Sealed: []byte{sealed}, ModifiedAt: t0}
}

var acmeTests = map[string]func(*testing.T, *store.DB){
	"values are replaced, listed and deleted by their paths": func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		_, err := db.ACMEValue(ctx, "a/b")
		wantErr(t, err, domain.ErrNotFound)
		for i, key := range []string{"a/b", "a/b/c", "a/b%", "a/bc", "a_b/c", "A/b/c"} {
			check(t, db.PutACMEValue(ctx, acmeValue(key, byte(i))))
		}
		check(t, db.PutACMEValue(ctx, acmeValue("a/b", 9)))
		same(t, must(db.ACMEValue(ctx, "a/b"))(t), acmeValue("a/b", 9))
		same(t, must(db.ACMEKeys(ctx, "a/b"))(t), []string{"a/b", "a/b/c"})
		same(t, must(db.ACMEKeys(ctx, "a_b"))(t), []string{"a_b/c"})
		check(t, db.DeleteACMEValues(ctx, "a/b"))
		check(t, db.DeleteACMEValues(ctx, "a/b"))
		same(t, must(db.ACMEKeys(ctx, "a/b"))(t), nil)
		same(t, len(must(db.ACMEKeys(ctx, "a"))(t)), 2)
	},
	"a lock is one owner's, until it is released or its time is over": func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		acquire := func(owner byte, now time.Time, want bool) {
			t.Helper()
			same(t, must(db.AcquireACMELock(ctx, acmeLock("x", owner, now), now))(t), want)
		}
		acquire(1, t0, true)
		acquire(2, t0.Add(time.Minute-1000), false)
		same(t, must(db.AcquireACMELock(ctx, acmeLock("y", 2, t0), t0))(t), true)
		later := t0.Add(50 * time.Second)
		check(t, db.ExtendACMELock(ctx, acmeLock("x", 1, later)))
		wantErr(t, db.ExtendACMELock(ctx, acmeLock("x", 2, later)), domain.ErrConflict)
		check(t, db.ReleaseACMELock(ctx, acmeLock("x", 2, later)))
		acquire(2, t0.Add(time.Minute), false)
		acquire(2, later.Add(time.Minute), true)
		wantErr(t, db.ExtendACMELock(ctx, acmeLock("x", 1, later)), domain.ErrConflict)
		check(t, db.ReleaseACMELock(ctx, acmeLock("x", 2, later)))
		acquire(3, t0, true)
	},
	"one of many acquires a lock": func(t *testing.T, db *store.DB) {
		onlyOneWins(t, domain.ErrConflict, func(i int) error {
			acquired, err := db.AcquireACMELock(t.Context(), acmeLock("x", byte(i), t0), t0)
			if err == nil && !acquired {
				err = domain.ErrConflict
			}
			return err
		})
	},
	"who has lost a lock changes nothing": func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		mine, other := acmeLock("x", 1, t0), acmeLock("x", 2, t0.Add(time.Minute))
		must(db.AcquireACMELock(ctx, mine, t0))(t)
		check(t, db.PutACMEValue(ctx, acmeValue("a", 1), mine))
		must(db.AcquireACMELock(ctx, other, mine.ExpiresAt))(t)
		wantErr(t, db.PutACMEValue(ctx, acmeValue("a", 2), mine), domain.ErrConflict)
		wantErr(t, db.DeleteACMEValues(ctx, "a", mine), domain.ErrConflict)
		check(t, db.PutACMEValue(ctx, acmeValue("a", 3), other))
		check(t, db.ReleaseACMELock(ctx, other))
		wantErr(t, db.PutACMEValue(ctx, acmeValue("a", 4), other), domain.ErrConflict)
		same(t, must(db.ACMEValue(ctx, "a"))(t), acmeValue("a", 3))
	},
}
