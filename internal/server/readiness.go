package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/signet-auth/signet/internal/batch"
	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/readiness"
	"github.com/signet-auth/signet/internal/store"
)

const (
	// leastSpace is less than what SQLite's log of changes may take until it is written to the database.
	leastSpace = 4 << 20 // bytes
	// stalledAfter is after how many database timeouts without progress a queue counts as stalled.
	stalledAfter = 4
)

// readiness makes the checks of what requests need. Errors that may be shown are readiness.Reason.
func (s *Services) readiness(cfg config.Config, log *slog.Logger) *readiness.Checks {
	checks := readiness.New(cfg.DatabaseTimeout+200*time.Millisecond, log)
	checks.Add("database", s.checkDatabase)
	checks.Add("index", func(context.Context) error { return s.checkQueues(stalledAfter * cfg.DatabaseTimeout) })
	checks.Add("keys", s.checkKeys)
	checks.Add("clock", s.checkClock)
	if _, onSQLite := cfg.Database.SQLite(); onSQLite {
		checks.Add("disk", func(context.Context) error { return s.checkDisk() })
	}
	return checks
}

// checkDatabase checks that the database answers and takes changes: by its own state, and by what writes failed with.
func (s *Services) checkDatabase(ctx context.Context) error {
	err := s.DB.Ping(ctx)
	switch {
	case errors.Is(err, domain.ErrReadOnly):
		return readiness.Reason("the database is read-only")
	case errors.Is(err, store.ErrReplaced):
		return readiness.Reason(store.ErrReplaced.Error())
	case errors.Is(err, domain.ErrRestored):
		return readiness.Reason("the database was restored from a backup: run signet restore --accept")
	case errors.Is(err, store.ErrOutlived):
		return readiness.Reason("the database was restored from a backup while this server ran: start it again")
	case err != nil:
		return shown("the database does not answer", err)
	}
	if fault := s.DB.Fault(); fault != "" {
		return readiness.Reason("the database stores nothing: " + string(fault))
	}
	return nil
}

// checkQueues checks that the queues progress by which tokens are recorded, found and revoked.
func (s *Services) checkQueues(limit time.Duration) error {
	s.Index.Probe()
	writes, reads := s.Index.Queues()
	revocations := s.Revocation.Queue()
	if revocations.Waiting == 0 && revocations.Running == 0 {
		revocations.Failing = 0 // unknown without new requests
	}
	for _, queue := range []struct {
		of    string
		state batch.State
	}{{"recorded", writes}, {"found", reads}, {"revoked", revocations}} {
		if stalled := max(queue.state.Running, queue.state.Failing); stalled > limit {
			return readiness.Reason(fmt.Sprintf("no token could be %s for %v", queue.of, stalled.Round(time.Second)))
		}
	}
	return nil
}

// checkKeys looks for a key that signs.
func (s *Services) checkKeys(ctx context.Context) error {
	switch signs, err := s.Keys.Signs(ctx, domain.SigningAlgs[0]); {
	case domain.IsTemporary(err): // the check of the database says so
		return shown("the keys cannot be read", err)
	case err != nil:
		return shown("the keys cannot be opened", err)
	case !signs:
		return readiness.Reason("there is no key that signs")
	}
	return nil
}

func (s *Services) checkClock(ctx context.Context) error {
	_, err := s.Clock.DeletionTime(ctx)
	switch {
	case errors.Is(err, domain.ErrClocksDiffer):
		return readiness.Reason(err.Error())
	case err != nil:
		return shown("the database's clock cannot be read", err)
	}
	return nil
}

func (s *Services) checkDisk() error {
	free, known, err := s.DB.Space()
	switch {
	case err != nil:
		return shown("the database's disk does not answer", err)
	case known && free < leastSpace:
		return readiness.Reason(fmt.Sprintf("less than %d MiB are left on the database's disk", leastSpace>>20))
	}
	return nil
}

// shown is a Reason, with an error that is logged with it and not shown.
func shown(reason readiness.Reason, err error) error { return fmt.Errorf("%w: %w", reason, err) }
