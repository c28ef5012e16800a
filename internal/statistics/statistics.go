package statistics

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
)

// Store keeps statistics. Nothing of it makes a revision.
type Store interface {
	// PutStatistics writes counts of minutes; one that is there is replaced.
	PutStatistics(ctx context.Context, rows []domain.Statistic) error
	// SumStatistics sums the counts of all replicas from a time until before another, by steps that divide a day; those that are zero are left out.
	SumStatistics(ctx context.Context, from, to time.Time, step time.Duration) ([]domain.StatisticSum, error)
	// PutReplica writes what a replica has seen.
	PutReplica(ctx context.Context, r domain.Replica) error
	// DeleteReplica removes a replica; one that is not there is no error.
	DeleteReplica(ctx context.Context, id string) error
	// ListReplicas returns replicas that were seen since a time, the youngest first, and the database's revision.
	ListReplicas(ctx context.Context, since time.Time, limit int) (replicas []domain.Replica, revision int64, err error)
	// PutVerifiers writes who has fetched the key set, unless there is something newer. It keeps the 10,000 that were seen last.
	PutVerifiers(ctx context.Context, verifiers []domain.Verifier) error
	// ListVerifiers returns who was seen since a time, the last first.
	ListVerifiers(ctx context.Context, since time.Time, limit int) ([]domain.Verifier, error)
}

// KeySet is the published one.
type KeySet interface {
	// JWKS returns it and its entity tag.
	JWKS(ctx context.Context) (body []byte, etag string, err error)
}

const (
	// Pace is how often a replica shows itself.
	Pace = 5 * time.Second
	// Silent is after how long a replica that did not show itself counts as gone.
	Silent = 30 * time.Second
	// unwritten is for how long counts wait for a database that does not answer.
	unwritten = time.Hour
)

// Config is what a Service is made of.
type Config struct {
	Store    Store
	Counters *Counters
	Fetches  *Fetches
	Cache    *cache.Cache
	Keys     KeySet
	Key      []byte // hides addresses of verifiers, 32 bytes, the same at all replicas
	Now      func() time.Time
}

// Service writes what a replica has counted and seen, and reads what all have.
type Service struct {
	Config
	Version string // of the program

	id      string
	started time.Time

	mu      sync.Mutex                     // held while it writes
	counted map[string]int64               // the totals of the counters that are in minutes
	minutes map[time.Time]map[string]int64 // not all written
	noted   time.Time                      // when verifiers were last written
}

// New makes a Service.
func New(c Config) *Service {
	return &Service{
		Config: c, id: rand.Text()[:16], started: c.Now(),
		counted: map[string]int64{}, minutes: map[time.Time]map[string]int64{},
	}
}

// Beat shows that this replica is there, and writes the minutes that have ended and who fetched the key set. What cannot be written
// waits for the next time.
func (s *Service) Beat(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.Now()
	minute := now.UTC().Truncate(time.Minute)
	s.collect(minute)
	return errors.Join(s.show(ctx, now), s.write(ctx, minute), s.writeVerifiers(ctx))
}

// Stop writes all that was counted, and takes this replica from those that are there.
func (s *Service) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	minute := s.Now().UTC().Truncate(time.Minute)
	s.collect(minute)
	return errors.Join(s.write(ctx, minute.Add(time.Minute)), s.writeVerifiers(ctx), s.Store.DeleteReplica(ctx, s.id))
}

// collect adds what was counted since it was last called to a minute.
func (s *Service) collect(minute time.Time) {
	for kind, total := range s.Counters.totals {
		if total == nil {
			continue
		}
		if n := total.Load(); n > s.counted[kind] {
			if s.minutes[minute] == nil {
				s.minutes[minute] = map[string]int64{}
			}
			s.minutes[minute][kind] += n - s.counted[kind]
			s.counted[kind] = n
		}
	}
}

func (s *Service) show(ctx context.Context, now time.Time) error {
	_, etag, err := s.Keys.JWKS(ctx)
	if err != nil {
		return fmt.Errorf("find the key set: %w", err)
	}
	err = s.Store.PutReplica(ctx, domain.Replica{
		ID: s.id, Version: s.Version, StartedAt: s.started, SeenAt: now, Revision: s.Cache.Revision(), AsOf: s.Cache.AsOf(), JWKS: etag,
	})
	if err != nil {
		return fmt.Errorf("show this replica: %w", err)
	}
	return nil
}

// write writes the minutes before a time. A row says how often something happened in its minute: to write it twice changes nothing.
func (s *Service) write(ctx context.Context, before time.Time) error {
	var rows []domain.Statistic
	maps.DeleteFunc(s.minutes, func(minute time.Time, _ map[string]int64) bool { return minute.Before(before.Add(-unwritten)) })
	for minute, counts := range s.minutes {
		for kind, count := range counts {
			if minute.Before(before) {
				rows = append(rows, domain.Statistic{At: minute, Replica: s.id, Kind: kind, Count: count})
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if err := s.Store.PutStatistics(ctx, rows); err != nil {
		return fmt.Errorf("write the statistics: %w", err)
	}
	maps.DeleteFunc(s.minutes, func(minute time.Time, _ map[string]int64) bool { return minute.Before(before) })
	return nil
}

func (s *Service) writeVerifiers(ctx context.Context) error {
	seen := s.Fetches.since(s.noted, s.Key)
	if len(seen) == 0 {
		return nil
	}
	if err := s.Store.PutVerifiers(ctx, seen); err != nil {
		return fmt.Errorf("write who fetched the key set: %w", err)
	}
	s.noted = slices.MaxFunc(seen, func(a, b domain.Verifier) int { return a.SeenAt.Compare(b.SeenAt) }).SeenAt
	return nil
}
