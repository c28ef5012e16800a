package admin

import (
	"context"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

// StatisticSteps are the steps by which statistics can be summed.
var StatisticSteps = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour}

// maxSteps is how many steps can be asked for at once.
const maxSteps = 1500

// Statistic is how often something happened in a step of time, at all replicas.
type Statistic struct {
	At    time.Time `json:"at" doc:"The beginning of the step"`
	Kind  string    `json:"kind" doc:"issued. and a grant type; refused. and an error code; limited. and a kind of limit; introspected, revoked, signed_in, sign_in_refused, decision_allowed, decision_denied or condition_failed"`
	Count int64     `json:"count"`
}

// SumStatistics sums what happened from a time, moved back to the beginning of a step, until before another; what is zero is left out.
// A minute is in it when it has ended, and for a fortnight. domain.ErrInvalid for a step that there is not, or too many.
func (s *Service) SumStatistics(ctx context.Context, caller authn.Caller, from, to time.Time, step time.Duration) ([]Statistic, error) {
	ctx, err := s.authorize(ctx, caller, "statistics.sum")
	if err != nil {
		return nil, err
	}
	if !slices.Contains(StatisticSteps, step) {
		return nil, domain.Invalid("step", domain.RuleOneOf, "step: use %v", StatisticSteps)
	}
	from, to = from.UTC().Truncate(step), to.UTC()
	if to.Before(from) || to.Sub(from)/step > maxSteps {
		return nil, domain.Invalid("from", domain.RuleRange, "time: ask for at most %d steps, from an earlier time to a later one", maxSteps)
	}
	sums, err := s.config.Statistics.Store.SumStatistics(ctx, from, to, step)
	return list(sums, err, func(sum domain.StatisticSum) Statistic { return Statistic(sum) })
}

// Replica is a server that runs.
type Replica struct {
	ID        string    `json:"id"`
	Version   string    `json:"version"`
	StartedAt time.Time `json:"started_at"`
	SeenAt    time.Time `json:"seen_at" doc:"When it last showed itself, by its own clock: it does every five seconds"`
	Silent    bool      `json:"silent" doc:"It has not shown itself for half a minute"`
	Revision  int64     `json:"revision" doc:"Of the database, up to which it has applied changes as of when it was seen"`
	Behind    int64     `json:"behind" doc:"How many revisions there are after that by now"`
	Lag       int       `json:"lag" doc:"For how many seconds it had not asked the database for changes when it was seen"`
	Publishes bool      `json:"publishes" doc:"The key set that it publishes is the one that counts"`
	Until     time.Time `json:"publishes_older_until,omitzero" doc:"It fell silent without being stopped: if it has lost the database and still runs, it publishes an older key set until then"`
}

// Older reports whether it publishes an older key set, or may do so.
func (r Replica) Older() bool { return !r.Publishes && (!r.Silent || !r.Until.IsZero()) }

// replicasShown are the most that are listed.
const replicasShown = 200

// ListReplicas lists the servers that have shown themselves in the last hour, the youngest first.
func (s *Service) ListReplicas(ctx context.Context, caller authn.Caller) ([]Replica, error) {
	ctx, err := s.authorize(ctx, caller, "replica.list")
	if err != nil {
		return nil, err
	}
	return s.replicas(ctx, time.Hour)
}

// mayPublish is for how long after a replica was last seen it may publish a key set from memory. When it lost the database is not known:
// at the latest when it would have counted as silent.
func (s *Service) mayPublish() time.Duration { return keys.MaxStale*s.config.JWKSMaxAge + silent }

func (s *Service) replicas(ctx context.Context, seenFor time.Duration) ([]Replica, error) {
	etag, err := s.currentJWKS(ctx)
	if err != nil {
		return nil, err
	}
	now := s.config.Now()
	replicas, revision, err := s.config.Statistics.Store.ListReplicas(ctx, now.Add(-seenFor), replicasShown)
	return list(replicas, err, func(r domain.Replica) Replica {
		shown := Replica{
			ID: r.ID, Version: r.Version, StartedAt: r.StartedAt, SeenAt: r.SeenAt, Silent: now.Sub(r.SeenAt) > silent, Revision: r.Revision,
			Behind: max(0, revision-r.Revision), Lag: int(max(0, r.SeenAt.Sub(r.AsOf)).Seconds()), Publishes: r.JWKS == etag,
		}
		if until := r.SeenAt.Add(s.mayPublish()); shown.Silent && !shown.Publishes && now.Before(until) {
			shown.Until = until
		}
		return shown
	})
}

// currentJWKS is the entity tag of the key set that counts.
func (s *Service) currentJWKS(ctx context.Context) (string, error) {
	if err := s.config.Cache.Refresh(ctx); err != nil {
		return "", err
	}
	_, etag, err := s.config.Keys.JWKS(ctx)
	return etag, err
}
