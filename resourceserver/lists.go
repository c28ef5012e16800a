package resourceserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	maxLists     = 128
	unusedFor    = 10 * time.Minute // after that a list is not followed any more
	firstWait    = 5 * time.Second  // of a token, for the first fetch of its list
	listMedia    = "application/statuslist+jwt"
	recentlyUsed = time.Minute // a list that makes room for another was not used for so long
)

// lists follow the status lists that tokens name.
type lists struct {
	fetch  *fetcher
	keys   *keyring
	issuer string
	hosts  []string // that lists may be at
	leeway time.Duration
	log    *slog.Logger

	ctx     context.Context // of what follows them
	running sync.WaitGroup

	mu     sync.Mutex
	byURI  map[string]*followed
	closed bool
}

// followed is a list that is followed.
type followed struct {
	uri   string
	now   atomic.Pointer[statusList] // nil: it could not be had yet
	tried chan struct{}              // closed once it was
	wake  chan struct{}
	stop  context.CancelFunc
	used  atomic.Int64 // seconds since 1970
	gone  atomic.Bool  // nothing follows it any more

	mu  sync.Mutex
	err error // of the last fetch
}

// follow returns the list at a URI, and begins to follow it if that has not begun.
func (l *lists) follow(uri string) (*followed, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := l.byURI[uri]; found != nil {
		return found, nil
	}
	u, err := l.fetch.checkURL(uri)
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains(l.hosts, u.Host):
		return nil, fmt.Errorf("its status list is at the host %.200q, which is not the issuer's", u.Host)
	case len(l.byURI) >= maxLists && !l.makeRoom():
		return nil, unavailable("tokens of too many status lists are in use")
	case l.closed:
		return nil, unavailable("the verifier is closed")
	}
	ctx, stop := context.WithCancel(l.ctx)
	made := &followed{uri: uri, tried: make(chan struct{}), wake: make(chan struct{}, 1), stop: stop}
	made.used.Store(time.Now().Unix())
	l.byURI[uri] = made
	l.running.Go(func() { l.run(ctx, made) })
	return made, nil
}

// close lets no more lists be followed, and waits until none is, since ctx has ended.
func (l *lists) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.running.Wait()
}

// makeRoom drops the list that was used least recently, unless that is in use.
func (l *lists) makeRoom() bool {
	var oldest *followed
	for _, one := range l.byURI {
		if oldest == nil || one.used.Load() < oldest.used.Load() {
			oldest = one
		}
	}
	if time.Now().Unix()-oldest.used.Load() < int64(recentlyUsed/time.Second) {
		return false
	}
	l.drop(oldest)
	return true
}

// drop ends following a list. l.mu is held.
func (l *lists) drop(one *followed) {
	one.gone.Store(true)
	one.stop()
	delete(l.byURI, one.uri)
}

// run keeps a list up to date until ctx ends, or nobody has used it for a while.
func (l *lists) run(ctx context.Context, one *followed) {
	for failures := 0; ; {
		wait, err := l.refresh(ctx, one)
		if ctx.Err() != nil {
			return
		}
		one.mu.Lock()
		one.err = err
		one.mu.Unlock()
		if err != nil {
			if failures++; failures == 1 {
				l.log.WarnContext(ctx, "a status list cannot be fetched", "uri", one.uri, "error", err)
			}
			wait = backoff(failures)
		} else if failures > 0 {
			l.log.InfoContext(ctx, "a status list is fetched again", "uri", one.uri)
			failures = 0
		}
		select {
		case <-one.tried:
		default:
			close(one.tried)
		}
		if !sleep(ctx, wait, one.wake) || l.dropUnused(one) {
			return
		}
	}
}

func (l *lists) dropUnused(one *followed) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Now().Unix()-one.used.Load() < int64(unusedFor/time.Second) {
		return false
	}
	l.drop(one)
	return true
}

// refresh fetches a list, and says when to do so again.
func (l *lists) refresh(ctx context.Context, one *followed) (again time.Duration, err error) {
	was, etag := one.now.Load(), ""
	if was != nil && l.trusts(was) {
		etag = was.etag
	}
	d, err := l.fetch.get(ctx, one.uri, listMedia, etag, maxListToken)
	if err != nil {
		return 0, err
	}
	var is *statusList
	if d.unchanged {
		copied := *was
		is = &copied
		if is.current = d.current; is.expired(time.Now(), l.leeway) {
			return 0, errors.New("it has expired")
		}
	} else {
		is, err = parseStatusList(d.body, l.issuer, one.uri, l.leeway, func(kid string) (*key, error) { return l.keys.find(ctx, kid) })
		if err != nil {
			return 0, fmt.Errorf("the status list %s: %w", one.uri, err)
		}
		is.etag, is.current = d.etag, d.current
	}
	one.now.Store(is)
	return early(max(is.ttl-time.Since(is.current), minTTL)), nil
}

// trusts reports whether the key that signed a list still counts.
func (l *lists) trusts(is *statusList) bool {
	set := l.keys.set.Load()
	return set != nil && set.keys[is.key.kid] == is.key
}

// hurry has all lists fetched again that a key signed which does not count any more. It never blocks.
func (l *lists) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.byURI {
		if is := one.now.Load(); is != nil && !l.trusts(is) {
			select {
			case one.wake <- struct{}{}:
			default:
			}
		}
	}
}

// await waits until the list was fetched for the first time, or that has failed.
func (one *followed) await(ctx context.Context) {
	select {
	case <-one.tried:
		return
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, firstWait)
	defer cancel()
	select {
	case <-one.tried:
	case <-ctx.Done():
	}
}

// check says whether the list, as far as it is known now, lets the token of an index count: nil, ErrRevoked, ErrUnavailable, or errRange for
// an index that the list does not have.
func (l *lists) check(one *followed, index int, now time.Time) error {
	if seconds := now.Unix(); one.used.Load() != seconds {
		one.used.Store(seconds)
	}
	is := one.now.Load()
	switch {
	case is == nil:
		return unavailable("its status list cannot be fetched")
	case !l.trusts(is):
		return unavailable("the key of its status list was revoked")
	}
	status, err := is.entries.Get(index)
	switch {
	case status == domain.StatusInvalid: // for ever, so that the age of the list does not matter
		return ErrRevoked
	case is.expired(now, l.leeway):
		return unavailable("its status list has expired, and cannot be fetched")
	case err != nil:
		return errRange
	case status != domain.StatusValid:
		return ErrRevoked
	default:
		return nil
	}
}

var errRange = invalid("its status list has no such entry") // Token Status List §8.3
