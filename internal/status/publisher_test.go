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

// stingyStore gives one change at a time.
type stingyStore struct{ Lists }

func (s stingyStore) StatusChanges(ctx context.Context, after int64, _ int) ([]domain.StatusChange, int64, bool, error) {
	return s.Lists.StatusChanges(ctx, after, 1)
}

// forgetfulStore does not know all changes any more.
type forgetfulStore struct{ Lists }

func (s forgetfulStore) StatusChanges(ctx context.Context, after int64, limit int) ([]domain.StatusChange, int64, bool, error) {
	_, newest, _, err := s.Lists.StatusChanges(ctx, after, limit)
	return nil, newest, false, err
}

func TestSyncEndsWithEveryChangeInItsOwnList(t *testing.T) {
	for name, wrap := range map[string]func(Lists) Lists{
		"all at once": func(s Lists) Lists { return s }, "one at a time": func(s Lists) Lists { return stingyStore{s} },
		"changes are gone": func(s Lists) Lists { return forgetfulStore{s} },
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				ctx, now := eventtest.Context(t), time.Now()
				p := NewPublisher(wrap(db), nil, "", time.Second, func() time.Time { return now })
				allocator := testAllocator(db)
				var tokens []domain.IssuedToken
				var lists []*publishedList
				for i := range 2 {
					for n := range 3 {
						expires := now.Add(time.Duration(i+1) * time.Hour)
						ref, err := allocator.Allocate(ctx, expires)
						check(t, err)
						tokens = append(tokens, domain.IssuedToken{
							ID: domain.TokenID{byte(i + 1), byte(n)}, Kind: domain.TokenAccess, Status: ref, ExpiresAt: expires,
						})
					}
					l, err := p.find(ctx, tokens[len(tokens)-1].Status.List)
					check(t, err)
					lists = append(lists, l)
				}
				_, revision, _, err := db.Changes(ctx, 0)
				check(t, err)
				_, err = db.InsertIssuedTokens(ctx, tokens, slices.Repeat([]int64{revision}, len(tokens)))
				check(t, err)
				for _, revoked := range tokens[1:] {
					_, err = db.RevokeTokens(ctx, now, revoked.Ref())
					check(t, err)
				}
				now = now.Add(time.Minute)
				check(t, p.Sync(ctx))
				for i, l := range lists {
					if !l.asOf.Equal(now) {
						t.Errorf("list %d is current as of %v, want %v", i, l.asOf, now)
					}
					for n, issued := range tokens {
						want := domain.StatusInvalid
						if n == 0 || issued.Status.List != l.ID {
							want = domain.StatusValid
						}
						got, err := l.entries.Get(int(issued.Status.Index))
						if err != nil || got != want {
							t.Errorf("list %d says %d of token %d (%v), want %d", i, got, n, err, want)
						}
					}
				}
			})
		})
	}
}

// heldStore holds what is asked about lists that there are not.
type heldStore struct {
	Lists
	known   int64
	held    atomic.Bool
	waiting atomic.Int32
	pass    chan struct{}
}

func (s *heldStore) hold() {
	if s.held.Load() {
		s.waiting.Add(1)
		<-s.pass
	}
}

func (s *heldStore) FindStatusList(ctx context.Context, id int64) (domain.StatusList, error) {
	if id != s.known {
		s.hold()
	}
	return s.Lists.FindStatusList(ctx, id)
}

func (s *heldStore) LiveStatusLists(ctx context.Context, now time.Time) ([]int64, error) {
	s.hold()
	return s.Lists.LiveStatusLists(ctx, now)
}

func TestWhoAsksForListsThatThereAreNotKeepsNobodyFromThoseThatThereAre(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithTimeout(eventtest.Context(t), 30*time.Second)
		defer cancel()
		allocator := testAllocator(db)
		known, err := allocator.Allocate(ctx, soon)
		check(t, err)
		s := &heldStore{Lists: db, known: known.List, pass: make(chan struct{})}
		p := NewPublisher(s, nil, "", time.Second, time.Now)
		_, err = p.Lists(ctx)
		check(t, err)
		s.held.Store(true)
		var flood sync.WaitGroup
		for i := range 3 * loadsAtOnce {
			flood.Go(func() {
				if _, err := p.find(ctx, known.List+1000+int64(i)); !errors.Is(err, domain.ErrNotFound) {
					t.Errorf("a list that there is not: %v", err)
				}
			})
		}
		for s.waiting.Load() == 0 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		if _, err := p.find(ctx, known.List); err != nil {
			t.Errorf("a list that there is: %v", err)
		}
		made, err := allocator.Allocate(ctx, soon.Add(5*time.Hour)) // after the lists were read
		check(t, err)
		s.held.Store(false)
		close(s.pass)
		if l, err := p.find(ctx, made.List); err != nil || l.ID != made.List || made.List == known.List {
			t.Errorf("a list that was just made: %v", err)
		}
		flood.Wait()
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
