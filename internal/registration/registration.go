// Package registration lets clients register themselves: by a metadata document that their client_id leads to (OAuth Client ID
// Metadata Document), and at the registration endpoint (RFC 7591, RFC 7592). An administrator says who may, and what such clients may
// ask for.
package registration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/outbound"
	"github.com/signet-auth/signet/internal/registry"
)

// Who may register clients.
const (
	Nobody  = "nobody"
	Listed  = "listed"  // for metadata documents: those of listed hosts
	Invited = "invited" // for the registration endpoint: who has an invitation
	Anybody = "anybody"
)

// Rules are an administrator's.
type Rules struct {
	Documents        string   // whose metadata documents count: Nobody, Listed or Anybody
	Hosts            []string // the listed ones: a host, or *.domain for all below it
	PrivateDocuments bool     // a document may be at a private address
	Endpoint         string   // who may use the registration endpoint: Nobody, Invited or Anybody
	MaxClients       int      // that have registered themselves, at the same time
	UnusedTTL        time.Duration
}

// Store keeps what belongs to self-registered clients.
type Store interface {
	// InsertInvitation stores an invitation of which nothing is used.
	InsertInvitation(ctx context.Context, invitation domain.Invitation) (id int64, err error)
	// CheckInvitation returns ErrNotFound where UseInvitation would.
	CheckInvitation(ctx context.Context, hash string, now time.Time) error
	// UseInvitation counts a use, of the invitation whose token has the hash. ErrNotFound if there is none, or it has expired or no use left.
	UseInvitation(ctx context.Context, hash string, now time.Time) (id int64, err error)
	// ListInvitations returns invitations by id, a search by note; a page of them.
	ListInvitations(ctx context.Context, p domain.Page) ([]domain.Invitation, error)
	// DeleteInvitation returns ErrNotFound if there is none of the id.
	DeleteInvitation(ctx context.Context, id int64) error
	// CountSelfRegistered counts the clients that registered themselves.
	CountSelfRegistered(ctx context.Context) (int64, error)
	// UnusedClients returns client_ids of those that were last used before a time, or never and registered before another; none that
	// are disabled.
	UnusedClients(ctx context.Context, usedBefore, createdBefore time.Time, limit int) ([]string, error)
	// TouchClient notes that a client was used, once a day at most. It makes no revision.
	TouchClient(ctx context.Context, id int64, now time.Time) error
}

// Limits counts attempts, over all replicas.
type Limits interface {
	// Spend counts one attempt in each limit, or in none: ErrBusy, and how long to wait, if it does not fit into one.
	Spend(ctx context.Context, now time.Time, limits ...domain.Limit) (wait time.Duration, err error)
}

// Clock compares this machine's clock with the database's.
type Clock interface {
	// DeletionTime is the time by which old things may be deleted. domain.ErrClocksDiffer.
	DeletionTime(ctx context.Context) (time.Time, error)
}

// Config is what a Service is made of.
type Config struct {
	Store    Store
	Limits   Limits
	Registry *registry.Registry
	Cache    *cache.Cache
	Events   *event.Recorder
	Rules    Rules
	Issuer   string
	Clock    Clock
	Now      func() time.Time

	FetchTimeout time.Duration // of a metadata document; zero: the constant FetchTimeout
}

// Service registers them.
type Service struct {
	Config
	clients   outbound.Clients
	documents singleflight.Group
	fresh     *lru.Cache[string, time.Time] // until when a document need not be fetched again, by client_id
	refetched *lru.Cache[string, time.Time] // when one was fetched before its time, by client_id
	touched   *lru.Cache[int64, time.Time]  // when this replica last noted that a client was used
	silent    *lru.Cache[string, time.Time] // until when one is not asked for again that did not arrive, by client_id
	fetches   *semaphore.Weighted           // of new documents
	renewals  *semaphore.Weighted           // of those whose clients are registered
	refusals  *event.Bounded
	Log       *slog.Logger
}

// How many clients are remembered.
const (
	remembered = 8192
	inUse      = 1 << 17 // whose use is noted: of others each token asks the database
)

// New makes a Service.
func New(c Config) *Service {
	c.FetchTimeout = cmp.Or(c.FetchTimeout, FetchTimeout)
	return &Service{
		Config: c, clients: outbound.NewClients(c.FetchTimeout), fresh: newLRU[string, time.Time](remembered),
		refetched: newLRU[string, time.Time](remembered), touched: newLRU[int64, time.Time](inUse),
		silent: newLRU[string, time.Time](remembered), fetches: semaphore.NewWeighted(fetchesAtOnce), renewals: semaphore.NewWeighted(fetchesAtOnce),
		refusals: event.NewBounded(c.Events, 10, time.Minute), Log: slog.New(slog.DiscardHandler),
	}
}

func newLRU[K comparable, V any](size int) *lru.Cache[K, V] {
	made, err := lru.New[K, V](size)
	if err != nil {
		panic(err) // the size is positive
	}
	return made
}

// hold runs what registers a client with the end of the audit log held, so that the count of clients stands until it is done.
func (s *Service) hold(ctx context.Context, do func(ctx context.Context) (event.Event, error)) error {
	return s.Events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		count, err := s.Store.CountSelfRegistered(ctx)
		if err == nil && count >= int64(s.Rules.MaxClients) {
			err = ErrFull
		}
		if err != nil {
			return nil, err
		}
		return do(ctx)
	})
}

// ErrFull says that as many clients have registered themselves as may.
var ErrFull = errors.New("too many clients have registered themselves")

const (
	aDay       = 24 * time.Hour
	expireMany = 100
)

// Used notes that a client got a token, at most once a day and replica. A failure is logged: the token was issued.
func (s *Service) Used(ctx context.Context, client *domain.Client) {
	now := s.Now()
	if noted, ok := s.touched.Get(client.ID); now.Before(client.LastUsedAt.Add(aDay)) || ok && now.Before(noted.Add(aDay)) {
		return
	}
	s.touched.Add(client.ID, now)
	if err := s.Store.TouchClient(ctx, client.ID, now); err != nil {
		s.touched.Remove(client.ID)
		s.Log.WarnContext(ctx, "the use of a client is not noted", "client", client.ClientID, "error", err)
	}
}

// Expire deletes clients that registered themselves and that nobody uses any more; those that have never had a token after a day. Some
// at a time: it is called again. domain.ErrClocksDiffer if this machine's clock is not to be trusted.
func (s *Service) Expire(ctx context.Context) error {
	now, err := s.Clock.DeletionTime(ctx)
	if err != nil {
		return fmt.Errorf("delete unused clients: %w", err)
	}
	used, created := now.Add(-s.Rules.UnusedTTL), now.Add(-aDay)
	names, err := s.Store.UnusedClients(ctx, used, created, expireMany)
	if err != nil {
		return fmt.Errorf("find unused clients: %w", err)
	}
	unused := func(c domain.Client) bool {
		if c.LastUsedAt.IsZero() {
			return c.CreatedAt.Before(created)
		}
		return c.LastUsedAt.Before(used)
	}
	for _, name := range names {
		client, err := s.Registry.FindClient(ctx, name)
		if err == nil {
			err = s.Registry.ExpireClient(ctx, client, unused)
		}
		if err != nil && !errors.Is(err, domain.ErrNotFound) && !errors.Is(err, domain.ErrConflict) {
			return fmt.Errorf("delete an unused client: %w", err)
		}
	}
	return nil
}
