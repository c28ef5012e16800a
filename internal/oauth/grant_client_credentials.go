package oauth

import (
	"context"
	"slices"

	"github.com/ory/fosite"
	foauth "github.com/ory/fosite/handler/oauth2"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
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
	// Scopes about a user are ignored: there is none.
	asked := slices.DeleteFunc(slices.Clone([]string(r.GetRequestedScopes())), token.IsIdentityScope)
	t, err := p.target(ctx, sess.client.Client, p.resources(r.GetRequestForm()), asked)
	switch {
	case err != nil:
		return err
	case t.api == nil:
		return errInvalidTarget.WithHint(ourWords + "Name the API with the parameter 'resource'.")
	case len(asked) > 0 && len(t.scopes) == 0: // neither everything nor a token for nothing is what the client means
		return fosite.ErrInvalidScope.WithHint(ourWords + "No API knows the scope.")
	}
	sess.api, sess.saysScope, sess.permissionsAsked = t.api, len(r.GetRequestedScopes()) > 0, len(asked) > 0
	if len(asked) == 0 {
		t.scopes = sess.client.Requestable(t.api)
	}
	for _, scope := range t.scopes {
		r.GrantScope(scope)
	}
	return nil
}
