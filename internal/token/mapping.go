package token

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"

	"github.com/signet-auth/signet/internal/domain"
)

// MapClaims evaluates the claim mappings of a client or an API for a user, nil for a client that acts for itself, whose roles are then
// given. A claim whose expression fails is left out; failures say why.
func (m *Minter) MapClaims(
	ctx context.Context, mapper domain.ClaimMapper, client *domain.Client, user *domain.User, roles []string,
) (claims map[string]any, failures []domain.ClaimFailure, err error) {
	sources := domain.ClaimSources{User: user, Client: client, Roles: roles}
	useGroups, useRoles := mapper.Uses()
	if user != nil && useGroups {
		if sources.Groups, err = m.directory.UserGroupNames(ctx, user.ID); err != nil {
			return nil, nil, fmt.Errorf("map claims: %w", err)
		}
	}
	if user != nil && useRoles {
		if sources.Roles, err = m.directory.UserRoleNames(ctx, user.ID); err != nil {
			return nil, nil, fmt.Errorf("map claims: %w", err)
		}
	}
	claims, failures = mapper.Map(sources)
	return claims, failures, nil
}

// WithMapped marshals as the JSON object of own with the mapped members added. Names must differ from those of own.
func WithMapped(own any, mapped map[string]any) any {
	if len(mapped) == 0 {
		return own // encoding/json checks what a Marshaler returns a second time
	}
	return withMapped{own, mapped}
}

type withMapped struct {
	own    any
	mapped map[string]any
}

// MarshalJSON implements json.Marshaler.
func (c withMapped) MarshalJSON() ([]byte, error) {
	own, err := json.Marshal(c.own)
	if err != nil {
		return nil, err
	}
	mapped, err := json.Marshal(c.mapped)
	if err != nil {
		return nil, err
	}
	own[len(own)-1] = ','
	return append(own, mapped[1:]...), nil
}

// StillMapped are the claims of an access token for an API that the API's mappings would give it now, too. Others are of the past, as
// roles and groups are that the subject does not have any more.
func (m *Minter) StillMapped(
	ctx context.Context, token string, api *domain.API, client *domain.Client, user *domain.User, roles []string,
) (map[string]any, error) {
	if api.Claims == nil {
		return nil, nil
	}
	says, ok := payload(token)
	if !ok {
		return nil, nil
	}
	still, _, err := m.MapClaims(ctx, api.Claims, client, user, roles)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(still, func(claim string, value any) bool { return !reflect.DeepEqual(value, says[claim]) })
	return still, nil
}
