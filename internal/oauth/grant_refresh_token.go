package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"

	"github.com/ory/fosite"
	foauth "github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/openid"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/token"
)

// refreshToken is RFC 6749 §6, with rotation (RFC 9700 §4.14.2) and the ID token of OpenID Connect Core §12.
var refreshToken = grantType{
	GrantType: domain.GrantType{Name: domain.GrantRefreshToken, With: []string{domain.GrantAuthorizationCode, domain.GrantDeviceCode}},
	validate:  validateRefresh,
	handlers: func(p parts) []fosite.TokenEndpointHandler {
		return []fosite.TokenEndpointHandler{
			&foauth.RefreshTokenGrantHandler{
				AccessTokenStrategy: p.strategy, RefreshTokenStrategy: p.strategy, TokenRevocationStorage: p.storage, Config: p.settings,
			},
			narrowScope{},
			&openid.OpenIDConnectRefreshHandler{
				IDTokenHandleHelper: &openid.IDTokenHandleHelper{IDTokenStrategy: p.strategy}, Config: p.settings,
			},
		}
	},
}

// validateRefresh finds the refresh token and its grant, and checks that the scope lies within what was granted.
func validateRefresh(ctx context.Context, p *Provider, r fosite.AccessRequester, sess *requestSession) error {
	form := r.GetRequestForm()
	if !form.Has("refresh_token") {
		return fosite.ErrInvalidRequest.WithHint(ourWords + "The parameter 'refresh_token' is missing.")
	}
	signature, ok := p.strategy.signature(ctx, form.Get("refresh_token"))
	if !ok {
		return errInvalidGrant
	}
	found, err := p.Credentials.FindRefreshToken(ctx, signature)
	if errors.Is(err, domain.ErrNotFound) {
		return errInvalidGrant
	} else if err != nil {
		return fmt.Errorf("find the refresh token: %w", err)
	}
	if err := p.loadGrant(ctx, sess, found.GrantID); err != nil {
		return err
	}
	if err := p.confirmSession(ctx, sess); err != nil {
		return err
	}
	sess.refreshToken = form.Get("refresh_token")
	if err := p.checkReuse(ctx, sess, found); err != nil {
		return err
	}
	sess.kept = sess.client.KeepRefreshTokens && found.UsedAt.IsZero()
	if !p.Now().Before(found.ExpiresAt) {
		return errInvalidGrant
	}
	sess.SetExpiresAt(fosite.RefreshToken, found.ExpiresAt)
	if err := p.chooseTarget(ctx, form, sess); err != nil {
		return err
	}
	return p.narrow(ctx, form, sess)
}

// confirmSession refuses a refresh if the grant ends with its session and that is over. A refresh is no activity of the session: only the
// person's requests are.
func (p *Provider) confirmSession(ctx context.Context, sess *requestSession) error {
	if !sess.grant.EndsWithSession {
		return nil
	}
	err := p.Sessions.Confirm(ctx, sess.grant.SessionID)
	if errors.Is(err, domain.ErrNotFound) || err == nil && !sess.client.SessionRefreshTokens {
		return errInvalidGrant
	}
	return err
}

// narrow notes which of the scopes that were granted for the API a refresh asks for (RFC 6749 §6). Those of the grant's other APIs are
// ignored, and those that mean nothing here, as in the authorization request: clients send the same list again.
func (p *Provider) narrow(ctx context.Context, form url.Values, sess *requestSession) error {
	sess.saysScope = true
	asked := token.SplitScopes(form.Get("scope"))
	if len(asked) == 0 {
		return nil
	}
	var beyond []string
	granted := domain.Scopes(sess.grant.APIs)
	for _, scope := range asked {
		switch {
		case !slices.Contains(granted, scope):
			beyond = append(beyond, scope)
		case slices.Contains(sess.target.Scopes, scope) && !slices.Contains(sess.narrowed, scope):
			sess.narrowed = append(sess.narrowed, scope)
		}
	}
	unknown, err := p.Registry.UnknownScopes(ctx, nil, beyond)
	if err != nil {
		return err
	}
	if len(unknown) < len(beyond) || len(sess.narrowed) == 0 {
		return fosite.ErrInvalidScope.WithHint(ourWords + "The scope goes beyond what was granted.")
	}
	return nil
}

// checkReuse refuses a used refresh token as a replay. A client that lost the answer may repeat its request: within RefreshOverlap, while
// the successor is unused, it gets the same successor again (RFC 9700 §4.14.2 leaves this to the server). The cost: a stolen token works
// until the successor is used; the next use of either then ends the grant.
func (p *Provider) checkReuse(ctx context.Context, sess *requestSession, found domain.RefreshToken) error {
	if found.UsedAt.IsZero() {
		return nil
	}
	replayed := &replayError{grantID: found.GrantID, clientID: sess.client.ClientID}
	overlap := p.RefreshOverlap
	if own := sess.client.RefreshOverlap; own != nil {
		overlap = *own
	}
	if p.Now().Sub(found.UsedAt) >= overlap {
		return replayed
	}
	_, signature := p.strategy.successor(sess.refreshToken)
	successor, err := p.Credentials.FindRefreshToken(ctx, signature)
	switch {
	case errors.Is(err, domain.ErrNotFound) || err == nil && !successor.UsedAt.IsZero():
		return replayed
	case err != nil:
		return fmt.Errorf("find the successor of the refresh token: %w", err)
	}
	sess.repeated = true
	return nil
}

// recordRepeat records that a successor was given out a second time: one of the two requests may be a thief's.
func (p *Provider) recordRepeat(ctx context.Context, sess *requestSession, remote string) error {
	ip := remote
	if address, err := netip.ParseAddrPort(remote); err == nil {
		ip = address.Addr().Unmap().String()
	}
	ctx = event.WithActor(ctx, event.Client(sess.client.ClientID))
	return p.repeats.Record(ctx, func(omitted int64) event.Event {
		return event.RefreshTokenRepeated{Grant: sess.grant.ID, IP: ip, Omitted: omitted}
	})
}

// narrowScope grants the scope that a refresh asks for: fosite grants the whole again (RFC 6749 §6).
type narrowScope struct{}

var _ fosite.TokenEndpointHandler = narrowScope{}

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (narrowScope) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne(domain.GrantRefreshToken)
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (narrowScope) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (narrowScope) HandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) error {
	if narrowed := r.GetSession().(*requestSession).narrowed; len(narrowed) > 0 {
		r.(*fosite.AccessRequest).GrantedScope = narrowed
	}
	return fosite.ErrUnknownRequest
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (narrowScope) PopulateTokenEndpointResponse(context.Context, fosite.AccessRequester, fosite.AccessResponder) error {
	return fosite.ErrUnknownRequest
}
