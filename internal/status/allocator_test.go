package status

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

var soon = time.Now().Add(10 * time.Minute)

func testAllocator(s Leases) *Allocator {
	return NewAllocator(s, []byte("a key of the installation"), time.Now)
}

func TestNoStatusIndexIsAllocatedTwice(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var mu sync.Mutex
		given := map[domain.StatusRef]bool{}
		// Two replicas, of which one dies again and again with what it has leased.
		for range 3 {
			var group sync.WaitGroup
			for _, p := range []*Allocator{testAllocator(db), testAllocator(db)} {
				for range 8 {
					group.Go(func() {
						for range 700 {
							ref, err := p.Allocate(eventtest.Context(t), soon)
							if err != nil {
								t.Error(err)
								return
							}
							mu.Lock()
							if given[ref] {
								t.Errorf("%v was given twice", ref)
							}
							given[ref] = true
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
		p := testAllocator(db)
		for _, c := range []struct{ expires, end time.Time }{
			{hour, hour}, {hour.Add(time.Second), hour.Add(time.Hour)}, {hour.Add(59 * time.Minute), hour.Add(time.Hour)},
		} {
			ref, err := p.Allocate(eventtest.Context(t), c.expires)
			if err != nil {
				t.Fatal(err)
			}
			list, err := db.FindStatusList(eventtest.Context(t), ref.List)
			if err != nil || !list.ExpiresAt.Equal(c.end) {
				t.Errorf("a token until %v is in a list until %v, want %v (%v)", c.expires, list.ExpiresAt, c.end, err)
			}
		}
	})
}

func TestStatusIndexesSayNothingOfTheirOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := testAllocator(db)
		var indexes []int32
		for range 200 {
			ref, err := p.Allocate(eventtest.Context(t), soon)
			if err != nil {
				t.Fatal(err)
			}
			indexes = append(indexes, ref.Index)
		}
		if slices.IsSorted(indexes) || slices.Max(indexes) < listSize/2 {
			t.Errorf("the first indexes are %v", indexes)
		}
	})
}

// slowStore lets leases through one by one.
type slowStore struct {
	Leases
	pass   chan struct{}
	leases atomic.Int32
}

func (s *slowStore) LeaseStatus(ctx context.Context, expires time.Time, count, size int32, now time.Time) (domain.StatusLease, error) {
	s.leases.Add(1)
	<-s.pass
	return s.Leases.LeaseStatus(ctx, expires, count, size, now)
}

func TestLeaseIsRenewedOnceAndBeforeItRunsOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s := &slowStore{Leases: db, pass: make(chan struct{})}
		p := testAllocator(s)
		takeN := func(n int) {
			t.Helper()
			for range n {
				if _, err := p.Allocate(eventtest.Context(t), soon); err != nil {
					t.Fatal(err)
				}
			}
		}
		pass := func() {
			t.Helper()
			select {
			case s.pass <- struct{}{}:
			case <-time.After(time.Minute):
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

func TestWithoutDatabaseThereIsNoStatusIndexOnceTheLeaseIsUsed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := testAllocator(db)
		if _, err := p.Allocate(eventtest.Context(t), soon); err != nil {
			t.Fatal(err)
		}
		db.Close()
		for range leaseSize - 1 {
			if _, err := p.Allocate(eventtest.Context(t), soon); err != nil {
				t.Fatal(err)
			}
		}
		for range 3 {
			if ref, err := p.Allocate(eventtest.Context(t), soon); !errors.Is(err, domain.ErrUnavailable) || ref != (domain.StatusRef{}) {
				t.Errorf("%v, %v; want ErrUnavailable", ref, err)
			}
		}
	})
}

func TestAStatusIndexIsNotWaitedForPastTheCallersTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		p := testAllocator(&slowStore{Leases: db})
		ctx, cancel := context.WithTimeout(eventtest.Context(t), 10*time.Millisecond)
		defer cancel()
		if _, err := p.Allocate(ctx, soon); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	})
}

func TestLeasesOfPastHoursAreForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := time.Now()
		p := NewAllocator(db, nil, func() time.Time { return now })
		for range 100 {
			now = now.Add(time.Hour)
			if _, err := p.Allocate(eventtest.Context(t), now.Add(10*time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(p.buckets); n > 3 {
			t.Errorf("%d buckets are kept", n)
		}
	})
}

func BenchmarkAllocate(b *testing.B) {
	p := testAllocator(leasedOnce{})
	for b.Loop() {
		if _, err := p.Allocate(b.Context(), soon); err != nil {
			b.Fatal(err)
		}
	}
}

// leasedOnce is a store with room for all.
type leasedOnce struct{ Leases }

func (leasedOnce) History() int64 { return 0 }

func (leasedOnce) LeaseStatus(_ context.Context, expires time.Time, _, size int32, _ time.Time) (domain.StatusLease, error) {
	return domain.StatusLease{StatusList: domain.StatusList{ID: 1, Size: size, ExpiresAt: expires}, Count: size}, nil
}
