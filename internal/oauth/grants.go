package oauth

import (
	"context"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
)

// grants are the grant types of the token endpoint: metadata, registry and command line offer these.
var grants = []grantType{authorizationCode, clientCredentials, refreshToken}

// grantType is a grant type of the token endpoint: one file, and one line above.
type grantType struct {
	domain.GrantType
	// validate judges a request of an authenticated client before the handlers run, and loads into the session what the token is
	// made from. All that must hold before a replay counts as one is judged here: nobody can end a grant with a stolen code alone.
	validate func(ctx context.Context, p *Provider, r fosite.AccessRequester, sess *requestSession) error
	// handlers answer it, in their order.
	handlers func(parts) []fosite.TokenEndpointHandler
}

// parts are what the handlers are made of.
type parts struct {
	provider *Provider
	strategy *strategy
	storage  *storage
	settings *fosite.Config
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
