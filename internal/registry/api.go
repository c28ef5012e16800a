package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// CreateAPI registers an API and returns it as stored. ErrInvalid if it breaks a rule, ErrExists if the audience is taken.
func (r *Registry) CreateAPI(ctx context.Context, api domain.API) (stored domain.API, err error) {
	api.CreatedAt = r.now()
	api.UpdatedAt = api.CreatedAt
	if err := errors.Join(checkAPI(&api), checkReserved("audience", api.Audience, r.issuer)); err != nil {
		return domain.API{}, err
	}
	created := event.APICreated{Audience: api.Audience, APIDetails: apiDetails(api)}
	err = r.events.Change(ctx, created, func(ctx context.Context) error {
		if err := r.checkFree(ctx, api.Audience); err != nil {
			return err
		}
		if _, err := r.apis.InsertAPI(ctx, api); err != nil {
			return err
		}
		if err := r.keys.Provide(ctx, api.SigningAlg); err != nil {
			return err
		}
		stored, err = r.apis.FindAPI(ctx, api.Audience)
		return err
	})
	if err != nil {
		return domain.API{}, fmt.Errorf("API %q: %w", api.Audience, err)
	}
	return stored, nil
}

// checkFree refuses an audience that is one already, or a client_id, but for a slash at its end: a service that does not tell tokens apart
// by their type (RFC 9068 §4) would take the ID tokens of that client for access tokens, and the client the other way.
func (r *Registry) checkFree(ctx context.Context, audience string) error {
	if _, err := r.apis.HoldAPI(ctx, slashed(audience)); err == nil {
		return domain.ErrExists
	} else if !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	for _, id := range []string{audience, slashed(audience)} {
		if _, err := r.clients.FindClient(ctx, id); err == nil {
			return domain.Invalid("audience", domain.RuleUnique, "audience: it is the client_id of a client, whose ID tokens a service could take for access tokens; choose another")
		} else if !errors.Is(err, domain.ErrNotFound) {
			return err
		}
	}
	return nil
}

// slashed is the other spelling of an audience, without the slash at its end or with one.
func slashed(audience string) string {
	if bare, ok := strings.CutSuffix(audience, "/"); ok {
		return bare
	}
	return audience + "/"
}

// UpdateAPI changes an API as edit does, and returns it as stored; the audience does not count. Roles and clients lose the
// permissions that it has no more: lost says who, and so does the event. edit gets the API as it is in the transaction of the change, and
// may run again; what it fails with ends the change. ErrInvalid if the result breaks a rule or lacks a built-in permission, ErrNotFound if
// there is no such audience.
func (r *Registry) UpdateAPI(ctx context.Context, audience string, edit func(*domain.API) error) (api domain.API, lost []domain.PermissionLoss, err error) {
	err = r.events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		current, err := r.apis.HoldAPI(ctx, audience)
		if err != nil {
			return nil, err
		}
		api = current
		api.Permissions = slices.Clone(current.Permissions)
		if err := edit(&api); err != nil {
			return nil, err
		}
		api.ID, api.Audience, api.Version, api.UpdatedAt = current.ID, audience, current.Version, r.now()
		if err := checkAPI(&api); err != nil {
			return nil, err
		}
		if err := keepsBuiltIn(current, api); err != nil {
			return nil, err
		}
		removed := api.Lacks(current)
		if lost, err = r.permissions.LosingPermissions(ctx, audience, removed); err != nil {
			return nil, err
		}
		if err := r.apis.UpdateAPI(ctx, api); err != nil {
			return nil, err
		}
		if err := r.keys.Provide(ctx, api.SigningAlg); err != nil {
			return nil, err
		}
		api, err = r.apis.FindAPI(ctx, audience)
		updated := event.APIUpdated{Audience: audience, Shrunk: len(removed) > 0, APIDetails: apiDetails(api)}
		updated.Lost, updated.LostMore = domain.FirstLosses(lost)
		return updated, err
	})
	if err != nil {
		return domain.API{}, nil, fmt.Errorf("API %q: %w", audience, err)
	}
	return api, lost, nil
}

// keepsBuiltIn refuses an edit that takes permissions from urn:signet:admin: all are built in.
func keepsBuiltIn(before, after domain.API) error {
	if before.Audience != domain.AdminAudience {
		return nil
	}
	if removed := after.Lacks(before); len(removed) > 0 {
		return domain.Invalid("permissions", domain.RuleBuiltIn, "change: the permission %q is built in and cannot be removed", removed[0])
	}
	return nil
}

func apiDetails(api domain.API) event.APIDetails {
	permissions := make([]string, 0, len(api.Permissions))
	for _, p := range api.Permissions {
		permissions = append(permissions, p.Name)
	}
	return event.APIDetails{
		Name: api.Name, NoUserinfo: api.NoUserinfo, ClaimMappings: api.ClaimMappings,
		EncryptedClaims: api.Encryption.Claims, EncryptionJWKS: api.Encryption.JWKS, EncryptionJWKSURI: api.Encryption.JWKSURI,
		EncryptionJWKSURIPrivate: api.Encryption.JWKSURIPrivate,
		Memberships:              api.Memberships, GroupNames: api.GroupNames, Permissions: permissions, SigningAlg: api.SigningAlg, AccessTokenTTL: api.AccessTokenTTL.String(),
	}
}

// DeleteAPI removes an API and revokes its tokens. ErrInvalid for the one that is built in, ErrNotFound if there is no such audience.
func (r *Registry) DeleteAPI(ctx context.Context, audience string) error {
	if audience == domain.AdminAudience {
		return domain.Invalid("", domain.RuleBuiltIn, "API %q: it is built in and cannot be deleted", audience)
	}
	err := r.events.Change(ctx, event.APIDeleted{Audience: audience}, func(ctx context.Context) error {
		api, err := r.apis.FindAPI(ctx, audience)
		if err != nil {
			return err
		}
		if _, err := r.revoker.Begin(ctx, domain.Revocation{Kind: domain.RevokeOfAPI, TargetID: api.ID}); err != nil {
			return err
		}
		return r.apis.DeleteAPI(ctx, audience)
	})
	if err != nil {
		return fmt.Errorf("API %q: %w", audience, err)
	}
	return nil
}

// FindAPI reads an API from the database. ErrNotFound if there is no such audience.
func (r *Registry) FindAPI(ctx context.Context, audience string) (domain.API, error) {
	api, err := r.apis.FindAPI(ctx, audience)
	if err != nil {
		return domain.API{}, fmt.Errorf("API %q: %w", audience, err)
	}
	return api, nil
}

// ListAPIs returns APIs by audience; a page of them.
func (r *Registry) ListAPIs(ctx context.Context, p domain.Page) ([]domain.API, error) {
	return r.apis.ListAPIs(ctx, p)
}
