package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/ory/fosite"
	foauth "github.com/ory/fosite/handler/oauth2"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// jwtBearer is RFC 7523 §2.1: for a JWT of an issuer that the client trusts, the client gets a token for itself, as by client_credentials.
var jwtBearer = grantType{
	GrantType: domain.GrantType{Name: domain.GrantJWTBearer, Confidential: true},
	validate:  validateClientCredentials,
	handlers: func(p parts) []fosite.TokenEndpointHandler {
		return []fosite.TokenEndpointHandler{&jwtBearerHandler{
			HandleHelper: &foauth.HandleHelper{AccessTokenStrategy: p.strategy, AccessTokenStorage: p.storage, Config: p.settings},
		}}
	},
}

// jwtBearerHandler issues the token: that of client_credentials answers no other grant type.
type jwtBearerHandler struct{ *foauth.HandleHelper }

var _ fosite.TokenEndpointHandler = (*jwtBearerHandler)(nil)

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (h *jwtBearerHandler) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne(domain.GrantJWTBearer)
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (h *jwtBearerHandler) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool {
	return false
}

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler: the assertion was judged when the client was found.
func (h *jwtBearerHandler) HandleTokenEndpointRequest(context.Context, fosite.AccessRequester) error {
	return nil
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (h *jwtBearerHandler) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, answer fosite.AccessResponder) error {
	_, err := h.IssueAccessToken(ctx, h.Config.GetAccessTokenLifespan(ctx), r, answer)
	return err
}

// authenticateByGrant returns the client that an assertion is presented for.
func (p *Provider) authenticateByGrant(r *http.Request, form url.Values) (*domain.Client, error) {
	found, _, err := p.Clients.AuthenticateGrant(r, form)
	var assertion *authn.AssertionError
	switch { // invalid_grant: RFC 7521 §4.1.1
	case err == nil:
		return found, nil
	case errors.As(err, &assertion):
		return nil, fosite.ErrInvalidGrant.WithHint(ourWords + assertion.Problem)
	case errors.Is(err, authn.ErrInvalidClient):
		return nil, fosite.ErrInvalidGrant.WithHint(ourWords + "The assertion is not one that the client trusts.")
	}
	return nil, clientError(err)
}
