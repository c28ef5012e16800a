// Package revocation revokes tokens: a single one, those of a grant, user, client, API or key, or all.
//
// A revocation of many is effective as soon as it is stored. It is pending until the status of each of its tokens is set, step by step.
package revocation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/batch"
	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/token"
)

const (
	stepSize     = 10_000 // rows of the index that a step of a revocation looks at: done well within the database's time
	stepAttempts = 5      // of a step, each for all of that time: many statuses set at once keep a database busy
)

// Service revokes and suspends tokens.
type Service struct {
	store    Store
	statuses Statuses
	grants   Grants
	losses   Losses
	index    *index.Index
	cache    *cache.Cache
	events   *event.Recorder
	now      func() time.Time
	single   *batch.Batcher[singleRevocation, struct{}]
}

// Config is what a Service is made of.
type Config struct {
	Store    Store
	Statuses Statuses
	Grants   Grants
	Losses   Losses
	Index    *index.Index
	Cache    *cache.Cache
	Events   *event.Recorder
	Now      func() time.Time
}

// New makes a Service; its grouped writes end with ctx.
func New(ctx context.Context, c Config) *Service {
	s := &Service{
		store: c.Store, statuses: c.Statuses, grants: c.Grants, losses: c.Losses, index: c.Index, cache: c.Cache, events: c.Events, now: c.Now,
	}
	s.single = batch.New(ctx, "revoke", 1, s.revokeBatch) // two batches would only wait for each other's lock
	return s
}

// Queue is the state of the queue by which tokens are revoked one by one.
func (s *Service) Queue() batch.State { return s.single.State() }

// Begin stores a revocation in the transaction that ctx carries, as part of a change that is recorded there: a client is disabled,
// a key revoked. It holds once that is committed.
func (s *Service) Begin(ctx context.Context, r domain.Revocation) (domain.Revocation, error) {
	r.CreatedAt = s.now()
	stored, err := s.store.InsertRevocation(ctx, r)
	if err != nil {
		return r, fmt.Errorf("begin a revocation: %w", err)
	}
	return stored, nil
}

// Find returns a revocation, for a day after it is done. domain.ErrNotFound if there is none.
func (s *Service) Find(ctx context.Context, id int64) (domain.Revocation, error) {
	r, err := s.store.FindRevocation(ctx, id)
	if err != nil {
		return r, fmt.Errorf("revocation %d: %w", id, err)
	}
	return r, nil
}

// List returns the revocations that a filter chooses, the newest first; a page of them.
func (s *Service) List(ctx context.Context, f domain.RevocationFilter, p domain.Page) ([]domain.Revocation, error) {
	return s.store.ListRevocations(ctx, f, p)
}

// Finish sets the status of a revocation's tokens step by step and returns it with their number. progress, if any, is called after
// every step. It may be interrupted and begun again, here or by any server.
func (s *Service) Finish(ctx context.Context, r domain.Revocation, progress func(domain.Revocation)) (domain.Revocation, error) {
	for r.DoneAt.IsZero() {
		next, err := s.step(ctx, r)
		if err != nil {
			return r, err
		}
		if r = next; progress != nil {
			progress(r)
		}
	}
	return r, nil
}

func (s *Service) step(ctx context.Context, r domain.Revocation) (next domain.Revocation, err error) {
	for range stepAttempts {
		next, err = s.store.StepRevocation(ctx, r.ID, stepSize, s.now())
		if !errors.Is(err, domain.ErrUnavailable) || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return r, fmt.Errorf("set the statuses of revocation %d: %w", r.ID, err)
	}
	return next, nil
}

// FinishAll finishes every pending revocation: a step of each in turn, so that a short one does not wait for a long one.
func (s *Service) FinishAll(ctx context.Context) error {
	failed := map[int64]error{} // by revocation; the others go on
	pending, err := s.Pending(ctx)
	for err == nil && len(pending) > 0 {
		for _, r := range pending {
			if _, err := s.step(ctx, r); err != nil {
				failed[r.ID] = err
			}
		}
		pending, err = s.store.OpenRevocations(ctx)
		pending = slices.DeleteFunc(pending, func(r domain.Revocation) bool { return failed[r.ID] != nil })
	}
	return errors.Join(append(slices.Collect(maps.Values(failed)), err)...)
}

// Pending are revocations that are not done: their tokens are revoked, whatever their rows in the index say.
type Pending []domain.Revocation

// Cover reports whether a pending revocation revokes an access token with these claims.
func (p Pending) Cover(issued domain.IssuedToken, claims token.Claims) bool {
	return slices.ContainsFunc(p, func(r domain.Revocation) bool {
		return r.CoversClaims(issued, claims.Entitlements, claims.Roles, claims.Groups)
	})
}

// Pending returns the pending revocations as of the cache's revision. Read them before the index: a revocation that is done by then
// has set the status of each of its tokens, and any later one moves the revision.
func (s *Service) Pending(ctx context.Context) (Pending, error) {
	return cache.Get(ctx, s.cache, domain.ChangeRevocations, "", func(ctx context.Context) (Pending, error) {
		pending, err := s.store.OpenRevocations(ctx)
		if err != nil {
			return nil, fmt.Errorf("find the pending revocations: %w", err)
		}
		return pending, nil
	})
}
