package cache_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// names is what requests do with the cache: read a client's name, and refresh.
type names struct {
	t     *testing.T
	db    *store.DB
	cache *cache.Cache
	loads int
}

func newNames(t *testing.T, db *store.DB) *names {
	held, err := cache.New(db, 100)
	if err != nil {
		t.Fatal(err)
	}
	n := &names{t: t, db: db, cache: held}
	n.refresh()
	return n
}

func (n *names) refresh() {
	n.t.Helper()
	if err := n.cache.Refresh(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
}

// insert and rename change a client behind the cache's back, as another replica does.
func (n *names) insert(clientID, name string) {
	n.t.Helper()
	if _, err := n.db.InsertClient(n.t.Context(), domain.Client{ClientID: clientID, IDTokenAlg: domain.ES256, Name: name}); err != nil {
		n.t.Fatal(err)
	}
}

func (n *names) rename(clientID, name string) {
	n.t.Helper()
	if err := n.db.UpdateClient(n.t.Context(), domain.Client{ClientID: clientID, IDTokenAlg: domain.ES256, Name: name}); err != nil {
		n.t.Fatal(err)
	}
}

// get reads through the cache; meanwhile runs after the database was read and before the answer is kept.
func (n *names) get(clientID string, meanwhile func()) string {
	n.t.Helper()
	name, err := cache.Get(n.t.Context(), n.cache, domain.ChangeClient, clientID, func(ctx context.Context) (string, error) {
		n.loads++
		client, err := n.db.FindClient(ctx, clientID)
		meanwhile()
		return client.Name, err
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return name
}

func nothing() {}

func TestWhatARefreshOvertookIsNotKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNames(t, db)
		n.insert("a", "old")
		n.refresh()
		overtaken := n.get("a", func() {
			n.rename("a", "new")
			n.refresh()
		})
		if overtaken != "old" {
			t.Fatalf("the race did not happen: got %q", overtaken)
		}
		if got := n.get("a", nothing); got != "new" {
			t.Errorf("the cache kept %q past the refresh that should have dropped it", got)
		}
	})
}

func TestAChangeShowsAfterARefreshAndDropsNothingElse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNames(t, db)
		n.insert("a", "a1")
		n.insert("b", "b1")
		n.refresh()
		n.get("a", nothing)
		n.get("b", nothing)
		n.rename("a", "a2")
		if got := n.get("a", nothing); got != "a1" || n.loads != 2 {
			t.Fatalf("before the refresh: %q after %d loads, want the cached one", got, n.loads)
		}
		before := n.cache.Revision()
		n.refresh()
		if n.cache.Revision() <= before {
			t.Errorf("revision went from %d to %d", before, n.cache.Revision())
		}
		if got := n.get("b", nothing); got != "b1" || n.loads != 2 {
			t.Errorf("b was loaded again though only a changed")
		}
		if got := n.get("a", nothing); got != "a2" {
			t.Errorf("a is %q after the refresh", got)
		}
	})
}

func TestAFailureToLoadIsNotRemembered(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNames(t, db)
		_, err := cache.Get(t.Context(), n.cache, domain.ChangeClient, "a", func(context.Context) (string, error) {
			return "", domain.ErrUnavailable
		})
		if !errors.Is(err, domain.ErrUnavailable) {
			t.Fatalf("err = %v", err)
		}
		n.insert("a", "there")
		if got := n.get("a", nothing); got != "there" {
			t.Errorf("got %q", got)
		}
	})
}

// counter is a database with one object, whose value is the revision that made it. After forget changes it forgets which.
type counter struct {
	mu       sync.Mutex
	revision int64
	forget   int64
}

func (c *counter) change() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.revision++
}

func (c *counter) load(context.Context) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.revision, nil
}

func (c *counter) InTx(context.Context) bool { return false }

func (c *counter) Changes(_ context.Context, after int64) ([]domain.Change, int64, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.revision-after > c.forget {
		return nil, c.revision, false, nil
	}
	var changes []domain.Change
	for r := after + 1; r <= c.revision; r++ {
		changes = append(changes, domain.Change{Revision: r, Kind: domain.ChangeClient, Key: "x"})
	}
	return changes, c.revision, true, nil
}

func TestEverythingIsDroppedWhenChangesAreMissing(t *testing.T) {
	c := &counter{revision: 1, forget: 2}
	held, err := cache.New(c, 10)
	if err != nil {
		t.Fatal(err)
	}
	get := func() int64 {
		v, err := cache.Get(t.Context(), held, domain.ChangeClient, "x", c.load)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if err := held.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	get()
	for range 3 {
		c.change()
	}
	if err := held.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := get(); got != 4 {
		t.Errorf("kept the value of revision %d", got)
	}
}

// Whatever happens at the same time, a value read after the revision was noted is that new or newer.
func TestNoValueIsOlderThanTheRevisionNotedBefore(t *testing.T) {
	c := &counter{revision: 1, forget: 5}
	held, err := cache.New(c, 10)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				switch i {
				case 0:
					c.change()
				case 1, 2:
					_ = held.Refresh(t.Context())
				}
				noted := held.Revision()
				got, err := cache.Get(t.Context(), held, domain.ChangeClient, "x", c.load)
				if err != nil || got < noted {
					t.Error("read revision " + strconv.FormatInt(got, 10) + " after noting " + strconv.FormatInt(noted, 10))
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestAFailedRefreshDoesNotMakeTheCacheYounger(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		held, err := cache.New(db, 10)
		if err != nil {
			t.Fatal(err)
		}
		if !held.AsOf().IsZero() {
			t.Error("an empty cache is up to date as of", held.AsOf())
		}
		before := time.Now()
		if err := held.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		asOf := held.AsOf()
		if asOf.Before(before) || asOf.After(time.Now()) {
			t.Errorf("up to date as of %v, refreshed at %v", asOf, before)
		}
		db.Close()
		if err := held.Refresh(t.Context()); err == nil || !held.AsOf().Equal(asOf) {
			t.Errorf("up to date as of %v after %v (%v)", held.AsOf(), asOf, err)
		}
	})
}

func TestWhatATransactionSeesIsNeitherCachedNorSharedBeforeItIsCommitted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		n := newNames(t, db)
		n.insert("a", "old")
		n.refresh()
		undo := errors.New("undo")
		err := db.Tx(t.Context(), func(ctx context.Context) error {
			if err := db.UpdateClient(ctx, domain.Client{ClientID: "a", IDTokenAlg: domain.ES256, Name: "never"}); err != nil {
				return err
			}
			name, err := cache.Get(ctx, n.cache, domain.ChangeClient, "a", func(ctx context.Context) (string, error) {
				client, err := db.FindClient(ctx, "a")
				return client.Name, err
			})
			if err != nil || name != "never" {
				t.Errorf("the transaction reads %q, %v", name, err)
			}
			if err := n.cache.Refresh(ctx); err == nil {
				t.Error("the cache was refreshed from within a transaction")
			}
			return undo
		})
		if !errors.Is(err, undo) {
			t.Fatal(err)
		}
		if name := n.get("a", nothing); name != "old" {
			t.Errorf("after the rollback the cache has %q", name)
		}
	})
}
