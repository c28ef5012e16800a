package registry

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// Target is what a request asks for: an API, and scopes there.
type Target struct {
	API    *domain.API // nil: Signet itself (userinfo)
	Scopes []string    // that the client may ask for there, each once
}

// TargetError says why a request asks for nothing that its client may have. It is a domain.ErrInvalid.
type TargetError struct {
	OfScope bool   // a scope is wrong, else the audience
	Scope   string // that is wrong, if it is one
	Hint    string // a sentence, with a place for the scope if there is one; empty: the client may not use the API
}

func (e *TargetError) Error() string { return e.Unwrap().Error() }

// Sentence says it in one.
func (e *TargetError) Sentence() string {
	switch {
	case e.Scope != "":
		return strings.Replace(e.Hint, "%s", e.Scope, 1)
	case e.Hint != "":
		return e.Hint
	}
	return "The requested resource is not one that this client may use."
}

// Unwrap makes it a domain.ErrInvalid.
func (e *TargetError) Unwrap() error {
	field := "api"
	if e.OfScope || e.Scope != "" {
		field = "scopes"
	}
	return domain.Invalid(field, domain.RuleState, "request: %s", e.Sentence())
}

var errNoTarget = &TargetError{}

func isIdentity(scope string) bool { return slices.Contains(domain.IdentityScopes, scope) }

// OwnTarget is what a client asks for itself (RFC 6749 §4.4). Scopes about a user are ignored: there is none. Without others it is all that
// its registration allows it. asked says whether it asked for permissions. The errors of Target.
func (r *Registry) OwnTarget(ctx context.Context, c *domain.Client, named, scopes []string) (t Target, asked bool, err error) {
	scopes = slices.DeleteFunc(slices.Clone(scopes), isIdentity)
	asked = len(scopes) > 0
	t, err = r.Target(ctx, c, named, scopes)
	switch {
	case err != nil:
		return Target{}, asked, err
	case t.API == nil:
		return Target{}, asked, &TargetError{Hint: "Name the API with the parameter 'resource'."}
	case asked && len(t.Scopes) == 0: // neither everything nor a token for nothing is what the client means
		return Target{}, asked, &TargetError{OfScope: true, Hint: "No API knows the scope."}
	case !asked:
		t.Scopes = c.Requestable(t.API)
	}
	return t, asked, nil
}

// Targets are what a request asks for that names these audiences, any number, and scopes. A grant may cover several APIs (RFC 8707 §2.2),
// each with the scopes of the request that mean something there; each scope must be one that the client may ask for at one of them. A
// TargetError if it asks for what the client may not have.
func (r *Registry) Targets(ctx context.Context, c *domain.Client, named, scopes []string) ([]Target, error) {
	if len(named) <= 1 {
		t, err := r.Target(ctx, c, named, scopes)
		return []Target{t}, err
	}
	apis, err := r.candidates(ctx, c, named, true)
	if err != nil {
		return nil, err
	}
	ignored, err := r.UnknownScopes(ctx, apis, scopes)
	if err != nil {
		return nil, err
	}
	var identity, permissions []string
	for _, scope := range scopes {
		switch {
		case slices.Contains(ignored, scope):
		case isIdentity(scope):
			identity = append(identity, scope)
		case slices.ContainsFunc(apis, func(api *domain.API) bool { return checkScopes(c, api, []string{scope}) == nil }):
			permissions = append(permissions, scope)
		default:
			return nil, &TargetError{Scope: scope, Hint: "The client may not ask for the scope '%s' at any of these resources."}
		}
	}
	var all []Target
	for _, audience := range named {
		t := Target{Scopes: slices.Clone(identity)}
		if i := slices.IndexFunc(apis, func(api *domain.API) bool { return domain.SameAudience(api.Audience, audience) }); i >= 0 {
			t.API = apis[i]
			for _, name := range permissions {
				if checkScopes(c, t.API, []string{name}) == nil {
					t.Scopes = append(t.Scopes, name)
				}
			}
		}
		all = append(all, t)
	}
	return all, nil
}

// Target decides which API a request for one is for (RFC 9068 §3): the one that it names, else the one that its scopes leave, else the
// client's default or only one. A scope that no API has is ignored (OpenID Connect Core §3.1.2.1); one that exists must be one that the client may
// ask for there.
func (r *Registry) Target(ctx context.Context, c *domain.Client, named, scopes []string) (Target, error) {
	if len(named) > 1 {
		return Target{}, &TargetError{Hint: "A token is for one resource; ask for one at a time."}
	}
	var t Target
	for _, scope := range scopes {
		if !slices.Contains(t.Scopes, scope) {
			t.Scopes = append(t.Scopes, scope)
		}
	}
	candidates, err := r.candidates(ctx, c, named, slices.ContainsFunc(t.Scopes, isPermission))
	if err != nil {
		return Target{}, err
	}
	ignored, err := r.UnknownScopes(ctx, candidates, t.Scopes)
	if err != nil {
		return Target{}, err
	}
	t.Scopes = slices.DeleteFunc(t.Scopes, func(scope string) bool { return slices.Contains(ignored, scope) })
	permissions := slices.DeleteFunc(slices.Clone(t.Scopes), isIdentity)
	if len(permissions) == 0 {
		if candidates, err = r.candidates(ctx, c, named, false); err != nil {
			return Target{}, err
		}
	}
	switch {
	case len(named) == 1 && len(candidates) == 1:
		t.API = candidates[0]
		err = checkScopes(c, t.API, permissions)
	case len(named) == 1 && len(permissions) > 0: // the issuer
		err = &TargetError{OfScope: true, Hint: "The scope belongs to another resource."}
	case len(named) == 0 && len(candidates)+len(permissions) > 0:
		t.API, err = infer(c, candidates, permissions)
	}
	return t, err
}

func isPermission(scope string) bool { return !isIdentity(scope) }

// candidates are the APIs that a request can be for: the one that it names, else those that know permissions, else the client's default
// or only one. None for the issuer.
func (r *Registry) candidates(ctx context.Context, c *domain.Client, named []string, permissions bool) ([]*domain.API, error) {
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
		if domain.SameAudience(audience, r.issuer) {
			continue
		}
		api, err := r.ClientAPI(ctx, c, audience)
		if errors.Is(err, errNoTarget) && inferred {
			continue // the ceiling of clients that registered themselves names it, and it is gone
		} else if err != nil {
			return nil, err
		}
		apis = append(apis, api)
	}
	return apis, nil
}

// UnknownScopes returns the scopes that neither OpenID Connect nor any API defines. The database is asked only for what some APIs lack.
func (r *Registry) UnknownScopes(ctx context.Context, apis []*domain.API, scopes []string) ([]string, error) {
	missing := slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool {
		return isIdentity(scope) || slices.ContainsFunc(apis, func(api *domain.API) bool { return api.Has(scope) })
	})
	if len(missing) == 0 {
		return nil, nil
	}
	elsewhere, err := r.permissions.KnownPermissions(ctx, missing)
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
		return nil, &TargetError{OfScope: true, Hint: "The client may not ask for this scope at any one API; name several with the parameter 'resource'."}
	case 1:
		return fits[0], nil
	}
	return nil, &TargetError{Hint: "Several APIs know the scope; name those that you mean with the parameter 'resource'."}
}

// ClientAPI is the API of an audience, if a client may use it; a TargetError for any other.
func (r *Registry) ClientAPI(ctx context.Context, c *domain.Client, audience string) (*domain.API, error) {
	i := slices.IndexFunc(c.APIs, func(a domain.ClientAPI) bool { return domain.SameAudience(a.Audience, audience) })
	if i < 0 {
		return nil, errNoTarget
	}
	api, err := r.LookupAPI(ctx, c.APIs[i].Audience)
	if errors.Is(err, domain.ErrNotFound) {
		return nil, errNoTarget
	} else if err != nil {
		return nil, fmt.Errorf("find the API: %w", err)
	}
	return api, nil
}

func checkScopes(c *domain.Client, api *domain.API, permissions []string) error {
	for _, name := range permissions {
		if !api.Has(name) || !c.MayAsk(api.Audience, name) {
			return &TargetError{Scope: name, Hint: "The client may not ask for the scope '%s' at this resource."}
		}
	}
	return nil
}
