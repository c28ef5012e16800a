package registry

import (
	"context"
	"fmt"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// CreateAPI registers an API and returns it as stored. ErrInvalid if it breaks a rule, ErrExists if the audience is taken.
func (r *Registry) CreateAPI(ctx context.Context, api domain.API) (domain.API, error) {
	api.CreatedAt = r.now()
	api.UpdatedAt = api.CreatedAt
	created := func(d event.APIDetails) event.Event { return event.APICreated{Audience: api.Audience, APIDetails: d} }
	return r.putAPI(ctx, api, created, func(ctx context.Context, api domain.API) error {
		_, err := r.store.InsertAPI(ctx, api)
		return err
	})
}

// UpdateAPI sets name, algorithm, lifetime and the whole list of permissions, and returns the API as stored. Roles and
// clients lose the permissions that are not listed. ErrInvalid if it breaks a rule, ErrNotFound if there is no such audience.
func (r *Registry) UpdateAPI(ctx context.Context, api domain.API) (domain.API, error) {
	api.UpdatedAt = r.now()
	updated := func(d event.APIDetails) event.Event { return event.APIUpdated{Audience: api.Audience, APIDetails: d} }
	return r.putAPI(ctx, api, updated, r.store.UpdateAPI)
}

func (r *Registry) putAPI(
	ctx context.Context, api domain.API, put func(event.APIDetails) event.Event, store func(context.Context, domain.API) error,
) (domain.API, error) {
	if err := checkAPI(&api); err != nil {
		return domain.API{}, err
	}
	permissions := make([]string, 0, len(api.Permissions))
	for _, p := range api.Permissions {
		permissions = append(permissions, p.Name)
	}
	for _, needed := range domain.AdminPermissions {
		if api.Audience == domain.AdminAudience && !slices.Contains(permissions, needed) {
			return domain.API{}, fmt.Errorf("%w API %q: its permission %q is built in and cannot be removed", domain.ErrInvalid, api.Audience, needed)
		}
	}
	details := event.APIDetails{
		Name: api.Name, Permissions: permissions, SigningAlg: api.SigningAlg, AccessTokenTTL: api.AccessTokenTTL.String(),
	}
	var stored domain.API
	err := r.events.Change(ctx, put(details), func(ctx context.Context) (err error) {
		if err := store(ctx, api); err != nil {
			return err
		}
		stored, err = r.store.FindAPI(ctx, api.Audience)
		return err
	})
	if err != nil {
		return domain.API{}, fmt.Errorf("API %q: %w", api.Audience, err)
	}
	return stored, nil
}

// DeleteAPI removes an API and revokes its tokens. ErrInvalid for the one that is built in, ErrNotFound if there is no such audience.
func (r *Registry) DeleteAPI(ctx context.Context, audience string) error {
	if audience == domain.AdminAudience {
		return fmt.Errorf("%w API %q: it is built in and cannot be deleted", domain.ErrInvalid, audience)
	}
	err := r.events.Change(ctx, event.APIDeleted{Audience: audience}, func(ctx context.Context) error {
		api, err := r.store.FindAPI(ctx, audience)
		if err != nil {
			return err
		}
		if _, err := r.revoker.Begin(ctx, domain.Revocation{Kind: domain.RevokeOfAPI, TargetID: api.ID}); err != nil {
			return err
		}
		return r.store.DeleteAPI(ctx, audience)
	})
	if err != nil {
		return fmt.Errorf("API %q: %w", audience, err)
	}
	return nil
}

// FindAPI reads an API from the database. ErrNotFound if there is no such audience.
func (r *Registry) FindAPI(ctx context.Context, audience string) (domain.API, error) {
	api, err := r.store.FindAPI(ctx, audience)
	if err != nil {
		return domain.API{}, fmt.Errorf("API %q: %w", audience, err)
	}
	return api, nil
}

// ListAPIs returns APIs by audience, those after the given one, at most limit.
func (r *Registry) ListAPIs(ctx context.Context, after string, limit int) ([]domain.API, error) {
	return r.store.ListAPIs(ctx, after, limit)
}
