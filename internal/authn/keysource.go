package authn

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
	keptWhileDown  = 24 * time.Hour // after it was fresh
	maxSources     = 2000
	fetchesAtOnce  = 100  // of sources that somebody vouches for, and as many of others
	maxURI         = 2000 // bytes
	maxDescription = 64 << 10
)

// errKeys says that keys could not be had. Its text says why, for administrators.
var errKeys = errors.New("its keys cannot be fetched")

// source is where others publish their keys.
type source struct {
	uri     string
	issuer  string // whose metadata says where, if uri is empty (OpenID Connect Discovery §4)
	private bool   // that may be at a private address
	strange bool   // nobody vouches for that: the client registered itself
}

// publishedKeys fetches and caches sets of keys.
type publishedKeys struct {
	clients outbound.Clients
	slots   map[bool]*semaphore.Weighted // by source.strange
	now     func() time.Time
	calls   singleflight.Group
	mu      sync.Mutex // guards the entries
	entries *lru.Cache[source, *publishedSet]
}

type publishedSet struct {
	set       *keys.KeySet // nil: none was fetched yet
	fresh     time.Time    // until then
	attempted time.Time
	failure   error // of the last attempt
}

func newPublishedKeys(now func() time.Time) *publishedKeys {
	entries, err := lru.New[source, *publishedSet](maxSources)
	if err != nil {
		panic(err) // the size is positive
	}
	slots := map[bool]*semaphore.Weighted{false: semaphore.NewWeighted(fetchesAtOnce), true: semaphore.NewWeighted(fetchesAtOnce)}
	return &publishedKeys{clients: outbound.NewClients(fetchTimeout), slots: slots, now: now, entries: entries}
}

// verify checks a token's signature with the keys of a source, fetched anew if they lack the token's key. errKeys if there are none.
func (p *publishedKeys) verify(ctx context.Context, from source, token keys.ForeignToken) error {
	set, err := p.get(ctx, from, false)
	if err != nil {
		return err
	}
	if err = set.Verify(token); errors.Is(err, keys.ErrForeignKey) {
		if set, err = p.get(ctx, from, true); err == nil {
			err = set.Verify(token)
		}
	}
	return err
}

// get returns the set of a source: fresh, or the last that was fetched while its host is down. missing asks for a newer one, because a key is
// not in it. domain.ErrBusy if it would have to be fetched, and too many are.
func (p *publishedKeys) get(ctx context.Context, from source, missing bool) (*keys.KeySet, error) {
	if p.due(from, missing) {
		call := p.calls.DoChan(from.uri+" "+from.issuer+" "+strconv.FormatBool(from.private)+strconv.FormatBool(from.strange), func() (any, error) {
			if !p.due(from, missing) { // another call may have ended in between
				return nil, nil
			}
			if !p.slots[from.strange].TryAcquire(1) {
				return nil, fmt.Errorf("fetch keys: %w", domain.ErrBusy)
			}
			defer p.slots[from.strange].Release(1)
			p.fetch(context.WithoutCancel(ctx), from)
			return nil, nil
		})
		select {
		case result := <-call:
			if result.Err != nil && !p.has(from, missing) {
				return nil, result.Err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	entry, ok := p.entries.Get(from)
	switch {
	case !ok:
		return nil, errKeys
	case entry.set == nil || p.now().After(entry.fresh.Add(keptWhileDown)):
		return nil, fmt.Errorf("%w: %w", errKeys, entry.failure)
	}
	return entry.set, nil
}

// has reports whether there is a set of a source that will do although it was not fetched now.
func (p *publishedKeys) has(from source, missing bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	entry, ok := p.entries.Get(from)
	return ok && entry.set != nil && !missing
}

// due reports whether a source is to be fetched now.
func (p *publishedKeys) due(from source, missing bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	entry, ok := p.entries.Get(from)
	now := p.now()
	switch {
	case !ok:
		return true
	case entry.set == nil:
		return now.Sub(entry.attempted) >= retryEvery
	}
	return (missing || !now.Before(entry.fresh)) && now.Sub(entry.attempted) >= fetchEvery
}

func (p *publishedKeys) fetch(ctx context.Context, from source) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	attempted := p.now()
	set, fresh, err := p.read(ctx, from)
	p.mu.Lock()
	defer p.mu.Unlock()
	entry := &publishedSet{set: set, fresh: attempted.Add(fresh), attempted: attempted, failure: err}
	if before, ok := p.entries.Get(from); ok && err != nil && !errors.Is(err, keys.ErrNoForeignKeys) {
		entry.set, entry.fresh = before.set, before.fresh
	}
	p.entries.Add(from, entry)
}

func (p *publishedKeys) read(ctx context.Context, from source) (*keys.KeySet, time.Duration, error) {
	if from.uri == "" {
		var err error
		if from.uri, err = p.discover(ctx, from); err != nil {
			return nil, 0, err
		}
	}
	text, header, err := p.download(ctx, from.uri, from, keys.MaxKeySet)
	if err != nil {
		return nil, 0, err
	}
	set, err := keys.ReadKeySet(text)
	return set, freshness(header), err
}

// discover asks an issuer's metadata for where its keys are.
func (p *publishedKeys) discover(ctx context.Context, from source) (string, error) {
	text, _, err := p.download(ctx, strings.TrimSuffix(from.issuer, "/")+"/.well-known/openid-configuration", from, maxDescription)
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
	if described.Issuer != from.issuer {
		return "", errors.New("its metadata is that of another issuer")
	}
	if !mayName(from.issuer, described.JWKSURI) {
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

func (p *publishedKeys) download(ctx context.Context, uri string, from source, limit int64) ([]byte, http.Header, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, nil, errors.New("its address is not a URL")
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	send := p.clients.Do
	if from.strange {
		send = p.clients.DoForStranger
	}
	response, err := send(request, from.private)
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
