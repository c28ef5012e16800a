package registry

import (
	"context"
	"fmt"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
)

// CreateAPI registers an API and returns it as stored. ErrInvalid if it breaks a rule, ErrExists if the audience is taken.
func (r *Registry) CreateAPI(ctx context.Context, api domain.API) (domain.API, error) {
	api.CreatedAt = r.now()
	api.UpdatedAt = api.CreatedAt
	return r.putAPI(ctx, "api.create", api, func(ctx context.Context, api domain.API) error {
		_, err := r.store.InsertAPI(ctx, api)
		return err
	})
}

// UpdateAPI sets name, algorithm, lifetime and the whole list of permissions, and returns the API as stored. Roles and
// clients lose the permissions that are not listed. ErrInvalid if it breaks a rule, ErrNotFound if there is no such audience.
func (r *Registry) UpdateAPI(ctx context.Context, api domain.API) (domain.API, error) {
	api.UpdatedAt = r.now()
	return r.putAPI(ctx, "api.update", api, r.store.UpdateAPI)
}

func (r *Registry) putAPI(
	ctx context.Context, action string, api domain.API, put func(context.Context, domain.API) error,
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
	details := map[string]any{
		"name": api.Name, "permissions": permissions, "signing_alg": api.SigningAlg, "access_token_ttl": api.AccessTokenTTL.String(),
	}
	var stored domain.API
	err := r.log.Change(ctx, action, "api:"+api.Audience, details, func(ctx context.Context) (err error) {
		if err := put(ctx, api); err != nil {
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
	err := r.log.Change(ctx, "api.delete", "api:"+audience, nil, func(ctx context.Context) error {
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
