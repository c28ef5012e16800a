package resourceserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

const (
	keepKeys       = time.Minute // where the key set does not say for how long it may be kept
	minKeep        = time.Second
	maxKeep        = time.Hour
	unknownKeyPace = 10 * time.Second // between fetches on account of keys that are not in the set
	unknownKeyWait = 5 * time.Second  // for such a fetch
	maxWaiting     = 100              // for one
	maxRevokedKeys = 1000
	rediscover     = time.Hour
)

var errNoKey = errors.New("its key is not one of the issuer's")

// keySet are the issuer's keys as they were at a time. It never changes.
type keySet struct {
	keys    map[string]*key // by kid
	etag    string
	current time.Time // it was the issuer's then
}

// keyring follows the issuer's key set.
type keyring struct {
	fetch    *fetcher
	issuer   string
	maxStale time.Duration
	log      *slog.Logger

	set     atomic.Pointer[keySet] // nil: none yet
	ready   chan struct{}          // closed once there is one
	wake    chan struct{}
	changed func() // called when keys were removed

	mu      sync.Mutex
	began   time.Time               // of the last fetch
	pending bool                    // a fetch runs, or is about to
	waiting int                     // for it
	ended   chan struct{}           // closed when the fetch that is pending, or else the next one, has ended
	lastErr error                   // of the last fetch
	revoked *recent[string, string] // keys that an event named, by kid

	jwksURI    string // run's alone
	discovered time.Time
}

func newKeyring(f *fetcher, issuer string, maxStale time.Duration, log *slog.Logger) *keyring {
	return &keyring{
		fetch: f, issuer: issuer, maxStale: maxStale, log: log,
		ready: make(chan struct{}), wake: make(chan struct{}, 1), changed: func() {}, ended: make(chan struct{}),
		revoked: newRecent[string, string](maxRevokedKeys), lastErr: errors.New("the issuer has not answered yet"),
	}
}

// run keeps the key set up to date until ctx ends.
func (k *keyring) run(ctx context.Context) {
	for failures := 0; ; {
		wait, err := k.refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if failures++; failures == 1 {
				k.log.WarnContext(ctx, "the issuer's keys cannot be fetched", "issuer", k.issuer, "error", err)
			}
			wait = backoff(failures)
		} else if failures > 0 {
			k.log.InfoContext(ctx, "the issuer's keys are fetched again", "issuer", k.issuer)
			failures = 0
		}
		if !sleep(ctx, wait, k.wake) {
			return
		}
	}
}

// refresh fetches the key set, and says when to do so again.
func (k *keyring) refresh(ctx context.Context) (again time.Duration, err error) {
	k.mu.Lock()
	k.began, k.pending = time.Now(), true
	k.mu.Unlock()
	d, err := k.fetchKeys(ctx)
	var keys map[string]*key
	if err == nil && !d.unchanged {
		keys, err = parseKeySet(d.body)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lastErr, k.pending = err, false
	defer func() { // once the keys are replaced
		close(k.ended)
		k.ended = make(chan struct{})
	}()
	if err != nil {
		k.jwksURI = "" // it may have moved
		return 0, err
	}
	k.replace(keys, d)
	keep := d.maxAge
	if keep == 0 {
		keep = keepKeys
	}
	keep = min(keep, maxKeep, k.maxStale)
	return early(max(keep-time.Since(d.current), minKeep)), nil
}

func (k *keyring) fetchKeys(ctx context.Context) (document, error) {
	if k.jwksURI == "" || time.Since(k.discovered) > rediscover {
		address, err := k.fetch.discover(ctx, k.issuer)
		if err != nil {
			return document{}, err
		}
		k.jwksURI, k.discovered = address, time.Now()
	}
	etag := ""
	if set := k.set.Load(); set != nil {
		etag = set.etag
	}
	return k.fetch.get(ctx, k.jwksURI, "application/jwk-set+json, application/json", etag, maxKeySet)
}

// replace makes fetched keys those that count; a key that stays is the same one, so that what it verified before counts. k.mu is held.
func (k *keyring) replace(keys map[string]*key, d document) {
	old := k.set.Load()
	if d.unchanged {
		keys = maps.Clone(old.keys)
	}
	removed := false
	if old != nil {
		for kid, was := range old.keys {
			if is := keys[kid]; is != nil && is.alg == was.alg && was.public.Equal(is.public) {
				keys[kid] = was
			} else {
				removed = true
			}
		}
	}
	for kid := range keys {
		if _, revoked := k.revoked.get(kid); revoked { // a cache on the way may still have the set of before
			delete(keys, kid)
		}
	}
	k.set.Store(&keySet{keys: keys, etag: d.etag, current: d.current})
	if old == nil {
		close(k.ready)
	}
	if removed {
		k.changed()
	}
}

// revoke removes a key at once, until it would not count any more anyway.
func (k *keyring) revoke(kid string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.revoked.put(kid, "")
	if set := k.set.Load(); set != nil && set.keys[kid] != nil {
		keys := maps.Clone(set.keys)
		delete(keys, kid)
		k.set.Store(&keySet{keys: keys, etag: set.etag, current: set.current})
		k.changed()
	}
}

// current returns the keys that count. ErrUnavailable if there are none yet, or if nobody knows any more whether they count.
func (k *keyring) current(now time.Time) (*keySet, error) {
	set := k.set.Load()
	if set == nil {
		return nil, unavailable("the issuer's keys are not known yet")
	}
	if now.Sub(set.current) > k.maxStale {
		return nil, unavailable(fmt.Sprintf("the issuer's keys have not been confirmed for %v", k.maxStale))
	}
	return set, nil
}

// find returns the key that a JWS names, and fetches the key set if that is not there, but seldom: anybody can name any key. errNoKey if
// the issuer has none such, ErrUnavailable if that cannot be found out.
func (k *keyring) find(ctx context.Context, kid string) (*key, error) {
	set, err := k.current(time.Now())
	if err != nil {
		return nil, err
	}
	if found := set.keys[kid]; found != nil {
		return found, nil
	}
	k.awaitFetch(ctx)
	if set, err = k.current(time.Now()); err != nil {
		return nil, err
	}
	if found := set.keys[kid]; found != nil {
		return found, nil
	}
	return nil, k.missing()
}

// missing says of a key that is not in the set what that means.
func (k *keyring) missing() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.lastErr != nil || k.pending {
		return unavailable("its key is not known, and the issuer's keys cannot be fetched")
	}
	return errNoKey
}

// awaitFetch has the key set fetched, once for all who wait, unless that was done a moment ago or too many wait.
func (k *keyring) awaitFetch(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, unknownKeyWait)
	defer cancel()
	k.mu.Lock()
	if !k.pending && time.Since(k.began) >= unknownKeyPace {
		k.began, k.pending = time.Now(), true
		k.hurry()
	}
	ended, wait := k.ended, k.pending && k.waiting < maxWaiting
	if wait {
		k.waiting++
	}
	k.mu.Unlock()
	if !wait {
		return
	}
	defer func() {
		k.mu.Lock()
		k.waiting--
		k.mu.Unlock()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// hurry makes run fetch now.
func (k *keyring) hurry() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}
