// Package secevent tells services of revocations and changes, with Security Event Tokens (RFC 8417, CAEP).
//
// Every revocation and change records an event in its own transaction, numbered in the order of commits; internal/event writes whom it
// concerns to the outbox. A receiver is a cursor over the outbox, and its tokens are made when they are delivered. It gets events of a user
// or client that had a token or a grant for an API that the receiver serves, or that the receiver added to its stream.
package secevent

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/outbound"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/tracing"
)

const (
	syncInterval  = time.Second      // between looks at the log, if nobody wakes the service
	longPoll      = 25 * time.Second // how long a poll waits for something to tell
	maxWaiting    = 1000             // polls that wait at once
	maxWaitingOf  = 16               // of one client
	crowdedPause  = time.Second      // before a poll is answered that may not wait
	maxDeliveries = 16               // receivers that are pushed to at once
)

// Config is what a Service is made of.
type Config struct {
	Store      Store
	Outbox     Outbox
	Deliveries Deliveries
	Subjects   Subjects
	Keys       *keys.Keys
	Master     *keys.Master // seals bearer tokens
	Registry   *registry.Registry
	Directory  *directory.Directory
	Cache      *cache.Cache
	Recorder   *event.Recorder
	Clock      Clock
	Retention  time.Duration // how long an event waits for receivers to acknowledge it
	Issuer     string
	Log        *slog.Logger    // nil: none
	Tracer     *tracing.Tracer // of pushes; nil: they are not traced
	Now        func() time.Time
}

// Clock is this machine's beside the database's, by which replicas take turns.
type Clock interface {
	// DeletionTime is the time by which old things may be deleted. domain.ErrClocksDiffer.
	DeletionTime(ctx context.Context) (time.Time, error)
	// Ahead is by how much this machine's is ahead.
	Ahead(ctx context.Context) (time.Duration, error)
}

// Service keeps receivers and delivers to them.
type Service struct {
	Config
	clients     outbound.Clients
	longPoll    time.Duration
	pushTimeout time.Duration
	maxSubjects int64

	kick    chan struct{} // one that waits is enough
	pushing chan struct{} // a slot for every delivery
	started sync.WaitGroup

	mu        sync.Mutex
	news      chan struct{}  // closed when there is something new
	seen      newest         // what waiting polls know of
	waiting   int            // polls that wait
	waitingOf map[string]int // the same by client_id
	busy      map[int64]bool // receivers that this replica pushes to
	stopped   bool
}

// New makes the service.
func New(c Config) *Service {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{
		Config: c, clients: outbound.NewClients(pushTimeout), longPoll: longPoll, pushTimeout: pushTimeout, maxSubjects: maxSubjects,
		kick: make(chan struct{}, 1), pushing: make(chan struct{}, maxDeliveries),
		news: make(chan struct{}), waitingOf: map[string]int{}, busy: map[int64]bool{},
	}
}

// Wake makes Run look at the log now. It never blocks.
func (s *Service) Wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends: whenever it is woken, and once a second, so that nothing depends on being woken. In the end it
// answers the polls that wait, and waits for its deliveries.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(syncInterval)
	defer tick.Stop()
	failing := false
	for ctx.Err() == nil {
		err := s.Sync(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "security events are not delivered", "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
		case <-s.kick:
		case <-tick.C:
		}
	}
	s.mu.Lock()
	s.stopped = true
	close(s.news)
	s.mu.Unlock()
	s.started.Wait()
}

// Sync looks at the outbox once: it wakes polls if there is something new, and begins the deliveries that are due.
func (s *Service) Sync(ctx context.Context) error {
	history := s.Outbox.History() // before: what is read is of it or of a later one, which the next Sync announces
	entry, err := s.Outbox.NewestEntry(ctx)
	if err != nil {
		return err
	}
	s.announce(newest{entry, history})
	ahead, err := s.Clock.Ahead(ctx)
	if err != nil {
		return err
	}
	due, err := s.Deliveries.DueReceivers(ctx, s.Now().Add(-ahead), checkpointInterval)
	if err != nil {
		return err
	}
	for _, r := range due {
		s.start(ctx, r)
	}
	return nil
}

// newest is an entry of the outbox, in a history: after a failover another may have the number of one that was lost.
type newest struct{ entry, history int64 }

// announce wakes the polls that wait, if the newest entry of the outbox is another than they know: most events of the audit log have none.
func (s *Service) announce(now newest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now != s.seen && !s.stopped {
		s.seen = now
		close(s.news)
		s.news = make(chan struct{})
	}
}

// next is closed when there is something new.
func (s *Service) next() (news <-chan struct{}, stopped bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.news, s.stopped
}

// start begins to push to a receiver, unless that is going on or enough others are pushed to.
func (s *Service) start(ctx context.Context, r domain.Receiver) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[r.ID] || s.stopped {
		return
	}
	select {
	case s.pushing <- struct{}{}:
	default:
		return
	}
	s.busy[r.ID] = true
	s.started.Go(func() {
		ctx, end := s.Tracer.StartJob(ctx, "push security events")
		more, err := s.deliver(ctx, r.Client)
		failed := err
		if errors.Is(err, domain.ErrConsumed) { // another replica was quicker
			failed = nil
		}
		end(failed)
		if failed != nil && ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "push security events", "receiver", r.Client, "error", failed)
		}
		s.mu.Lock()
		delete(s.busy, r.ID)
		s.mu.Unlock()
		<-s.pushing
		if more && err == nil {
			s.Wake()
		}
	})
}
