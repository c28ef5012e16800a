package storetest

import (
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

const (
	acmeLease = time.Hour    // that does not end while a test runs
	acmeOver  = -time.Second // of a lock whose time is over at once
)

func acmeLock(name string, owner byte) domain.ACMELock {
	return domain.ACMELock{Name: name, Owner: []byte{owner}}
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
		acquire := func(name string, owner byte, want bool) {
			t.Helper()
			same(t, must(db.AcquireACMELock(ctx, acmeLock(name, owner), acmeLease))(t), want)
		}
		acquire("x", 1, true)
		acquire("x", 2, false)
		acquire("x", 1, false)
		acquire("y", 2, true)
		check(t, db.ExtendACMELock(ctx, acmeLock("x", 1), acmeLease))
		wantErr(t, db.ExtendACMELock(ctx, acmeLock("x", 2), acmeLease), domain.ErrConflict)
		check(t, db.ReleaseACMELock(ctx, acmeLock("x", 2)))
		acquire("x", 2, false)
		check(t, db.ExtendACMELock(ctx, acmeLock("x", 1), acmeOver))
		wantErr(t, db.ExtendACMELock(ctx, acmeLock("x", 1), acmeLease), domain.ErrConflict)
		acquire("x", 2, true)
		wantErr(t, db.ExtendACMELock(ctx, acmeLock("x", 1), acmeLease), domain.ErrConflict)
		check(t, db.ReleaseACMELock(ctx, acmeLock("x", 2)))
		acquire("x", 3, true)
	},
	"one of many acquires a lock": func(t *testing.T, db *store.DB) {
		onlyOneWins(t, domain.ErrConflict, func(i int) error {
			acquired, err := db.AcquireACMELock(t.Context(), acmeLock("x", byte(i)), acmeLease)
			if err == nil && !acquired {
				err = domain.ErrConflict
			}
			return err
		})
	},
	"who has lost a lock changes nothing": func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		mine, other := acmeLock("x", 1), acmeLock("x", 2)
		must(db.AcquireACMELock(ctx, mine, acmeLease))(t)
		check(t, db.PutACMEValue(ctx, acmeValue("a", 1), mine))
		check(t, db.ExtendACMELock(ctx, mine, acmeOver))
		wantErr(t, db.PutACMEValue(ctx, acmeValue("a", 2), mine), domain.ErrConflict)
		must(db.AcquireACMELock(ctx, other, acmeLease))(t)
		wantErr(t, db.PutACMEValue(ctx, acmeValue("a", 2), mine), domain.ErrConflict)
		wantErr(t, db.DeleteACMEValues(ctx, "a", mine), domain.ErrConflict)
		check(t, db.PutACMEValue(ctx, acmeValue("a", 3), other))
		check(t, db.ReleaseACMELock(ctx, other))
		wantErr(t, db.PutACMEValue(ctx, acmeValue("a", 4), other), domain.ErrConflict)
		same(t, must(db.ACMEValue(ctx, "a"))(t), acmeValue("a", 3))
	},
}
