package oauth

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
)

// client shows a domain.Client to fosite.
type client struct {
	*domain.Client
	redirectURI string // that an authorization request was found to name, empty: fosite does not see one
}

var (
	_ fosite.Client             = client{}
	_ fosite.ResponseModeClient = client{}
)

func (c client) GetID() string                      { return c.ClientID }
func (c client) GetHashedSecret() []byte            { return nil } // authn compares secrets
func (c client) GetRedirectURIs() []string          { return []string{c.redirectURI} }
func (c client) GetGrantTypes() fosite.Arguments    { return c.GrantTypes }
func (c client) GetResponseTypes() fosite.Arguments { return fosite.Arguments{"code"} }
func (c client) GetScopes() fosite.Arguments        { return nil } // target judges scopes
func (c client) IsPublic() bool                     { return c.Public }
func (c client) GetAudience() fosite.Arguments      { return nil } // and audiences
func (c client) GetResponseModes() []fosite.ResponseModeType {
	return []fosite.ResponseModeType{fosite.ResponseModeQuery} // sendBack knows the others
}

// judgedRedirect is the key of the redirect URI that a request's context carries to fosite, which would compare by rules of its own.
type judgedRedirect struct{}

// authenticate is authn's client authentication, as fosite wants it.
func (p *Provider) authenticate(ctx context.Context, r *http.Request, form url.Values) (fosite.Client, error) {
	if form.Get("grant_type") == domain.GrantJWTBearer {
		found, err := p.authenticateByGrant(r, form)
		if err != nil {
			return nil, err
		}
		return client{Client: found}, nil
	}
	found, _, err := p.Clients.Authenticate(r, form)
	if err != nil {
		return nil, clientError(err)
	}
	if err := p.Registrations.Renewed(ctx, found); errors.Is(err, domain.ErrNotFound) {
		return nil, fosite.ErrInvalidClient
	} else if err != nil {
		return nil, err
	}
	return client{Client: found}, nil
}
