package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/secrethash"
)

// How many hashes of other systems are checked at the same time, each of which may take a second of a core and 256 MiB, and how many
// wait for it.
const (
	checkedAtOnce = 1
	maxChecking   = 64
	maxCheckingOf = 4 // of one client: whoever guesses at one keeps out no other
	maxCheckWait  = 20 * time.Second
)

// foreignChecks are those under way, and those that wait for them.
type foreignChecks struct {
	slots chan struct{}      // holds one for each under way
	same  singleflight.Group // those of the same secret

	mu  sync.Mutex
	sum int
	of  map[string]int // by client
}

func newForeignChecks() *foreignChecks {
	return &foreignChecks{slots: make(chan struct{}, checkedAtOnce), of: map[string]int{}}
}

// join counts one of a client, unless there are too many.
func (c *foreignChecks) join(clientID string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sum >= maxChecking || c.of[clientID] >= maxCheckingOf {
		return false
	}
	c.sum++
	c.of[clientID]++
	return true
}

func (c *foreignChecks) leave(clientID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sum--
	if c.of[clientID]--; c.of[clientID] == 0 {
		delete(c.of, clientID)
	}
}

// checkForeign compares a secret with the hashes from other systems that a client has, and replaces the one that it matches.
func (r *Registry) checkForeign(ctx context.Context, client *domain.Client, secret string) (bool, error) {
	now := r.now()
	for _, s := range client.Secrets {
		if strings.HasPrefix(s.Hash, hashPrefix) || expired(s, now) {
			continue
		}
		foreign, err := secrethash.Parse(s.Hash)
		if err != nil {
			return false, fmt.Errorf("secret %d of client %q: %w", s.ID, client.ClientID, err)
		}
		match, err := r.checks.match(ctx, client.ClientID, s.Hash, foreign, secret)
		if err != nil {
			return false, fmt.Errorf("check a secret: %w", err)
		}
		if !match {
			continue
		}
		rehashed := event.SecretRehashed{ClientID: client.ClientID, ID: s.ID}
		err = r.events.Change(event.WithActor(ctx, event.System), rehashed, func(ctx context.Context) error {
			return r.secrets.ReplaceClientSecret(ctx, client.ClientID, s.ID, s.Hash, r.hashSecret(secret))
		})
		if errors.Is(err, domain.ErrConflict) { // another request was first, or the secret is gone: the next look at the client tells
			err = nil
		}
		return err == nil, err
	}
	return false, nil
}

// match checks a hash of another system when others are done, once for requests with the same secret: it goes on when the one ends that came
// first. ErrBusy if too many wait, it waits for too long, or ctx ends.
func (c *foreignChecks) match(ctx context.Context, clientID, hash string, foreign secrethash.Hash, secret string) (bool, error) {
	checked := c.same.DoChan(clientID+" "+hash+" "+secret, func() (any, error) {
		if !c.join(clientID) {
			return false, domain.ErrBusy
		}
		defer c.leave(clientID)
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-time.After(maxCheckWait):
			return false, domain.ErrBusy
		}
		return foreign.Matches(secret), nil
	})
	select {
	case result := <-checked:
		return result.Val.(bool), result.Err
	case <-ctx.Done():
		return false, domain.ErrBusy
	}
}
