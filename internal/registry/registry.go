// Package registry keeps OAuth clients, their secrets, and the APIs they may ask for.
package registry

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/claimmap"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Config is what a Registry is made of.
type Config struct {
	APIs        APIs
	Permissions Permissions
	Clients     Clients
	Sets        ClientSets
	Secrets     Secrets
	Trusts      Trusts
	Cache       *cache.Cache
	Events      *event.Recorder
	Revoker     Revoker
	Keys        Keys
	GrantTypes  []domain.GrantType // that clients may be registered for
	SecretKey   []byte             // of the HMAC by which client secrets are stored
	Issuer      string             // which is no API's audience and no client_id
	// Ceiling is what clients that registered themselves may ask for.
	Ceiling []domain.ClientAPI
	// MetadataDocuments says that URLs are the client_ids of clients that register themselves, and nobody else's.
	MetadataDocuments bool
	Now               func() time.Time
}

// Registry is the register of clients and APIs. Every change is recorded in the audit log, in its own transaction.
type Registry struct {
	apis        APIs
	permissions Permissions
	clients     Clients
	sets        ClientSets
	secrets     Secrets
	checks      *foreignChecks
	trusts      Trusts
	cache       *cache.Cache
	events      *event.Recorder
	revoker     Revoker
	keys        Keys
	grantTypes  []domain.GrantType
	secretKey   []byte
	issuer      string
	ceiling     []domain.ClientAPI
	documents   bool
	now         func() time.Time
}

// New makes a registry.
func New(c Config) *Registry {
	return &Registry{
		apis: c.APIs, permissions: c.Permissions, clients: c.Clients, sets: c.Sets, secrets: c.Secrets, checks: newForeignChecks(), trusts: c.Trusts, cache: c.Cache, events: c.Events, revoker: c.Revoker, keys: c.Keys, grantTypes: c.GrantTypes,
		secretKey: c.SecretKey, issuer: c.Issuer, ceiling: c.Ceiling, documents: c.MetadataDocuments, now: c.Now,
	}
}

// LookupClient finds a client in the cache, a disabled one too. The client is shared: do not change it.
// ErrNotFound if there is no such client_id, which costs no more than one that is there.
func (r *Registry) LookupClient(ctx context.Context, clientID string) (*domain.Client, error) {
	if domain.CheckClientID(clientID) != nil {
		return nil, domain.ErrNotFound // no name that a client can have; not worth an entry in the cache
	}
	return lookup(ctx, r.cache, domain.ChangeClient, clientID, r.find)
}

// PeekClient returns a client if the cache holds it, at no cost to the database. The client is shared: do not change it.
func (r *Registry) PeekClient(clientID string) (*domain.Client, bool) {
	return cache.Peek[*domain.Client](r.cache, domain.ChangeClient, clientID)
}

// LookupAPI finds an API in the cache. The API is shared: do not change it. ErrNotFound if there is no such audience.
func (r *Registry) LookupAPI(ctx context.Context, audience string) (*domain.API, error) {
	return lookup(ctx, r.cache, domain.ChangeAPI, audience, func(ctx context.Context, audience string) (domain.API, error) {
		api, err := r.apis.FindAPI(ctx, audience)
		api.Claims = mapper(api.ClaimMappings)
		return api, err
	})
}

// mapper compiles mappings, once for an entry of the cache; nil if there are none.
func mapper(mappings []domain.ClaimMapping) domain.ClaimMapper {
	if len(mappings) == 0 {
		return nil
	}
	return claimmap.Compile(mappings)
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
