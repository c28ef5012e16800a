package storetest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// purgeTokens does what servers do to get rid of expired tokens.
func purgeTokens(ctx context.Context, db *store.DB, before time.Time) error {
	_, err := db.Purge(ctx, before, 1000)
	return errors.Join(err, db.PreparePartitions(ctx, before, before))
}

var partitionTests = map[string]func(*testing.T, *store.DB){
	"what has expired goes, hour by hour, and nothing else": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		hour := t0.Truncate(time.Hour)
		tokens := w.issued(1, 6)
		for i, expires := range []time.Duration{-48 * time.Hour, -time.Microsecond, 0, time.Hour - time.Microsecond, time.Hour, 240 * time.Hour} {
			tokens[i].ExpiresAt = hour.Add(expires)
		}
		indexed(t, db, tokens...)
		left := func() (ids []domain.TokenID) {
			for _, entry := range listTokens(t, db, domain.TokenFilter{}) {
				ids = append(ids, entry.ID)
			}
			return ids
		}
		check(t, purgeTokens(t.Context(), db, hour))
		same(t, left(), []domain.TokenID{tokenID(6), tokenID(5), tokenID(4), tokenID(3)})
		check(t, purgeTokens(t.Context(), db, hour.Add(time.Hour)))
		same(t, left(), []domain.TokenID{tokenID(6), tokenID(5)})
		check(t, revoke(t.Context(), db, tokens[5], t0))
	},
	"a token of any time finds room, whoever asks first": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		now := revision(t, db)
		succeeded, failed := parallel(8, func(i int) error {
			tokens := w.issued(10*i, 10)
			for j := range tokens {
				tokens[j].ExpiresAt = t0.Add(time.Duration(j%4) * 1000 * time.Hour)
			}
			if i%2 == 0 {
				_, err := db.InsertIssuedTokens(t.Context(), tokens, slices.Repeat([]int64{now}, 10))
				return err
			}
			return db.Tx(t.Context(), func(ctx context.Context) error {
				_, err := db.InsertIssuedTokens(ctx, tokens, slices.Repeat([]int64{now}, 10))
				return err
			})
		})
		same(t, succeeded, 8)
		check(t, errors.Join(failed...))
		same(t, len(listTokens(t, db, domain.TokenFilter{})), 80)
	},
	"a transaction finds room for its tokens, whatever it did before": func(t *testing.T, db *store.DB) {
		token := makeWorld(t, db).issued(1, 1)[0]
		token.ExpiresAt = t0.Add(5000 * time.Hour)
		ctx := must(db.Begin(t.Context()))(t)
		must(db.InsertGroup(ctx, domain.Group{Name: "late"}))(t)
		_, err := db.InsertIssuedTokens(ctx, []domain.IssuedToken{token}, []int64{1 << 40})
		check(t, errors.Join(err, db.Commit(ctx)))
		same(t, findToken(t, db, token).ExpiresAt, token.ExpiresAt)
	},
	"tokens are written, found and revoked while expired ones go": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		var stop atomic.Bool
		const writers = 4
		written := make([][]domain.IssuedToken, writers)
		_, failed := parallel(writers+2, func(n int) error {
			if n >= writers { // two replicas purge
				defer stop.Store(true)
				for i := range 6 {
					if err := purgeTokens(t.Context(), db, t0.Add(time.Duration(i)*time.Hour)); err != nil {
						return err
					}
				}
				return nil
			}
			for i := 0; !stop.Load() || i == 0; i++ {
				tokens := w.issued(n<<20+i*2, 2)
				tokens[1].ExpiresAt = t0.Add(50 * time.Hour)
				_, err := db.InsertIssuedTokens(t.Context(), tokens, []int64{1 << 40, 1 << 40})
				if err == nil {
					err = revoke(t.Context(), db, tokens[1], t0)
				}
				if err != nil {
					return err
				}
				written[n] = append(written[n], tokens[1])
			}
			return nil
		})
		check(t, errors.Join(failed...))
		for _, tokens := range written {
			for _, token := range tokens {
				same(t, findToken(t, db, token).RevokedAt, t0)
			}
		}
	},
	"partitions are prepared by many at once, and again": func(t *testing.T, db *store.DB) {
		succeeded, failed := parallel(8, func(int) error { return db.PreparePartitions(t.Context(), t0, t0) })
		same(t, succeeded, 8)
		check(t, errors.Join(failed...))
		check(t, db.PreparePartitions(t.Context(), t0, t0))
	},
}
