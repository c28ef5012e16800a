package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signet-auth/signet/internal/domain"
)

// revokeOneByOne revokes tokens at one replica and introspects them at another, under load.
func (s *scale) revokeOneByOne(ctx context.Context) error {
	other, err := s.large.replica(ctx)
	if err != nil {
		return err
	}
	defer other.stop()
	loaded, unload := context.WithCancel(ctx)
	defer unload()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		for loaded.Err() == nil {
			if _, err := s.runClean(loaded, s.large.tokenLoad(), s.connections[0], s.measure); err != nil && loaded.Err() == nil {
				return err
			}
		}
		return nil
	})
	group.Go(func() error {
		defer unload()
		if err := s.countStale(ctx, other); err != nil {
			return err
		}
		return s.awaitListed(ctx, other)
	})
	return group.Wait()
}

// countStale counts how often the other replica still reports a token active whose revocation was acknowledged. It tries no longer
// than for a while.
func (s *scale) countStale(ctx context.Context, other *target) error {
	const longest = 12 * time.Minute
	var stale, refused atomic.Int64
	var tries int
	began := time.Now()
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(clients)
	for ; tries < s.tries && time.Since(began) < longest && together.Err() == nil; tries++ {
		group.Go(func() error {
			active, err := s.revokeAndAsk(together, other)
			switch {
			case errors.Is(err, errUnavailable):
				refused.Add(1)
				return nil
			case active:
				stale.Add(1)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	s.note(float64(tries)/time.Since(began).Seconds(), "/s", "tokens issued, introspected, revoked and introspected again, under load")
	s.atMost(0, float64(stale.Load()), "stale", fmt.Sprintf("answers of another replica after the acknowledged revocation, in %d tries under load", int64(tries)-refused.Load()))
	s.note(float64(refused.Load()), "refused", "tries, where some answer was 503")
	return nil
}

// revokeAndAsk says whether the other replica reports a token active after it was revoked here. Before, it must.
func (s *scale) revokeAndAsk(ctx context.Context, other *target) (active bool, err error) {
	token, err := s.large.issue(ctx, s.large.client)
	if err != nil {
		return false, err
	}
	if active, err = other.isActive(ctx, token); err != nil {
		return false, err
	}
	if !active {
		return false, errors.New("a token that was just issued is not active")
	}
	if err := s.large.revoke(ctx, token); err != nil {
		return false, err
	}
	return other.isActive(ctx, token)
}

// awaitListed finds how long it takes at most until the other replica's status list shows a revocation.
func (s *scale) awaitListed(ctx context.Context, other *target) error {
	const tries, pause = 20, 10 * time.Millisecond
	var slowest time.Duration
	for range tries {
		token, err := s.large.issue(ctx, s.large.client)
		if err != nil {
			return err
		}
		claims, err := parseClaims(token)
		if err != nil {
			return err
		}
		place := claims.Status.List
		address := strings.Replace(other.tokenURL, "/oauth2/token", strings.TrimPrefix(place.URI, s.large.issuer), 1)
		if err := s.large.revoke(ctx, token); err != nil {
			return err
		}
		for began := time.Now(); ; time.Sleep(pause) {
			_, body, err := get(ctx, address)
			if err != nil {
				return err
			}
			list, err := parseList(body)
			if err != nil {
				return err
			}
			if status, err := list.Get(place.Index); err != nil {
				return err
			} else if status == domain.StatusInvalid {
				slowest = max(slowest, time.Since(began))
				break
			}
		}
	}
	s.atMost(1, slowest.Seconds(), "s", fmt.Sprintf("until the status list of another replica shows a revocation, the slowest of %d, under load", tries))
	return nil
}

// revokeClient revokes every tenth at once, by their client.
func (s *scale) revokeClient(ctx context.Context) error {
	other, err := s.large.replica(ctx)
	if err != nil {
		return err
	}
	defer other.stop()
	tokens, err := s.large.issueMany(ctx, s.large.batch, 10*clients)
	if err != nil {
		return err
	}
	var answer struct {
		Tokens int64 `json:"revoked_tokens"`
	}
	var took time.Duration
	var stale, marked int64
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		began := time.Now()
		err := s.large.run(ctx, &answer, "token", "revoke", "--client", batchClient)
		took = time.Since(began)
		return err
	})
	group.Go(func() (err error) {
		if marked, err = s.large.awaitRevocation(ctx); err != nil {
			return err
		}
		for _, token := range tokens {
			active, err := other.isActive(ctx, token)
			if err != nil {
				return err
			}
			if active {
				stale++
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return err
	}
	s.atMost(0, float64(stale), "stale", fmt.Sprintf("of %d answers of another replica, from when the revocation of %d tokens was stored and %d rows were marked", len(tokens), answer.Tokens, marked))
	s.atMost(10, took.Seconds(), "s", fmt.Sprintf("signet token revoke --client, for %d tokens", answer.Tokens))
	return nil
}
