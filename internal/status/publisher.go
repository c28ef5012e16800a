package status

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

// Pace is how often Sync is to be called at least, and the shortest time between two encodings of a list. A verifier that asks
// for a list a second after a token was revoked finds it there: a sync and an encoding later.
const Pace = 400 * time.Millisecond

const (
	heldLists     = 128              // lists in memory: about 200 KiB each, and a million tokens
	loadsAtOnce   = 4                // lists on their way from the database: anybody may ask for any of them
	changesAtOnce = 1000             // read from the database at a time
	listGrace     = 10 * time.Minute // past its end a list is served, for verifiers whose clocks are behind
)

// Publisher serves status lists. It keeps those that were asked for in memory, and applies the changes of token statuses.
type Publisher struct {
	Log *slog.Logger // nil: nothing is logged

	store   Lists
	keys    *keys.Keys
	issuer  string
	ttl     time.Duration
	now     func() time.Time
	lists   *lru.Cache[int64, *publishedList]
	loading chan struct{} // holds one for each list that is being loaded
	syncing sync.Mutex    // one sync at a time
	failing atomic.Bool   // the last list that was due could not be renewed

	live    atomic.Pointer[liveLists] // that were read last; nil: none were
	listing chan struct{}             // holds one while they are read
	begun   atomic.Int64              // how often that was begun
}

// liveLists are the lists that are not retired.
type liveLists struct {
	ids  []int64 // oldest first
	at   time.Time
	read int64 // the number of the reading
}

// NewPublisher makes a publisher of the lists of an issuer. A verifier may use a list for ttl.
func NewPublisher(store Lists, keys *keys.Keys, issuer string, ttl time.Duration, now func() time.Time) *Publisher {
	lists, err := lru.New[int64, *publishedList](heldLists)
	if err != nil {
		panic(err) // the size is right
	}
	return &Publisher{
		store: store, keys: keys, issuer: issuer, ttl: ttl, now: now,
		lists: lists, loading: make(chan struct{}, loadsAtOnce), listing: make(chan struct{}, 1),
	}
}

// listsURI is where the URIs of all lists are.
func listsURI(issuer string) string { return issuer + "/statuslists" }

// URI is where a list is: the "uri" in a token and the "sub" of the list.
func URI(issuer string, id int64) string {
	return listsURI(issuer) + "/" + strconv.FormatInt(id, 10)
}

// List returns a status list, signed (Token Status List §5.1). It asks the database only for a list that it does not hold.
// domain.ErrNotFound if there is none or it is retired; domain.ErrUnavailable if the database has been away for so long that
// the list has expired.
func (p *Publisher) List(ctx context.Context, id int64) (ListToken, error) {
	l, err := p.find(ctx, id)
	if err != nil {
		return ListToken{}, fmt.Errorf("status list %d: %w", id, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err = p.renew(ctx, l)
	p.report(ctx, id, err)
	if err != nil && (l.signed.Body == nil || l.signed.invalid) {
		return ListToken{}, fmt.Errorf("status list %d: %w", id, err)
	}
	// If it could not be renewed, the one before still is what was true at its time.
	now := p.now()
	if !now.Before(l.signed.expires) {
		return ListToken{}, fmt.Errorf("status list %d has not been current since %v: %w", id, l.signed.asOf, domain.ErrUnavailable)
	}
	token := l.signed.ListToken
	token.Age = max(0, now.Sub(l.signed.asOf))
	return token, nil
}

// report logs the first of consecutive failures to renew lists, and the recovery.
func (p *Publisher) report(ctx context.Context, id int64, err error) {
	switch {
	case p.Log == nil || ctx.Err() != nil || p.failing.Swap(err != nil) == (err != nil):
	case err != nil:
		p.Log.ErrorContext(ctx, "a status list cannot be renewed; the last one is served until it expires", "list", id, "error", err)
	default:
		p.Log.InfoContext(ctx, "status lists are renewed again", "list", id)
	}
}

// find returns a list that is held, or loads it.
func (p *Publisher) find(ctx context.Context, id int64) (*publishedList, error) {
	l, held := p.lists.Get(id)
	if !held {
		if err := p.checkLive(ctx, id); err != nil {
			return nil, err
		}
		select {
		case p.loading <- struct{}{}:
			defer func() { <-p.loading }()
		case <-ctx.Done():
			return nil, fmt.Errorf("wait to load it: %w: %w", domain.ErrUnavailable, ctx.Err())
		}
		if l, held = p.lists.Get(id); !held {
			found, err := p.store.FindStatusList(ctx, id)
			if err != nil {
				return nil, err
			}
			l = &publishedList{StatusList: found}
			if !p.retired(l) {
				if err := p.load(ctx, l); err != nil {
					return nil, err
				}
				p.lists.Add(id, l)
			}
		}
	}
	if p.retired(l) {
		return nil, domain.ErrNotFound
	}
	return l, nil
}

// checkLive returns domain.ErrNotFound for a list that there is not. Anybody may ask for any number: such ids take nothing from lists that
// there are, and many of them wait for one reading.
func (p *Publisher) checkLive(ctx context.Context, id int64) error {
	live := p.live.Load()
	if live == nil || !slices.Contains(live.ids, id) { // it may be a new one
		var err error
		if live, err = p.readLive(ctx); err != nil {
			return err
		}
	}
	if !slices.Contains(live.ids, id) {
		return domain.ErrNotFound
	}
	return nil
}

// readLive reads the lists that are not retired, or waits for a reading that begins after it was called.
func (p *Publisher) readLive(ctx context.Context) (*liveLists, error) {
	begun := p.begun.Load()
	select {
	case p.listing <- struct{}{}:
		defer func() { <-p.listing }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to list the status lists: %w: %w", domain.ErrUnavailable, ctx.Err())
	}
	if live := p.live.Load(); live != nil && live.read > begun {
		return live, nil
	}
	live := &liveLists{at: p.now(), read: p.begun.Add(1)}
	var err error
	if live.ids, err = p.store.LiveStatusLists(ctx, live.at.Add(-listGrace)); err != nil {
		return nil, fmt.Errorf("list the status lists: %w", err)
	}
	p.live.Store(live)
	return live, nil
}

func (p *Publisher) retired(l *publishedList) bool {
	return p.now().After(l.ExpiresAt.Add(listGrace))
}

// load fills a list with what the database has of it.
func (p *Publisher) load(ctx context.Context, l *publishedList) error {
	asOf, history := p.now().Round(0), p.store.History()
	entries, seq, err := p.store.StatusEntries(ctx, l.ID)
	if err != nil {
		return fmt.Errorf("load its entries: %w", err)
	}
	return l.reset(entries, history, seq, asOf)
}

// Sync brings the lists in memory up to date. It is called at every Pace and whenever something has changed.
func (p *Publisher) Sync(ctx context.Context) error {
	p.syncing.Lock()
	defer p.syncing.Unlock()
	lists := p.held()
	for more := len(lists) > 0; more; {
		asOf := p.now().Round(0) // whatever was committed by now is seen
		after := slices.MinFunc(lists, func(a, b *publishedList) int { return cmp.Compare(a.seq, b.seq) }).seq
		changes, newest, complete, err := p.store.StatusChanges(ctx, after, changesAtOnce)
		history := p.store.History() // asked last: what was just read is of it or of one before
		lost := slices.ContainsFunc(lists, func(l *publishedList) bool { return l.history != history })
		switch {
		case err != nil:
			return fmt.Errorf("load the changes of token statuses: %w", err)
		case !complete || lost:
			return p.reload(ctx, lists)
		}
		through := newest
		if n := len(changes); n > 0 {
			through = changes[n-1].Seq
		}
		more = through < newest
		for _, l := range lists {
			if err := l.applyChanges(changes, through); err != nil {
				return err
			}
			if !more {
				l.markCurrent(asOf)
			}
		}
	}
	return p.invalidateSignatures(ctx, lists)
}

// invalidateSignatures finds the lists that a revoked key has signed.
func (p *Publisher) invalidateSignatures(ctx context.Context, lists []*publishedList) error {
	for _, l := range lists {
		err := l.invalidateSignature(func(keyID int64) (bool, error) { return p.keys.Published(ctx, keyID) })
		if err != nil {
			return fmt.Errorf("find the key of status list %d: %w", l.ID, err)
		}
	}
	return nil
}

// held drops the lists that are retired, and returns the others.
func (p *Publisher) held() []*publishedList {
	lists := p.lists.Values()
	return slices.DeleteFunc(lists, func(l *publishedList) bool {
		retired := p.retired(l)
		if retired {
			p.lists.Remove(l.ID)
		}
		return retired
	})
}

func (p *Publisher) reload(ctx context.Context, lists []*publishedList) error {
	for _, l := range lists {
		if err := p.load(ctx, l); err != nil {
			return fmt.Errorf("status list %d: %w", l.ID, err)
		}
	}
	return nil
}

// Age is since when the list in memory that is furthest behind was last known to be current; zero if there is none.
func (p *Publisher) Age() (oldest time.Duration) {
	now := p.now()
	for _, l := range p.lists.Values() {
		l.mu.Lock()
		if age := now.Sub(l.asOf); !p.retired(l) {
			oldest = max(oldest, age)
		}
		l.mu.Unlock()
	}
	return oldest
}

// Lists returns the URIs of all lists that are not retired (Token Status List §9), as they were within the last ttl.
func (p *Publisher) Lists(ctx context.Context) ([]string, error) {
	live := p.live.Load()
	if live == nil || p.now().Sub(live.at) >= p.ttl {
		var err error
		if live, err = p.readLive(ctx); err != nil {
			return nil, err
		}
	}
	uris := make([]string, len(live.ids))
	for i, id := range live.ids {
		uris[i] = URI(p.issuer, id)
	}
	return uris, nil
}
