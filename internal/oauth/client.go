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
type client struct{ *domain.Client }

var (
	_ fosite.Client             = client{}
	_ fosite.ResponseModeClient = client{}
)

func (c client) GetID() string                      { return c.ClientID }
func (c client) GetHashedSecret() []byte            { return nil } // authenticate compares secrets
func (c client) GetRedirectURIs() []string          { return c.RedirectURIs }
func (c client) GetGrantTypes() fosite.Arguments    { return c.GrantTypes }
func (c client) GetResponseTypes() fosite.Arguments { return fosite.Arguments{"code"} }
func (c client) GetScopes() fosite.Arguments        { return nil } // target judges scopes
func (c client) IsPublic() bool                     { return c.Public }
func (c client) GetAudience() fosite.Arguments      { return nil } // and audiences
func (c client) GetResponseModes() []fosite.ResponseModeType {
	return []fosite.ResponseModeType{fosite.ResponseModeQuery}
}

// authenticate finds out which client asks (RFC 6749 §2.3): client_secret_basic, client_secret_post, or none for public
// clients. An unknown client costs the same as a wrong secret, and reads the same.
func (p *Provider) authenticate(ctx context.Context, r *http.Request, form url.Values) (fosite.Client, error) {
	id, secret, err := credentials(r, form)
	if err != nil {
		return nil, err
	}
	found, err := p.Registry.LookupClient(ctx, id)
	if errors.Is(err, domain.ErrNotFound) {
		found = nil
	} else if err != nil {
		return nil, err
	}
	if found != nil && found.Public {
		if secret != "" || !found.DisabledAt.IsZero() {
			return nil, fosite.ErrInvalidClient
		}
		return client{found}, nil
	}
	if !p.Registry.CheckSecret(found, secret) || !found.DisabledAt.IsZero() {
		return nil, fosite.ErrInvalidClient
	}
	return client{found}, nil
}

// credentials reads client_id and client_secret from exactly one place.
func credentials(r *http.Request, form url.Values) (id, secret string, err error) {
	if form.Has("client_assertion") || form.Has("client_assertion_type") {
		return "", "", fosite.ErrInvalidClient.WithHint("Client assertions are not supported.")
	}
	switch header := r.Header.Values("Authorization"); {
	case len(header) == 0:
		return form.Get("client_id"), form.Get("client_secret"), nil
	case len(header) > 1 || form.Has("client_secret"):
		return "", "", fosite.ErrInvalidRequest.WithHint("Use one way of client authentication, once.")
	}
	user, password, ok := r.BasicAuth()
	id, errID := url.QueryUnescape(user)
	secret, errSecret := url.QueryUnescape(password)
	if !ok || errID != nil || errSecret != nil || !clean(id) || !clean(secret) {
		return "", "", fosite.ErrInvalidClient
	}
	if form.Has("client_id") && form.Get("client_id") != id {
		return "", "", fosite.ErrInvalidRequest.WithHint("The client_id of the body is not that of the Authorization header.")
	}
	return id, secret, nil
}
