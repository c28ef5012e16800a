package token

import (
	"context"
	"encoding/json"
	"fmt"

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

// mappedClaims are claims with those that mappings add, none of which has a name of Claims.
type mappedClaims struct {
	Claims
	mapped map[string]any
}

// MarshalJSON implements json.Marshaler.
func (c mappedClaims) MarshalJSON() ([]byte, error) {
	own, err := json.Marshal(c.Claims)
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
