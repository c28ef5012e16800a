package storetest

import (
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var limitTests = map[string]func(*testing.T, *store.DB){
	"what is given back can be spent again, and no more": func(t *testing.T, db *store.DB) {
		limit, other := domain.Limit{Bucket: "b", Interval: time.Minute, Burst: 3}, domain.Limit{Bucket: "o", Interval: time.Minute, Burst: 1}
		spend := func() error { _, err := db.Spend(t.Context(), t0, limit); return err }
		for range 3 {
			check(t, spend())
		}
		must(db.Spend(t.Context(), t0, other))(t)
		check(t, db.Refund(t.Context(), t0, limit))
		check(t, spend())
		wantErr(t, spend(), domain.ErrBusy)
		_, err := db.Spend(t.Context(), t0, other)
		wantErr(t, err, domain.ErrBusy)

		for range 20 { // far more than was spent
			check(t, db.Refund(t.Context(), t0, limit, domain.Limit{Bucket: "never spent", Interval: time.Minute, Burst: 1}))
		}
		succeeded, _ := parallel(20, func(int) error { return spend() })
		same(t, succeeded, 3)
	},
	"what is forgotten begins anew": func(t *testing.T, db *store.DB) {
		limit, other := domain.Limit{Bucket: "b", Interval: time.Minute, Burst: 1}, domain.Limit{Bucket: "o", Interval: time.Minute, Burst: 1}
		must(db.Spend(t.Context(), t0, limit, other))(t)
		check(t, db.Forget(t.Context(), limit.Bucket, "never spent"))
		must(db.Spend(t.Context(), t0, limit))(t)
		_, err := db.Spend(t.Context(), t0, other)
		wantErr(t, err, domain.ErrBusy)
	},
}
