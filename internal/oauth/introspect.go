package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/ory/fosite"
	"github.com/signet-auth/signet/internal/cors"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/statistics"
	"github.com/signet-auth/signet/internal/token"
)

// introspectionAnswer is the answer of RFC 7662 §2.2 for a live token.
type introspectionAnswer struct {
	Active    bool   `json:"active"`
	TokenType string `json:"token_type"`
	Username  string `json:"username,omitempty"`
	token.Claims
}

// inactive is the answer for everything else. It does not say why.
var inactive = map[string]bool{"active": false}

// introspect is the introspection endpoint (RFC 7662). Its caller authenticates as a client. It sees tokens of the audiences that the
// client serves, and of tokens issued to the client itself only what the token endpoint disclosed.
func (p *Provider) introspect(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(w, r)
	if err == nil && !form.Has("token") {
		err = fosite.ErrInvalidRequest.WithHint(ourWords + "The parameter 'token' is missing.")
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	var caller *domain.Client
	var active *introspection.Active
	err = p.current(r.Context(), func(revision int64) error {
		if caller, _, err = p.Clients.AuthenticateConfidential(r, form); err != nil {
			return clientError(err)
		}
		if active, err = p.Introspection.Introspect(r.Context(), form.Get("token")); err == nil && p.Cache.Revision() != revision {
			err = domain.ErrStale // perhaps it is the caller that changed
		}
		return err
	})
	if err == nil {
		p.Counters.Count(statistics.Introspected)
	}
	switch {
	case err != nil:
		p.fail(w, r, err)
	case active == nil || active.Client.ID != caller.ID && !p.serves(caller, active.Claims.Audience):
		httpjson.Write(w, http.StatusOK, inactive)
	case !p.serves(caller, active.Claims.Audience):
		told := active.Claims
		told.Roles, told.Groups, told.Entitlements = nil, nil, nil // are for the API
		httpjson.Write(w, http.StatusOK, introspectionAnswer{Active: true, TokenType: "Bearer", Claims: told})
	default:
		answer := introspectionAnswer{Active: true, TokenType: "Bearer", Claims: active.Claims}
		if active.User != nil && active.Claims.Subject == active.User.Subject { // a username would tell whom a pairwise subject is about
			answer.Username = active.User.Username
		}
		httpjson.Write(w, http.StatusOK, token.WithMapped(answer, active.Mapped))
	}
}

// serves says whether a client may introspect the tokens of an audience.
func (p *Provider) serves(c *domain.Client, audience string) bool {
	return slices.Contains(c.Serves, audience) || c.ServesUserinfo && audience == p.Issuer
}

// revoke is the revocation endpoint (RFC 7009): 200 only if the token is revoked or expired, or was not issued here.
func (p *Provider) revoke(w http.ResponseWriter, r *http.Request) {
	cors.AllowAnyOrigin(w)
	form, err := readForm(w, r)
	if err == nil && !form.Has("token") {
		err = fosite.ErrInvalidRequest.WithHint(ourWords + "The parameter 'token' is missing.")
	}
	if err == nil {
		err = p.current(r.Context(), func(int64) error {
			client, caller, err := p.Clients.Authenticate(r, form)
			if err != nil {
				return clientError(err)
			}
			ctx := event.WithActor(r.Context(), caller.Actor())
			return p.revokeToken(ctx, client, p.Minter.Open(form.Get("token")))
		})
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.Counters.Count(statistics.Revoked)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
}

// revokeToken tells a refresh token from an access token by its form; token_type_hint is not needed.
func (p *Provider) revokeToken(ctx context.Context, caller *domain.Client, value string) error {
	if strings.Count(value, ".") != 1 {
		err := p.Revocation.RevokeAccess(ctx, caller, value)
		if errors.Is(err, domain.ErrNotFound) {
			err = p.revokeVerified(ctx, caller, value)
		}
		return err
	}
	signature, ok := p.strategy.signature(ctx, value)
	if !ok {
		return nil
	}
	return p.Revocation.RevokeRefresh(ctx, caller, signature)
}

// revokeVerified revokes a token that the index does not know by its digest. A token that was not signed here or has expired is no error;
// an ID token cannot be revoked (RFC 7009 §2.2.1). Another encoding of an access token revokes that one, because verifiers accept it. The
// answer is 200 only if verifiers accept the token no more.
func (p *Provider) revokeVerified(ctx context.Context, caller *domain.Client, value string) error {
	if _, err := p.Minter.VerifyIDToken(ctx, value); !errors.Is(err, keys.ErrNotOurs) {
		if err == nil {
			err = errUnsupportedTokenType
		}
		return err
	}
	claims, err := p.Minter.Verify(ctx, value)
	switch {
	case errors.Is(err, keys.ErrNotOurs), err == nil && p.Now().Unix() >= claims.ExpiresAt:
		return nil
	case err != nil:
		return err
	}
	ref, _ := claims.Ref()
	entry, err := p.Index.Find(ctx, ref.ID)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return fmt.Errorf("access token %q is signed here and is not in the index", claims.ID)
	case err != nil:
		return err
	case entry.ClientID != caller.ID:
		return revocation.ErrNotYours
	}
	return p.Revocation.RevokeID(ctx, ref.ID)
}
