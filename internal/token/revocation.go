package token

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
)

const (
	stepSize     = 10_000 // rows of the index that a step of a revocation looks at: done well within the database's time
	stepPatience = 5      // tries of a step, each for all of that time: much that is marked at once keeps a database busy
)

// Revoke takes back every token of a user, client, API or key, or all, that was issued until now (and, if given, before a
// time), and, if not, the grants of a user or client, so that no refresh token makes new ones. It holds as soon as it returns;
// Finish marks the tokens. domain.ErrInvalid for a time that no calendar has.
func (t *Tokens) Revoke(ctx context.Context, r domain.Revocation) (domain.Revocation, error) {
	r.CreatedAt, r.IssuedBefore = t.now(), r.IssuedBefore.UTC()
	if year := r.IssuedBefore.Year(); year < 1 || year > 9999 { // RFC 3339 ends there
		return r, fmt.Errorf("%w time: year %d", domain.ErrInvalid, year)
	}
	stored := r
	target := string(r.Kind) + ":" + strconv.FormatInt(r.TargetID, 10)
	details := map[string]any{"revocation": string(r.Kind)}
	if !r.IssuedBefore.IsZero() {
		details["issued_before"] = r.IssuedBefore
	}
	err := t.log.Change(ctx, "token.revoke_all", target, details, func(ctx context.Context) (err error) {
		stored, err = t.store.InsertRevocation(ctx, r)
		return err
	})
	if err != nil {
		return r, fmt.Errorf("revoke the tokens of %s: %w", target, err)
	}
	return stored, nil
}

// Finish marks the tokens of a revocation step by step and returns it with their number. progress, if any, hears of every step.
// It may be interrupted and begun again, here or by any server.
func (t *Tokens) Finish(ctx context.Context, r domain.Revocation, progress func(domain.Revocation)) (domain.Revocation, error) {
	for r.DoneAt.IsZero() {
		next, err := t.step(ctx, r)
		if err != nil {
			return r, err
		}
		if r = next; progress != nil {
			progress(r)
		}
	}
	return r, nil
}

func (t *Tokens) step(ctx context.Context, r domain.Revocation) (next domain.Revocation, err error) {
	for range stepPatience {
		next, err = t.store.StepRevocation(ctx, r.ID, stepSize, t.now())
		if !errors.Is(err, domain.ErrUnavailable) || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return r, fmt.Errorf("mark the tokens of revocation %d: %w", r.ID, err)
	}
	return next, nil
}

// FinishAll marks the tokens of every revocation that is not done: a step of each in turn, so that a short one does not wait for
// a long one.
func (t *Tokens) FinishAll(ctx context.Context) error {
	failed := map[int64]error{} // by revocation; the others go on
	open, err := t.openRevocations(ctx)
	for err == nil && len(open) > 0 {
		for _, r := range open {
			if _, err := t.step(ctx, r); err != nil {
				failed[r.ID] = err
			}
		}
		open, err = t.store.OpenRevocations(ctx)
		open = slices.DeleteFunc(open, func(r domain.Revocation) bool { return failed[r.ID] != nil })
	}
	return errors.Join(append(slices.Collect(maps.Values(failed)), err)...)
}

// covered says whether one of the revocations takes a token back.
func covered(open []domain.Revocation, record domain.IssuedToken) bool {
	return slices.ContainsFunc(open, func(r domain.Revocation) bool { return r.Covers(record) })
}

func (t *Tokens) openRevocations(ctx context.Context) ([]domain.Revocation, error) {
	return cache.Get(ctx, t.cache, domain.ChangeRevocations, "", func(ctx context.Context) ([]domain.Revocation, error) {
		open, err := t.store.OpenRevocations(ctx)
		if err != nil {
			return nil, fmt.Errorf("find the revocations under way: %w", err)
		}
		return open, nil
	})
}
