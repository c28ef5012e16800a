package oauth

import (
	"context"

	"github.com/ory/fosite"
	foauth "github.com/ory/fosite/handler/oauth2"

	"github.com/signet-auth/signet/internal/domain"
)

// clientCredentials is RFC 6749 §4.4: the client acts for itself. Without a scope it gets all that its registration and roles give.
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
	t, asked, err := p.Registry.OwnTarget(ctx, sess.client.Client, p.resources(r.GetRequestForm()), r.GetRequestedScopes())
	if err != nil {
		return targetError(err)
	}
	sess.api, sess.saysScope, sess.permissionsAsked = t.API, len(r.GetRequestedScopes()) > 0, asked
	for _, scope := range t.Scopes {
		r.GrantScope(scope)
	}
	return nil
}
