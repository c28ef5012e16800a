// Package snapshot is the bounded cache of what requests used: clients, APIs, users, roles, keys.
//
// It never lies, because every use is checked against the database's revision. A request notes Revision before it
// reads; the statement that writes or looks up its token returns the database's revision; where that is newer, the
// caller gets ErrStale, calls Refresh, which drops what changed since, and decides anew.
package snapshot

import (
	"context"
	"fmt"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/signet-auth/signet/internal/domain"
)

// Store tells what changed.
type Store interface {
	// Changes returns what changed after the given revision, and the newest revision. complete is false if
	// so much changed that rows are missing: then everything may have changed.
	Changes(ctx context.Context, after int64) (changes []domain.Change, revision int64, complete bool, err error)
}

// Cache holds objects by kind and key.
type Cache struct {
	store  Store
	flight singleflight.Group

	mu       sync.RWMutex // guards revision together with which entries belong to it
	revision int64
	entries  *lru.Cache[entryKey, any]
}

type entryKey struct {
	kind domain.ChangeKind
	key  string
}

// New makes an empty cache of at most size objects. Its revision is 0, so that its first use is stale.
func New(store Store, size int) (*Cache, error) {
	entries, err := lru.New[entryKey, any](size)
	if err != nil {
		return nil, fmt.Errorf("make the snapshot: %w", err)
	}
	return &Cache{store: store, entries: entries}, nil
}

// Revision is the database's revision that the cache has caught up with: what it holds is that new or newer.
func (c *Cache) Revision() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.revision
}

// Refresh drops whatever changed since the cache's revision. Callers at the same time share one query.
func (c *Cache) Refresh(ctx context.Context) error {
	_, err, _ := c.flight.Do("", func() (any, error) {
		from := c.Revision()
		// The query must not die with the one caller that happened to start it; the store bounds its time.
		changes, to, complete, err := c.store.Changes(context.WithoutCancel(ctx), from)
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if !complete || from == 0 {
			c.entries.Purge()
		}
		for _, change := range changes {
			c.entries.Remove(entryKey{change.Kind, change.Key})
		}
		c.revision = to
		return nil, nil
	})
	return err
}

// Get returns the object from the cache or loads it. An error of load is returned and not remembered.
func Get[T any](ctx context.Context, c *Cache, kind domain.ChangeKind, key string, load func(context.Context) (T, error)) (T, error) {
	k := entryKey{kind, key}
	c.mu.RLock()
	from := c.revision
	v, ok := c.entries.Get(k)
	c.mu.RUnlock()
	if ok {
		return v.(T), nil
	}
	loaded, err := load(ctx)
	if err != nil {
		return loaded, err
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	// A refresh in between may have dropped just this key: then what was loaded may be too old to keep.
	if c.revision == from {
		c.entries.Add(k, loaded)
	}
	return loaded, nil
}
