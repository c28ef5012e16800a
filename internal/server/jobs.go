package server

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/audit"
	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/statistics"
	"github.com/signet-auth/signet/internal/status"
	"github.com/signet-auth/signet/internal/store"
)

// repeatedAfter is how often a job that keeps failing logs a different error: errors of networks differ each time.
const repeatedAfter = time.Minute

// job is a task that every replica runs periodically; all of them are safe to run on several replicas at once.
type job struct {
	name  string
	every time.Duration
	do    func(context.Context) error
	early chan struct{} // runs the job early when something has changed; nil: only periodically
}

func (s *Services) jobs(cfg config.Config, log *slog.Logger) []job {
	early := func() chan struct{} { return make(chan struct{}, 1) }
	return []job{
		// Requests refresh the cache themselves. Without the database the JWKS is answered from it: then it is a second old at most.
		{"refresh the cache", time.Second, s.Cache.Refresh, early()},
		{"recognize a restored database", time.Second, func(ctx context.Context) error { return s.DB.Recognize(ctx, s.now()) }, nil},
		{"run backfills", time.Minute, s.DB.RunBackfills, nil},
		{"synchronize the status lists", status.Pace, s.Statuses.Sync, early()},
		{"tell clients of ended sessions", time.Second, s.Logouts.Deliver, nil},
		{"finish revocations", time.Second, s.Revocation.FinishAll, nil},
		{"show this replica and write the statistics", statistics.Pace, s.Statistics.Beat, nil},
		{"find out which of the database's servers takes writes", 2 * time.Second, s.DB.CompareServers, nil},
		{"compare the clocks", 20 * time.Second, func(ctx context.Context) error { return s.compareClocks(ctx, log) }, nil},
		{"maintain the keys", time.Minute, func(ctx context.Context) error {
			return s.Keys.Maintain(ctx, cfg.Keys.RotateEvery, cfg.Keys.JWKSMaxAge)
		}, nil},
		{"maintain the audit log", time.Hour, func(ctx context.Context) error { return s.maintainAudit(ctx, cfg, log) }, nil},
		{"record expired assignments", 5 * time.Second, s.Directory.RecordExpired, nil},
		{"end expired sessions", 5 * time.Second, s.Sessions.EndExpired, nil},
		{"delete unused clients", 10 * time.Minute, s.Registrations.Expire, nil},
		{"watch the ids", time.Hour, func(ctx context.Context) error { return s.watchIDs(ctx, log) }, nil},
		{"purge security events", 5 * time.Minute, s.Events.Purge, nil},
		{"purge what expired", 5 * time.Minute, func(ctx context.Context) error { _, err := s.Index.Purge(ctx); return err }, nil},
	}
}

// stopStatistics writes what is counted of the last minute. A database that does not answer loses it.
func (s *Services) stopStatistics(ctx context.Context, log *slog.Logger) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := s.Statistics.Stop(bounded); err != nil {
		log.WarnContext(ctx, "the statistics of the last minute are lost", "error", err)
	}
}

// compareClocks logs, at each run, that this machine's clock and the database's differ.
func (s *Services) compareClocks(ctx context.Context, log *slog.Logger) error {
	ahead, err := s.Clock.Ahead(ctx)
	if err == nil && ahead.Abs() > clock.Tolerance {
		log.ErrorContext(ctx, "this machine's clock and the database's differ: set them; past five minutes the server is not ready and deletes nothing",
			"ahead", ahead.Round(time.Second))
	}
	return err
}

// maintainAudit also logs each checkpoint: who can write to the database cannot change the server's log.
func (s *Services) maintainAudit(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	made, err := s.Audit.Maintain(ctx, cfg.Audit.Retention)
	switch {
	case errors.Is(err, domain.ErrNotFound): // nothing has happened yet
		return nil
	case err == nil:
		log.InfoContext(ctx, "audit log checkpoint", "checkpoint", audit.FormatCheckpoint(made))
	}
	return err
}

// watchIDs logs an error long before the ids of a table run out.
func (s *Services) watchIDs(ctx context.Context, log *slog.Logger) error {
	scarce, err := s.DB.ScarceIDs(ctx)
	for _, table := range slices.Sorted(maps.Keys(scarce)) {
		log.ErrorContext(ctx, "ids are running out: ask for a version of signet that has wider ones", "table", table,
			"largest", scarce[table], "ceiling", store.MaxID)
	}
	return err
}

// wake runs the job soon, if it is one that runs early.
func (j job) wake() {
	select {
	case j.early <- struct{}{}:
	default: // not such a job, or already due
	}
}

// run runs the job now and then periodically until ctx ends, with jitter so that replicas spread their load. It logs the first of
// consecutive failures, later ones that have another error, but not more often than once in repeatedAfter, and the recovery.
func (j job) run(ctx context.Context, log *slog.Logger) {
	failure, loggedAt := "", time.Time{}
	for {
		err := j.do(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && failure != "":
			log.InfoContext(ctx, "job works again", "job", j.name)
			failure = ""
		case err != nil && (failure == "" || err.Error() != failure && time.Since(loggedAt) >= repeatedAfter):
			log.ErrorContext(ctx, "job failed", "job", j.name, "error", err)
			failure, loggedAt = err.Error(), time.Now()
		}
		select {
		case <-ctx.Done():
			return
		case <-j.early:
		case <-time.After(j.every - j.every/10 + rand.N(j.every/5)):
		}
	}
}
