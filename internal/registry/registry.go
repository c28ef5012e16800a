// Package registry keeps OAuth clients, their secrets, and the APIs they may ask for.
package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Registry is the register of clients and APIs. Every change is recorded in the audit log, in its own transaction.
type Registry struct {
	store      Store
	cache      *cache.Cache
	events     *event.Recorder
	revoker    Revoker
	grantTypes []domain.GrantType
	secretKey  []byte
	issuer     string
	now        func() time.Time
}

// New makes a registry. Clients may be registered for the given grant types. The secret key is that of the HMAC by which client
// secrets are stored. No API may have the issuer as its audience.
func New(
	store Store, cache *cache.Cache, events *event.Recorder, revoker Revoker, grantTypes []domain.GrantType, secretKey []byte,
	issuer string, now func() time.Time,
) *Registry {
	return &Registry{
		store: store, cache: cache, events: events, revoker: revoker, grantTypes: grantTypes, secretKey: secretKey, issuer: issuer, now: now,
	}
}

// LookupClient finds a client in the cache, a disabled one too. The client is shared: do not change it.
// ErrNotFound if there is no such client_id, which costs no more than one that is there.
func (r *Registry) LookupClient(ctx context.Context, clientID string) (*domain.Client, error) {
	if domain.CheckClientID(clientID) != nil {
		return nil, domain.ErrNotFound // no name that a client can have; not worth an entry in the cache
	}
	return lookup(ctx, r.cache, domain.ChangeClient, clientID, r.store.FindClient)
}

// LookupAPI finds an API in the cache. The API is shared: do not change it. ErrNotFound if there is no such audience.
func (r *Registry) LookupAPI(ctx context.Context, audience string) (*domain.API, error) {
	return lookup(ctx, r.cache, domain.ChangeAPI, audience, r.store.FindAPI)
}

func lookup[T any](
	ctx context.Context, c *cache.Cache, kind domain.ChangeKind, key string, find func(context.Context, string) (T, error),
) (*T, error) {
	found, err := cache.Get(ctx, c, kind, key, func(ctx context.Context) (*T, error) {
		object, err := find(ctx, key)
		if err != nil {
			return nil, err
		}
		return &object, nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up %s %q: %w", kind, key, err)
	}
	return found, nil
}
