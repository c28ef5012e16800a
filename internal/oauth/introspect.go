package oauth

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

// introspection is the answer of RFC 7662 §2.2 for a live token.
type introspection struct {
	Active    bool   `json:"active"`
	TokenType string `json:"token_type"`
	Username  string `json:"username,omitempty"`
	token.Claims
}

// inactive is the answer for everything else; it tells nothing.
var inactive = map[string]bool{"active": false}

// introspect is the introspection endpoint (RFC 7662). Its caller authenticates as a client, and sees only tokens of the
// audiences that this client serves.
func (p *Provider) introspect(w http.ResponseWriter, r *http.Request) {
	form, caller, err := p.readAuthenticated(w, r)
	switch {
	case err != nil:
	case caller.Public:
		err = fosite.ErrInvalidClient
	case !form.Has("token"):
		err = fosite.ErrInvalidRequest.WithHint("The parameter 'token' is missing.")
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	active, err := p.Tokens.Introspect(r.Context(), form.Get("token"))
	switch {
	case err != nil:
		p.fail(w, r, err)
	case active == nil || !slices.Contains(caller.Serves, active.Claims.Audience):
		writeJSON(w, http.StatusOK, inactive)
	default:
		answer := introspection{Active: true, TokenType: "Bearer", Claims: active.Claims}
		if active.User != nil {
			answer.Username = active.User.Username
		}
		writeJSON(w, http.StatusOK, answer)
	}
}

// revoke is the revocation endpoint (RFC 7009): 200 only if the token is dead, or was none of ours.
func (p *Provider) revoke(w http.ResponseWriter, r *http.Request) {
	allowAnyOrigin(w)
	form, caller, err := p.readAuthenticated(w, r)
	if err == nil && !form.Has("token") {
		err = fosite.ErrInvalidRequest.WithHint("The parameter 'token' is missing.")
	}
	if err == nil {
		err = p.revokeToken(r, caller, form.Get("token"))
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

// revokeToken tells a refresh token from an access token by its form; token_type_hint is not needed.
func (p *Provider) revokeToken(r *http.Request, caller *domain.Client, value string) error {
	ctx := r.Context()
	if strings.Count(value, ".") != 1 {
		return p.Tokens.RevokeAccess(ctx, caller, value)
	}
	if p.strategy.Enigma.Validate(ctx, value) != nil {
		return nil
	}
	return p.Tokens.RevokeRefresh(ctx, caller, p.strategy.RefreshTokenSignature(ctx, value))
}

// readAuthenticated reads the form and the client that sends it.
func (p *Provider) readAuthenticated(w http.ResponseWriter, r *http.Request) (url.Values, *domain.Client, error) {
	form, err := readForm(w, r)
	if err != nil {
		return nil, nil, err
	}
	authenticated, err := p.authenticate(r.Context(), r, form)
	if err != nil {
		return nil, nil, err
	}
	return form, authenticated.(client).Client, nil
}
