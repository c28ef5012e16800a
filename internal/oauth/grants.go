package oauth

import (
	"context"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
)

// grants are the grant types of the token endpoint: metadata, registry and command line offer these.
var grants = []grantType{authorizationCode, clientCredentials, refreshToken, deviceCode, jwtBearer}

// grantType is a grant type of the token endpoint: one file, and one line above.
type grantType struct {
	domain.GrantType
	// validate judges a request of an authenticated client before the handlers run, and loads into the session what the token is
	// made from. It checks all that must hold before a replay ends the grant: a stolen code alone must not end it.
	validate func(ctx context.Context, p *Provider, r fosite.AccessRequester, sess *requestSession) error
	// handlers answer it, in their order.
	handlers func(parts) []fosite.TokenEndpointHandler
}

// parts are what the handlers are made of.
type parts struct {
	provider *Provider
	strategy *strategy
	storage  *storage
	settings settings
}

// endpointHandlers are the handlers of the grant type, which answer only its requests: fosite calls every handler for every answer.
func (g grantType) endpointHandlers(made parts) fosite.TokenEndpointHandlers {
	var all fosite.TokenEndpointHandlers
	for _, handler := range g.handlers(made) {
		all = append(all, ofGrant{handler, g.Name})
	}
	return all
}

type ofGrant struct {
	fosite.TokenEndpointHandler
	name string
}

func (h ofGrant) CanHandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne(h.name) && h.TokenEndpointHandler.CanHandleTokenEndpointRequest(ctx, r)
}

func (h ofGrant) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	if !r.GetGrantTypes().ExactOne(h.name) {
		return fosite.ErrUnknownRequest
	}
	return h.TokenEndpointHandler.HandleTokenEndpointRequest(ctx, r)
}

func (h ofGrant) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, answer fosite.AccessResponder) error {
	if !r.GetGrantTypes().ExactOne(h.name) {
		return fosite.ErrUnknownRequest
	}
	return h.TokenEndpointHandler.PopulateTokenEndpointResponse(ctx, r, answer)
}

// GrantTypes lists the grant types that a client may be registered for.
func GrantTypes() []domain.GrantType {
	types := make([]domain.GrantType, len(grants))
	for i, g := range grants {
		types[i] = g.GrantType
	}
	return types
}

func findGrantType(name string) (grantType, bool) {
	for _, g := range grants {
		if g.Name == name {
			return g, true
		}
	}
	return grantType{}, false
}
