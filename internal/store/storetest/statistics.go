package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var statisticsTests = map[string]func(*testing.T, *store.DB){
	"a minute of a replica is written again, not added, and summed by step": func(t *testing.T, db *store.DB) {
		at := t0.Truncate(time.Hour)
		row := func(minute int, replica, kind string, count int64) domain.Statistic {
			return domain.Statistic{At: at.Add(time.Duration(minute) * time.Minute), Replica: replica, Kind: kind, Count: count}
		}
		before := revision(t, db)
		check(t, db.PutStatistics(t.Context(), []domain.Statistic{row(0, "a", "issued.x", 1), row(0, "b", "issued.x", 2), row(1, "a", "issued.x", 4)}))
		check(t, db.PutStatistics(t.Context(), []domain.Statistic{row(0, "a", "issued.x", 3), row(0, "a", "refused.y", 8), row(60, "a", "issued.x", 16)}))
		same(t, revision(t, db), before)
		same(t, must(db.SumStatistics(t.Context(), at, at.Add(time.Hour), time.Minute))(t), []domain.StatisticSum{
			{At: at, Kind: "issued.x", Count: 5}, {At: at, Kind: "refused.y", Count: 8}, {At: at.Add(time.Minute), Kind: "issued.x", Count: 4},
		})
		same(t, must(db.SumStatistics(t.Context(), at, at.Add(2*time.Hour), time.Hour))(t), []domain.StatisticSum{
			{At: at, Kind: "issued.x", Count: 9}, {At: at, Kind: "refused.y", Count: 8}, {At: at.Add(time.Hour), Kind: "issued.x", Count: 16},
		})
		must(db.Purge(t.Context(), at.Add(14*24*time.Hour+time.Minute), 10))(t)
		same(t, len(must(db.SumStatistics(t.Context(), at, at.Add(2*time.Hour), time.Minute))(t)), 2)
	},
	"a replica is known until it stops, or is not seen for a day": func(t *testing.T, db *store.DB) {
		r := domain.Replica{ID: "a", Version: "1", StartedAt: t0, SeenAt: t0, Revision: 3, AsOf: t0, JWKS: `"e"`}
		check(t, db.PutReplica(t.Context(), r))
		r.SeenAt, r.Revision, r.AsOf, r.JWKS = t0.Add(time.Minute), 4, t0.Add(time.Second), `"f"`
		check(t, db.PutReplica(t.Context(), r))
		other := domain.Replica{ID: "b", StartedAt: t0.Add(-time.Hour), SeenAt: t0, AsOf: t0}
		check(t, db.PutReplica(t.Context(), other))
		list := func(since time.Time) []domain.Replica {
			t.Helper()
			replicas, current, err := db.ListReplicas(t.Context(), since, 10)
			check(t, err)
			same(t, current, revision(t, db))
			return replicas
		}
		same(t, list(t0), []domain.Replica{r, other})
		same(t, list(t0.Add(time.Second)), []domain.Replica{r})
		must(db.Purge(t.Context(), t0.Add(24*time.Hour+time.Second), 10))(t)
		same(t, list(time.Time{}), []domain.Replica{r})
		check(t, db.DeleteReplica(t.Context(), "a"))
		same(t, len(list(time.Time{})), 0)
	},
	"who fetches the key set is known by what it was last given, and no more than ten thousand": func(t *testing.T, db *store.DB) {
		v := domain.Verifier{ID: "a", Agent: "curl/8", JWKS: `"e"`, FirstSeenAt: t0, SeenAt: t0}
		check(t, db.PutVerifiers(t.Context(), []domain.Verifier{v}))
		newer := v
		newer.JWKS, newer.ConfirmedAt, newer.FirstSeenAt, newer.SeenAt = `"f"`, t0.Add(time.Second), t0.Add(time.Second), t0.Add(time.Second)
		check(t, db.PutVerifiers(t.Context(), []domain.Verifier{newer}))
		check(t, db.PutVerifiers(t.Context(), []domain.Verifier{v})) // of another replica, later than it happened
		newer.FirstSeenAt = t0
		same(t, must(db.ListVerifiers(t.Context(), t0, 10))(t), []domain.Verifier{newer})
		same(t, len(must(db.ListVerifiers(t.Context(), t0.Add(2*time.Second), 10))(t)), 0)
		many := make([]domain.Verifier, 10_001)
		for i := range many {
			many[i] = domain.Verifier{ID: fmt.Sprint(i), FirstSeenAt: t0, SeenAt: t0.Add(time.Minute + time.Duration(i)*time.Millisecond)}
		}
		check(t, db.PutVerifiers(t.Context(), many))
		kept := must(db.ListVerifiers(t.Context(), t0, 20_000))(t)
		same(t, len(kept), 10_000)
		same(t, kept[0].ID, "10000")
		must(db.Purge(t.Context(), t0.Add(48*time.Hour), 20_000))(t)
		same(t, len(must(db.ListVerifiers(t.Context(), t0, 20_000))(t)), 0)
	},
}
