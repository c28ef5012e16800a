// Package cache is the bounded cache of what requests used: clients, APIs, users, roles, keys.
//
// It never serves an outdated answer, because every use is checked against the database's revision. A request notes Revision before it
// reads; the statement that writes or looks up its token returns the database's. If that is newer, the caller gets domain.ErrStale, calls
// Refresh, which drops what changed, and decides anew.
package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/signet-auth/signet/internal/domain"
)

// Store lists changes.
type Store interface {
	InTx(ctx context.Context) bool
	// Changes returns what changed after the given revision, and the newest revision. complete is false if so much changed that rows are
	// missing, or another database server was promoted since: then everything may have changed. After a promotion no revision of before
	// comes again.
	Changes(ctx context.Context, after int64) (changes []domain.Change, revision int64, complete bool, err error)
}

// Cache holds objects by kind and key.
type Cache struct {
	store Store

	loads singleflight.Group

	calls   sync.Mutex   // guards the two refresh calls
	pending *refreshCall // waits for the running one; its query has not begun
	running *refreshCall // the last one whose query has begun

	mu       sync.RWMutex // guards revision together with which entries belong to it
	revision int64
	asOf     time.Time // when the query of the last refresh began
	entries  *lru.Cache[entryKey, any]
	absent   *lru.Cache[entryKey, struct{}] // known not to exist; separate, so that made-up names evict nothing of use
}

type entryKey struct {
	kind domain.ChangeKind
	key  string
}

// New makes an empty cache of at most size objects. Its revision is 0, so that its first use is stale.
func New(store Store, size int) (*Cache, error) {
	entries, err := lru.New[entryKey, any](size)
	if err != nil {
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	absent, err := lru.New[entryKey, struct{}](size/10 + 1)
	if err != nil {
		return nil, fmt.Errorf("make the cache: %w", err)
	}
	return &Cache{store: store, entries: entries, absent: absent}, nil
}

// Empty is another cache of the store, with nothing in it.
func (c *Cache) Empty() *Cache {
	empty, err := New(c.store, 1)
	if err != nil {
		panic(err) // only of a size below one
	}
	return empty
}

// Revision is the database's revision up to which changes are applied: what the cache holds is that new or newer.
func (c *Cache) Revision() int64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.revision
}

// AsOf is the time at which the cache was last known to be up to date.
func (c *Cache) AsOf() time.Time {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.asOf
}

// Refresh drops whatever changed since the cache's revision: all that was committed before the call. Callers share queries,
// but only such as begin after they called.
func (c *Cache) Refresh(ctx context.Context) error {
	if c.store.InTx(ctx) {
		return errors.New("refresh the cache: not within a transaction, which sees what is not committed")
	}
	c.calls.Lock()
	call := c.pending
	if call == nil {
		call = &refreshCall{done: make(chan struct{})}
		c.pending = call
		go c.run(context.WithoutCancel(ctx), call, c.running)
	}
	c.calls.Unlock()
	select {
	case <-call.done:
		return call.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refreshCall is one refresh, shared by all callers that wait for it.
type refreshCall struct {
	done chan struct{}
	err  error
}

// run executes a refresh call once the one before is done; until then callers may still join it. It must not end with the one
// caller that happened to come first, so ctx has no end; the store bounds its time.
func (c *Cache) run(ctx context.Context, call, before *refreshCall) {
	if before != nil {
		<-before.done
	}
	runtime.Gosched() // requests that are about to ask share this query
	c.calls.Lock()
	c.pending, c.running = nil, call
	c.calls.Unlock()
	call.err = c.refresh(ctx)
	close(call.done)
}

func (c *Cache) refresh(ctx context.Context) error {
	from, began := c.Revision(), time.Now()
	changes, to, complete, err := c.store.Changes(ctx, from)
	if err != nil {
		return fmt.Errorf("refresh the cache: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !complete {
		c.entries.Purge()
		c.absent.Purge()
	}
	for _, change := range changes {
		c.entries.Remove(entryKey{change.Kind, change.Key})
		c.absent.Remove(entryKey{change.Kind, change.Key})
	}
	c.revision, c.asOf = to, began
	return nil
}

// Get returns the object from the cache or loads it. That an object does not exist (domain.ErrNotFound) is cached as well, so
// that asking again costs no more than for one that exists; any other error of load is returned and not cached. What is loaded
// within a transaction may not be committed: it is neither cached nor shared.
func Get[T any](ctx context.Context, c *Cache, kind domain.ChangeKind, key string, load func(context.Context) (T, error)) (T, error) {
	k := entryKey{kind, key}
	c.mu.RLock()
	from := c.revision
	v, ok := c.entries.Get(k)
	_, gone := c.absent.Get(k)
	c.mu.RUnlock()
	switch {
	case ok:
		return v.(T), nil
	case gone:
		var none T
		return none, domain.ErrNotFound
	}
	if c.store.InTx(ctx) {
		return load(ctx)
	}
	loaded, err := shared(ctx, c, k, from, load)
	missing := errors.Is(err, domain.ErrNotFound)
	if err != nil && !missing {
		return loaded, err
	}
	k.key = strings.Clone(key) // it may be a part of a whole request
	c.mu.RLock()
	defer c.mu.RUnlock()
	switch {
	case c.revision != from:
		// A refresh in between may have dropped just this key: then what was loaded may be too old to keep.
	case missing:
		c.absent.Add(k, struct{}{})
	default:
		c.entries.Add(k, loaded)
	}
	return loaded, err
}

// Peek returns the object if the cache holds it, and loads nothing.
func Peek[T any](c *Cache, kind domain.ChangeKind, key string) (T, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, _ := c.entries.Get(entryKey{kind, key})
	found, ok := v.(T)
	return found, ok
}

// shared lets callers that miss the same object at the same revision wait for one load, so that a cold cache is no stampede. The
// load must not end with the caller that came first, so ctx has no end; the store bounds its time.
func shared[T any](ctx context.Context, c *Cache, k entryKey, revision int64, load func(context.Context) (T, error)) (T, error) {
	call := string(k.kind) + " " + strconv.FormatInt(revision, 10) + " " + k.key
	loaded, err, _ := c.loads.Do(call, func() (any, error) { return load(context.WithoutCancel(ctx)) })
	return loaded.(T), err
}
