package token

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

var soon = time.Now().Add(10 * time.Minute)

func testPlaces(s Store) *places { return newPlaces(s, []byte("a key of the installation"), time.Now) }

func TestNoPlaceIsGivenTwice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var mu sync.Mutex
		given := map[domain.StatusRef]bool{}
		// Two replicas, of which one dies again and again with what it has leased.
		for range 3 {
			var group sync.WaitGroup
			for _, p := range []*places{testPlaces(db), testPlaces(db)} {
				for range 8 {
					group.Go(func() {
						for range 700 {
							place, err := p.take(t.Context(), soon)
							if err != nil {
								t.Error(err)
								return
							}
							mu.Lock()
							if given[place] {
								t.Errorf("%v was given twice", place)
							}
							given[place] = true
							mu.Unlock()
						}
					})
				}
			}
			group.Wait()
		}
	})
}

func TestListOutlivesItsTokens(t *testing.T) {
	hour := time.Now().UTC().Truncate(time.Hour).Add(time.Hour)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := testPlaces(db)
		for _, c := range []struct{ expires, end time.Time }{
			{hour, hour}, {hour.Add(time.Second), hour.Add(time.Hour)}, {hour.Add(59 * time.Minute), hour.Add(time.Hour)},
		} {
			place, err := p.take(t.Context(), c.expires)
			if err != nil {
				t.Fatal(err)
			}
			list, err := db.FindStatusList(t.Context(), place.List)
			if err != nil || !list.ExpiresAt.Equal(c.end) {
				t.Errorf("a token until %v is in a list until %v, want %v (%v)", c.expires, list.ExpiresAt, c.end, err)
			}
		}
	})
}

func TestPlacesSayNothingOfTheirOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := testPlaces(db)
		var indexes []int32
		for range 200 {
			place, err := p.take(t.Context(), soon)
			if err != nil {
				t.Fatal(err)
			}
			indexes = append(indexes, place.Index)
		}
		if slices.IsSorted(indexes) || slices.Max(indexes) < listSize/2 {
			t.Errorf("the first places are %v", indexes)
		}
	})
}

// slowStore lets leases through one by one.
type slowStore struct {
	Store
	pass   chan struct{}
	leases atomic.Int32
}

func (s *slowStore) LeaseStatus(ctx context.Context, expires time.Time, count, size int32, now time.Time) (domain.StatusLease, error) {
	s.leases.Add(1)
	<-s.pass
	return s.Store.LeaseStatus(ctx, expires, count, size, now)
}

func TestLeaseIsRenewedOnceAndBeforeItRunsOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := &slowStore{Store: db, pass: make(chan struct{})}
		p := testPlaces(s)
		takeN := func(n int) {
			t.Helper()
			for range n {
				if _, err := p.take(t.Context(), soon); err != nil {
					t.Fatal(err)
				}
			}
		}
		pass := func() {
			t.Helper()
			select {
			case s.pass <- struct{}{}:
			case <-time.After(10 * time.Second):
				t.Fatal("no lease is asked for")
			}
		}
		go func() { s.pass <- struct{}{} }()
		takeN(leaseSize - lowWater)
		takeN(10) // while the next lease is held up
		pass()
		takeN(lowWater)
		if n := s.leases.Load(); n != 2 {
			t.Errorf("%d leases were asked for, want 2", n)
		}
	})
}

func TestWithoutDatabaseThereIsNoPlaceOnceTheLeaseIsUsed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := testPlaces(db)
		if _, err := p.take(t.Context(), soon); err != nil {
			t.Fatal(err)
		}
		db.Close()
		for range leaseSize - 1 {
			if _, err := p.take(t.Context(), soon); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			if place, err := p.take(t.Context(), soon); !errors.Is(err, domain.ErrUnavailable) || place != (domain.StatusRef{}) {
				t.Errorf("%v, %v; want ErrUnavailable", place, err)
			}
		}
	})
}

func TestPlaceIsNotWaitedForPastTheCallersTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := testPlaces(&slowStore{Store: db})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if _, err := p.take(ctx, soon); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	})
}

func TestLeasesOfPastHoursAreForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := time.Now()
		p := newPlaces(db, nil, func() time.Time { return now })
		for range 100 {
			now = now.Add(time.Hour)
			if _, err := p.take(t.Context(), now.Add(10*time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(p.buckets); n > 3 {
			t.Errorf("%d buckets are kept", n)
		}
	})
}

func BenchmarkPlace(b *testing.B) {
	p := testPlaces(leasedOnce{})
	for b.Loop() {
		if _, err := p.take(b.Context(), soon); err != nil {
			b.Fatal(err)
		}
	}
}

// leasedOnce is a store with room for all.
type leasedOnce struct{ Store }

func (leasedOnce) LeaseStatus(_ context.Context, expires time.Time, _, size int32, _ time.Time) (domain.StatusLease, error) {
	return domain.StatusLease{StatusList: domain.StatusList{ID: 1, Size: size, ExpiresAt: expires}, Count: size}, nil
}
