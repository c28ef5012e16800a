package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

// resources are the audiences that a request names, by RFC 8707's parameter or by the older "audience".
func resources(form url.Values) []string {
	named := slices.Concat(form["resource"], fosite.GetAudiences(form))
	slices.Sort(named)
	return slices.Compact(named)
}

// target decides which API a request is for (RFC 9068 §3): the one that it names, else the only one that its scopes or the
// client's registration leave. Every scope must be one that the client may ask for there. nil: Signet itself (userinfo).
func (p *Provider) target(ctx context.Context, c *domain.Client, named []string, scopes []string) (*domain.API, error) {
	permissions := slices.DeleteFunc(slices.Clone(scopes), token.IsIdentityScope)
	if len(named) > 1 {
		return nil, errInvalidTarget.WithHint("A token is for one resource; ask for one at a time.")
	}
	if len(named) == 1 && named[0] != p.Issuer {
		api, err := p.api(ctx, c, named[0])
		if err != nil {
			return nil, err
		}
		return api, checkScopes(c, api, permissions)
	}
	if len(named) == 1 || len(permissions) == 0 && len(c.APIs) != 1 {
		if len(permissions) > 0 {
			return nil, fosite.ErrInvalidScope.WithHint("The scope belongs to another resource.")
		}
		return nil, nil
	}
	return p.infer(ctx, c, permissions)
}

// infer finds the one API of the client that knows all the permissions.
func (p *Provider) infer(ctx context.Context, c *domain.Client, permissions []string) (*domain.API, error) {
	var fits *domain.API
	for _, known := range c.APIs {
		api, err := p.api(ctx, c, known.Audience)
		if err != nil {
			return nil, err
		}
		if checkScopes(c, api, permissions) != nil {
			continue
		}
		if fits != nil {
			return nil, errInvalidTarget.WithHint("Several APIs know the scope; name one with the parameter 'resource'.")
		}
		fits = api
	}
	if fits == nil {
		return nil, fosite.ErrInvalidScope.WithHint("The client may not ask for this scope at any one API.")
	}
	return fits, nil
}

// api returns an API that the client may use; invalid_target for any other.
func (p *Provider) api(ctx context.Context, c *domain.Client, audience string) (*domain.API, error) {
	if !c.MayUse(audience) {
		return nil, errInvalidTarget
	}
	api, err := p.Registry.LookupAPI(ctx, audience)
	if errors.Is(err, domain.ErrNotFound) {
		return nil, errInvalidTarget
	} else if err != nil {
		return nil, fmt.Errorf("find the API: %w", err)
	}
	return api, nil
}

func checkScopes(c *domain.Client, api *domain.API, permissions []string) error {
	for _, name := range permissions {
		known := slices.ContainsFunc(api.Permissions, func(has domain.Permission) bool { return has.Name == name })
		if !known || !c.MayAsk(api.Audience, name) {
			return fosite.ErrInvalidScope.WithHintf("The client may not ask for the scope '%s' at this resource.", printable(name))
		}
	}
	return nil
}
