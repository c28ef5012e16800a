package statistics

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// published is a key set of which the entity tag alone counts.
type published string

func (p *published) JWKS(context.Context) ([]byte, string, error) { return nil, string(*p), nil }

type world struct {
	t   *testing.T
	db  *store.DB
	now time.Time
	set published
}

func each(t *testing.T, test func(w *world)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		test(&world{t, db, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), `"one"`})
	})
}

func (w *world) replica() *Service {
	w.t.Helper()
	held, err := cache.New(w.db, 100)
	if err != nil {
		w.t.Fatal(err)
	}
	now := func() time.Time { return w.now }
	return New(Config{
		Store: w.db, Counters: NewCounters([]domain.GrantType{{Name: "client_credentials"}}), Fetches: NewFetches(now), Cache: held, Keys: &w.set,
		Key: make([]byte, 32), Now: now,
	})
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// counts are those of minutes, by "04 kind".
func (w *world) counts() map[string]int64 {
	w.t.Helper()
	sums, err := w.db.SumStatistics(w.t.Context(), w.now.Add(-2*time.Hour), w.now.Add(time.Hour), time.Minute)
	w.ok(err)
	counts := map[string]int64{}
	for _, s := range sums {
		counts[s.At.Format("04 ")+s.Kind] = s.Count
	}
	return counts
}

func (w *world) same(got, want any) {
	w.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestWhatReplicasCountIsSummedByMinute(t *testing.T) {
	each(t, func(w *world) {
		one, two := w.replica(), w.replica()
		ctx := w.t.Context()
		const issued = Issued + "client_credentials"
		count := func(r *Service, kinds ...string) {
			for _, kind := range kinds {
				r.Counters.Count(kind)
			}
		}
		count(one, issued, issued, Refused+"invalid_client", Refused+"slow_down", Refused+"something new", Issued+"a grant that there is not")
		count(two, issued, SignedIn)
		w.ok(one.Beat(ctx))
		w.same(w.counts(), map[string]int64{}) // the minute has not ended
		w.now = w.now.Add(time.Minute)
		count(one, issued)
		w.ok(one.Beat(ctx))
		w.ok(two.Beat(ctx)) // of the minute before it has not shown itself
		w.same(w.counts(), map[string]int64{"04 " + issued: 2, "04 refused.invalid_client": 1, "04 refused.server_error": 2})
		w.ok(one.Stop(ctx))
		w.ok(two.Stop(ctx))
		w.same(w.counts(), map[string]int64{"04 " + issued: 2, "04 refused.invalid_client": 1, "04 refused.server_error": 2, "05 " + issued: 2, "05 signed_in": 1})
	})
}

func TestWhatCannotBeWrittenWaitsAnHour(t *testing.T) {
	each(t, func(w *world) {
		r := w.replica()
		gone, cancel := context.WithCancel(w.t.Context())
		cancel()
		minute := func(ctx context.Context) error {
			r.Counters.Count(Introspected)
			err := r.Beat(ctx)
			w.now = w.now.Add(time.Minute)
			return err
		}
		for range 2 {
			if minute(gone) == nil {
				w.t.Error("no error without a database")
			}
		}
		w.ok(minute(w.t.Context()))
		w.same(w.counts(), map[string]int64{"04 introspected": 1, "05 introspected": 1})
		for range 100 {
			if minute(gone) == nil {
				w.t.Fatal("no error without a database")
			}
		}
		w.ok(r.Beat(w.t.Context()))
		if n := len(w.counts()); n != 60 {
			w.t.Errorf("%d minutes are written", n)
		}
	})
}

func TestAReplicaShowsHowFarItHasCome(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		r := w.replica()
		r.Version = "1.2"
		w.ok(r.Cache.Refresh(ctx))
		w.ok(r.Beat(ctx))
		w.now, w.set = w.now.Add(Pace), `"two"`
		w.ok(r.Beat(ctx))
		replicas, revision, err := w.db.ListReplicas(ctx, time.Time{}, 10)
		w.ok(err)
		if len(replicas) != 1 || replicas[0].Version != "1.2" || replicas[0].Revision != revision || replicas[0].JWKS != `"two"` || !replicas[0].SeenAt.Equal(w.now) {
			w.t.Errorf("replicas %+v at revision %d", replicas, revision)
		}
		w.ok(r.Stop(ctx))
		replicas, _, err = w.db.ListReplicas(ctx, time.Time{}, 10)
		w.ok(err)
		w.same(len(replicas), 0)
	})
}

func TestWhoFetchesTheKeySetIsNotedByWhatTheyHold(t *testing.T) {
	each(t, func(w *world) {
		ctx := w.t.Context()
		one, two := w.replica(), w.replica()
		fetch := func(r *Service, address, agent, etag string, holds bool) {
			request := httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil)
			request.RemoteAddr = address
			request.Header.Set("User-Agent", agent)
			r.Fetches.Record(request, etag, holds)
		}
		verifiers := func() map[string]string {
			w.ok(one.Beat(ctx))
			w.ok(two.Beat(ctx))
			list, err := w.db.ListVerifiers(ctx, time.Time{}, 10)
			w.ok(err)
			found := map[string]string{}
			for _, v := range list {
				state := "given "
				if !v.ConfirmedAt.IsZero() {
					state = "holds "
				}
				found[v.Agent] += state + v.JWKS
			}
			return found
		}
		fetch(one, "192.0.2.1:1", "curl", `"one"`, false)
		fetch(one, "192.0.2.1:2", "jose", `"one"`, false)
		w.same(verifiers(), map[string]string{"curl": `given "one"`, "jose": `given "one"`})
		w.now = w.now.Add(time.Second)
		fetch(one, "192.0.2.1:3", "curl", `"one"`, true)
		w.same(verifiers(), map[string]string{"curl": `holds "one"`, "jose": `given "one"`})
		w.now = w.now.Add(time.Second)
		fetch(two, "192.0.2.1:4", "curl", `"two"`, false) // at another replica, and so soon
		fetch(two, "192.0.2.2:4", "hostile\xff\x00", `"two"`, false)
		w.same(verifiers(), map[string]string{"curl": `given "two"`, "jose": `given "one"`, "hostile": `given "two"`})
		var nobody *Fetches
		nobody.Record(httptest.NewRequest(http.MethodGet, "/", nil), "", false)
	})
}

func TestManyVerifiersTakeNoMoreMemory(t *testing.T) {
	t.Parallel()
	f := NewFetches(time.Now)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for i := range 100_000 {
		r.RemoteAddr = "10." + string(rune('0'+i%10)) + ".0.1:1"
		r.Header.Set("User-Agent", time.Duration(i).String())
		f.Record(r, "e", false)
	}
	if n := len(f.since(time.Time{}, nil)); n > fetchSlots {
		t.Errorf("%d are noted", n)
	}
}

func BenchmarkRecord(b *testing.B) {
	f := NewFetches(time.Now)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("User-Agent", "python-requests/2.32")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			f.Record(r, `"etag"`, true)
		}
	})
}

func TestAgentsThatAreTheSameButForTheirEndAreOneVerifier(t *testing.T) {
	each(t, func(w *world) {
		r := w.replica()
		fetch := func(end string) {
			request := httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil)
			request.Header.Set("User-Agent", strings.Repeat("a", maxAgent)+end)
			r.Fetches.Record(request, string(w.set), false)
		}
		for i := range 8 {
			fetch(strconv.Itoa(i))
		}
		w.ok(r.Beat(w.t.Context()))
		verifiers, err := w.db.ListVerifiers(w.t.Context(), time.Time{}, 100)
		w.ok(err)
		w.same(len(verifiers), 1)
	})
}

func TestAVerifierThatIsNotedTwiceIsWrittenOnce(t *testing.T) {
	each(t, func(w *world) {
		r := w.replica()
		request := httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil)
		r.Fetches.Record(request, string(w.set), false)
		for i := range r.Fetches.slots {
			if noted := r.Fetches.slots[i].Load(); noted != nil { // as a request at the same time may note it, which saw other slots
				r.Fetches.slots[(i+1)%fetchSlots].Store(noted)
				break
			}
		}
		w.ok(r.Beat(w.t.Context()))
	})
}
