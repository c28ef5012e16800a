package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

// Permissions knows the permissions of all APIs.
type Permissions interface {
	// KnownPermissions returns those of the names that any API has as a permission.
	KnownPermissions(ctx context.Context, names []string) ([]string, error)
}

// target is what a request asks for: an API, and scopes there.
type target struct {
	api    *domain.API // nil: Signet itself (userinfo)
	scopes []string    // that the client may ask for there, each once
}

// asked are targets as a grant keeps them.
func (p *Provider) asked(targets []target) (apis []domain.GrantAPI) {
	for _, t := range targets {
		api := domain.GrantAPI{Audience: p.Issuer, Scopes: t.scopes}
		if t.api != nil {
			api.Audience = t.api.Audience
		}
		apis = append(apis, api)
	}
	return apis
}

// resources are the audiences that a request names, by RFC 8707's parameter or by the older "audience".
func (p *Provider) resources(form url.Values) (named []string) {
	for _, audience := range slices.Concat(form["resource"], token.SplitScopes(strings.Join(form["audience"], " "))) {
		if domain.SameAudience(audience, p.Issuer+domain.AdminPath) {
			audience = domain.AdminAudience // which is no URL, as RFC 9728 wants it
		}
		if !slices.ContainsFunc(named, func(n string) bool { return domain.SameAudience(n, audience) }) {
			named = append(named, audience)
		}
	}
	return named
}

// targets are what an authorization request asks for. A grant may cover several APIs (RFC 8707 §2.2), each with the scopes of the request
// that mean something there; each scope must be one that the client may ask for at one of them.
func (p *Provider) targets(ctx context.Context, c *domain.Client, named []string, scopes []string) ([]target, error) {
	if len(named) <= 1 {
		t, err := p.target(ctx, c, named, scopes)
		return []target{t}, err
	}
	apis, err := p.candidates(ctx, c, named, true)
	if err != nil {
		return nil, err
	}
	ignored, err := p.unknown(ctx, apis, scopes)
	if err != nil {
		return nil, err
	}
	var identity, permissions []string
	for _, scope := range scopes {
		switch {
		case slices.Contains(ignored, scope):
		case token.IsIdentityScope(scope):
			identity = append(identity, scope)
		case slices.ContainsFunc(apis, func(api *domain.API) bool { return checkScopes(c, api, []string{scope}) == nil }):
			permissions = append(permissions, scope)
		default:
			return nil, fosite.ErrInvalidScope.WithHintf(ourWords+"The client may not ask for the scope '%s' at any of these resources.", printable(scope))
		}
	}
	var all []target
	for _, audience := range named {
		t := target{scopes: slices.Clone(identity)}
		if i := slices.IndexFunc(apis, func(api *domain.API) bool { return domain.SameAudience(api.Audience, audience) }); i >= 0 {
			t.api = apis[i]
			for _, name := range permissions {
				if checkScopes(c, t.api, []string{name}) == nil {
					t.scopes = append(t.scopes, name)
				}
			}
		}
		all = append(all, t)
	}
	return all, nil
}

// target decides which API a request is for (RFC 9068 §3): the one that it names, else the one that its scopes leave, else the client's
// default or only one. A scope that no API has is ignored (OpenID Connect Core §3.1.2.1); one that exists must be one that the client may
// ask for there.
func (p *Provider) target(ctx context.Context, c *domain.Client, named []string, scopes []string) (target, error) {
	if len(named) > 1 {
		return target{}, errInvalidTarget.WithHint(ourWords + "A token is for one resource; ask for one at a time.")
	}
	var t target
	for _, scope := range scopes {
		if !slices.Contains(t.scopes, scope) {
			t.scopes = append(t.scopes, scope)
		}
	}
	candidates, err := p.candidates(ctx, c, named, slices.ContainsFunc(t.scopes, isPermission))
	if err != nil {
		return target{}, err
	}
	ignored, err := p.unknown(ctx, candidates, t.scopes)
	if err != nil {
		return target{}, err
	}
	t.scopes = slices.DeleteFunc(t.scopes, func(scope string) bool { return slices.Contains(ignored, scope) })
	permissions := slices.DeleteFunc(slices.Clone(t.scopes), token.IsIdentityScope)
	if len(permissions) == 0 {
		if candidates, err = p.candidates(ctx, c, named, false); err != nil {
			return target{}, err
		}
	}
	switch {
	case len(named) == 1 && len(candidates) == 1:
		t.api = candidates[0]
		err = checkScopes(c, t.api, permissions)
	case len(named) == 1 && len(permissions) > 0: // the issuer
		err = fosite.ErrInvalidScope.WithHint(ourWords + "The scope belongs to another resource.")
	case len(named) == 0 && len(candidates)+len(permissions) > 0:
		t.api, err = infer(c, candidates, permissions)
	}
	return t, err
}

func isPermission(scope string) bool { return !token.IsIdentityScope(scope) }

// candidates are the APIs that a request can be for: the one that it names, else those that know permissions, else the client's default
// or only one. None for the issuer.
func (p *Provider) candidates(ctx context.Context, c *domain.Client, named []string, permissions bool) ([]*domain.API, error) {
	inferred := len(named) == 0
	if standard := c.DefaultAPI(); len(named) == 0 && !permissions && standard != "" {
		named = []string{standard}
	} else if len(named) == 0 && (permissions || len(c.APIs) == 1) {
		for _, known := range c.APIs {
			named = append(named, known.Audience)
		}
	}
	var apis []*domain.API
	for _, audience := range named {
		if domain.SameAudience(audience, p.Issuer) {
			continue
		}
		api, err := p.api(ctx, c, audience)
		if errors.Is(err, errInvalidTarget) && inferred {
			continue // the ceiling of clients that registered themselves names it, and it is gone
		} else if err != nil {
			return nil, err
		}
		apis = append(apis, api)
	}
	return apis, nil
}

// unknown returns the scopes that neither OpenID Connect nor any API defines. The database is asked only for what the candidates lack.
func (p *Provider) unknown(ctx context.Context, candidates []*domain.API, scopes []string) ([]string, error) {
	missing := slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool {
		return token.IsIdentityScope(scope) || slices.ContainsFunc(candidates, func(api *domain.API) bool { return api.Has(scope) })
	})
	if len(missing) == 0 {
		return nil, nil
	}
	elsewhere, err := p.Permissions.KnownPermissions(ctx, missing)
	if err != nil {
		return nil, fmt.Errorf("find permissions: %w", err)
	}
	return slices.DeleteFunc(missing, func(scope string) bool { return slices.Contains(elsewhere, scope) }), nil
}

// infer finds the one API of the client that has all the permissions, the default one if there are several.
func infer(c *domain.Client, candidates []*domain.API, permissions []string) (*domain.API, error) {
	fits := slices.DeleteFunc(slices.Clone(candidates), func(api *domain.API) bool { return checkScopes(c, api, permissions) != nil })
	if i := slices.IndexFunc(fits, func(api *domain.API) bool { return api.Audience == c.DefaultAPI() }); i >= 0 {
		return fits[i], nil
	}
	switch len(fits) {
	case 0:
		return nil, fosite.ErrInvalidScope.WithHint(ourWords + "The client may not ask for this scope at any one API; name several with the parameter 'resource'.")
	case 1:
		return fits[0], nil
	}
	return nil, errInvalidTarget.WithHint(ourWords + "Several APIs know the scope; name those that you mean with the parameter 'resource'.")
}

// api returns an API that the client may use; invalid_target for any other.
func (p *Provider) api(ctx context.Context, c *domain.Client, audience string) (*domain.API, error) {
	i := slices.IndexFunc(c.APIs, func(a domain.ClientAPI) bool { return domain.SameAudience(a.Audience, audience) })
	if i < 0 {
		return nil, errInvalidTarget
	}
	api, err := p.Registry.LookupAPI(ctx, c.APIs[i].Audience)
	if errors.Is(err, domain.ErrNotFound) {
		return nil, errInvalidTarget
	} else if err != nil {
		return nil, fmt.Errorf("find the API: %w", err)
	}
	return api, nil
}

func checkScopes(c *domain.Client, api *domain.API, permissions []string) error {
	for _, name := range permissions {
		if !api.Has(name) || !c.MayAsk(api.Audience, name) {
			return fosite.ErrInvalidScope.WithHintf(ourWords+"The client may not ask for the scope '%s' at this resource.", printable(name))
		}
	}
	return nil
}
