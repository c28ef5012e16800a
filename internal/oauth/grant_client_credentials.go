package oauth

import (
	"context"

	"github.com/ory/fosite"
	foauth "github.com/ory/fosite/handler/oauth2"

	"github.com/signet-auth/signet/internal/domain"
)

// clientCredentials is RFC 6749 §4.4: the client acts for itself.
var clientCredentials = grantType{
	GrantType: domain.GrantType{Name: domain.GrantClientCredentials, Confidential: true},
	validate:  validateClientCredentials,
	handlers: func(p parts) []fosite.TokenEndpointHandler {
		return []fosite.TokenEndpointHandler{&foauth.ClientCredentialsGrantHandler{
			HandleHelper: &foauth.HandleHelper{AccessTokenStrategy: p.strategy, AccessTokenStorage: p.storage, Config: p.settings},
			Config:       p.settings,
		}}
	},
}

func validateClientCredentials(ctx context.Context, p *Provider, r fosite.AccessRequester, sess *requestSession) error {
	for _, scope := range r.GetRequestedScopes() {
		if scope == domain.ScopeOpenID || scope == domain.ScopeOfflineAccess {
			return fosite.ErrInvalidScope.WithHint("A client that acts for itself has no user to sign in.")
		}
	}
	api, err := p.target(ctx, sess.client.Client, resources(r.GetRequestForm()), r.GetRequestedScopes())
	if err != nil {
		return err
	}
	if api == nil {
		return errInvalidTarget.WithHint("Name the API with the parameter 'resource'.")
	}
	sess.api = api
	for _, scope := range r.GetRequestedScopes() {
		r.GrantScope(scope)
	}
	return nil
}
