package server

import (
	"context"
	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/status"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"
)

// job is something that every replica does now and then; each is safe to do on several at once.
type job struct {
	name  string
	every time.Duration
	do    func(context.Context) error
	news  chan struct{} // done early when something has changed; nil: only in its time
}

func (s *Services) jobs(cfg config.Config) []job {
	news := func() chan struct{} { return make(chan struct{}, 1) }
	return []job{
		// Requests notice changes on their own. This is for what asks no database: the JWKS.
		{"refresh the snapshot", time.Second, s.Cache.Refresh, news()},
		{"synchronize the status lists", status.Pace, s.Statuses.Sync, news()},
		{"finish revocations", time.Second, s.Revocation.FinishAll, nil},
		{"maintain the keys", time.Minute, func(ctx context.Context) error { return s.Keys.Maintain(ctx, cfg.Keys.RotateEvery) }, nil},
		{"purge what expired", 5 * time.Minute, func(ctx context.Context) error { _, err := s.Index.Purge(ctx); return err }, nil},
	}
}

// wake has the job done soon, if it cares for news.
func (j job) wake() {
	select {
	case j.news <- struct{}{}:
	default: // none, or it will be done anyway
	}
}

// run does the job now, and again and again until ctx ends, a little unevenly so that replicas do not keep step. It logs a
// failure once, and its end.
func (j job) run(ctx context.Context, log *slog.Logger) {
	failing := false
	for {
		err := j.do(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			log.ErrorContext(ctx, "job failed", "job", j.name, "error", err)
		case err == nil && failing:
			log.InfoContext(ctx, "job works again", "job", j.name)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-j.news:
		case <-time.After(j.every - j.every/10 + rand.N(j.every/5)):
		}
	}
}

// healthz says that the process serves.
func healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Write([]byte("ok\n")) //nolint:errcheck // the caller is gone
}

// readyz says whether the database answers, so that a proxy sends requests elsewhere if not.
func (s *Services) readyz(w http.ResponseWriter, r *http.Request) {
	if err := s.DB.Ping(r.Context()); err != nil {
		http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
		return
	}
	healthz(w, r)
}
