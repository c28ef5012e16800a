// Package keysource fetches the public keys that others publish, and caches them within bounds.
package keysource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/outbound"
)

const (
	fetchTimeout   = 5 * time.Second
	fetchEvery     = 30 * time.Second // at most so often from one place, whatever unknown keys tokens name
	retryEvery     = 5 * time.Second  // where nothing has been fetched yet
	minFresh       = time.Minute
	usualFresh     = 10 * time.Minute
	maxFresh       = 24 * time.Hour
	keptWhileDown  = 24 * time.Hour   // expired keys count this long while no new ones can be fetched
	renewedWithin  = 10 * time.Minute // expired keys count this long while new ones are being fetched
	maxSources     = 2000
	fetchesAtOnce  = 100  // of sources that somebody vouches for, and as many of others
	maxURI         = 2000 // bytes
	maxDescription = 64 << 10
)

// ErrUnknown says that keys could not be had. Its text says why, for administrators.
var ErrUnknown = errors.New("its keys cannot be fetched")

// Source is where others publish their keys.
type Source struct {
	URI     string
	Issuer  string // whose metadata says where, if URI is empty (OpenID Connect Discovery §4)
	Private bool   // that may be at a private address
	Strange bool   // nobody vouches for that: the client registered itself
}

// Cache fetches and caches what is read from sets of keys.
type Cache[S any] struct {
	read    func(text []byte) (*S, error)
	clients outbound.Clients
	slots   map[bool]*semaphore.Weighted // by Source.Strange
	now     func() time.Time
	calls   singleflight.Group
	mu      sync.Mutex // guards the entries
	entries *lru.Cache[Source, *entry[S]]
}

type entry[S any] struct {
	set       *S        // nil: none was fetched yet
	fresh     time.Time // until then
	attempted time.Time
	failure   error // of the last attempt
}

// New makes a cache of what read makes of a JWK Set. If read finds no usable key in it (keys.ErrNoForeignKeys, keys.ErrNoEncryptionKey), those
// of an earlier set are dropped.
func New[S any](now func() time.Time, read func(text []byte) (*S, error)) *Cache[S] {
	entries, err := lru.New[Source, *entry[S]](maxSources)
	if err != nil {
		panic(err) // the size is positive
	}
	slots := map[bool]*semaphore.Weighted{false: semaphore.NewWeighted(fetchesAtOnce), true: semaphore.NewWeighted(fetchesAtOnce)}
	return &Cache[S]{read: read, clients: outbound.NewClients(fetchTimeout), slots: slots, now: now, entries: entries}
}

// Latest is Get where keys that were fresh a short while ago serve until newer ones are there: nobody waits for a slow host.
func (c *Cache[S]) Latest(ctx context.Context, from Source) (*S, error) {
	c.mu.Lock()
	known, ok := c.entries.Get(from)
	serves := ok && known.set != nil && c.now().Before(known.fresh.Add(renewedWithin))
	c.mu.Unlock()
	if !serves {
		return c.Get(ctx, from, false)
	}
	if c.due(from, false) {
		c.start(ctx, from, false)
	}
	return known.set, nil
}

// Get returns the set of a source: fresh, or the last that was fetched while its host is down. missing asks for a newer one, because a key is
// not in it. domain.ErrBusy if it would have to be fetched, and too many are.
func (c *Cache[S]) Get(ctx context.Context, from Source, missing bool) (*S, error) {
	if c.due(from, missing) {
		select {
		case result := <-c.start(ctx, from, missing):
			if result.Err != nil && !c.has(from, missing) {
				return nil, result.Err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.entries.Get(from)
	switch {
	case !ok:
		return nil, ErrUnknown
	case known.set == nil || c.now().After(known.fresh.Add(keptWhileDown)):
		return nil, fmt.Errorf("%w: %w", ErrUnknown, known.failure)
	}
	return known.set, nil
}

// start begins to fetch a source, once for all who ask for it.
func (c *Cache[S]) start(ctx context.Context, from Source, missing bool) <-chan singleflight.Result {
	key := from.URI + " " + from.Issuer + " " + strconv.FormatBool(from.Private) + strconv.FormatBool(from.Strange)
	return c.calls.DoChan(key, func() (any, error) {
		if !c.due(from, missing) { // another call may have ended in between
			return nil, nil
		}
		if !c.slots[from.Strange].TryAcquire(1) {
			return nil, fmt.Errorf("fetch keys: %w", domain.ErrBusy)
		}
		defer c.slots[from.Strange].Release(1)
		c.fetch(context.WithoutCancel(ctx), from)
		return nil, nil
	})
}

// has reports whether there is a set of a source that will do although it was not fetched now.
func (c *Cache[S]) has(from Source, missing bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.entries.Get(from)
	return ok && known.set != nil && !missing
}

// due reports whether a source is to be fetched now.
func (c *Cache[S]) due(from Source, missing bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.entries.Get(from)
	now := c.now()
	switch {
	case !ok:
		return true
	case known.set == nil:
		return now.Sub(known.attempted) >= retryEvery
	}
	return (missing || !now.Before(known.fresh)) && now.Sub(known.attempted) >= fetchEvery
}

func (c *Cache[S]) fetch(ctx context.Context, from Source) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	attempted := c.now()
	set, fresh, err := c.load(ctx, from)
	c.mu.Lock()
	defer c.mu.Unlock()
	loaded := &entry[S]{set: set, fresh: attempted.Add(fresh), attempted: attempted, failure: err}
	if before, ok := c.entries.Get(from); ok && err != nil && !errors.Is(err, keys.ErrNoForeignKeys) && !errors.Is(err, keys.ErrNoEncryptionKey) {
		loaded.set, loaded.fresh = before.set, before.fresh
	}
	c.entries.Add(from, loaded)
}

func (c *Cache[S]) load(ctx context.Context, from Source) (*S, time.Duration, error) {
	if from.URI == "" {
		var err error
		if from.URI, err = c.discover(ctx, from); err != nil {
			return nil, 0, err
		}
	}
	text, header, err := c.download(ctx, from.URI, from, keys.MaxKeySet)
	if err != nil {
		return nil, 0, err
	}
	set, err := c.read(text)
	return set, freshness(header), err
}

// discover asks an issuer's metadata for where its keys are.
func (c *Cache[S]) discover(ctx context.Context, from Source) (string, error) {
	text, _, err := c.download(ctx, strings.TrimSuffix(from.Issuer, "/")+"/.well-known/openid-configuration", from, maxDescription)
	if err != nil {
		return "", err
	}
	var described struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if err := json.Unmarshal(text, &described); err != nil {
		return "", errors.New("its metadata is no JSON object")
	}
	if described.Issuer != from.Issuer {
		return "", errors.New("its metadata is that of another issuer")
	}
	if !mayName(from.Issuer, described.JWKSURI) {
		return "", errors.New("the jwks_uri of its metadata is no https URL")
	}
	return described.JWKSURI, nil
}

// mayName says whether an issuer's metadata may say that its keys are at an address: over https, and on this machine only if the issuer
// is there too.
func mayName(issuer, jwksURI string) bool {
	by, errIssuer := url.Parse(issuer)
	at, err := url.Parse(jwksURI)
	if err != nil || errIssuer != nil || len(jwksURI) > maxURI || at.User != nil || at.Host == "" {
		return false
	}
	local := outbound.IsLoopback(at.Hostname())
	return at.Scheme == "https" && (!local || outbound.IsLoopback(by.Hostname())) || at.Scheme == "http" && local && by.Scheme == "http"
}

func (c *Cache[S]) download(ctx context.Context, uri string, from Source, limit int64) ([]byte, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, nil, errors.New("its address is not a URL")
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	send := c.clients.Do
	if from.Strange {
		send = c.clients.DoForStranger
	}
	response, err := send(request, from.Private)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("%s answered %d, not 200", request.URL.Host, response.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s answered with more than %d bytes", request.URL.Host, limit)
	}
	return text, response.Header, err
}

// freshness is for how long an answer may be used without asking again (RFC 9111 §5.2.2.1), within bounds.
func freshness(header http.Header) time.Duration {
	for directive := range strings.SplitSeq(strings.ToLower(strings.Join(header.Values("Cache-Control"), ",")), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-store", "no-cache":
			return minFresh
		case "max-age":
			if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
				return min(max(time.Duration(seconds)*time.Second, minFresh), maxFresh)
			}
		}
	}
	return usualFresh
}
