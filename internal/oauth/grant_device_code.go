package oauth

import (
	"context"
	"errors"
	"slices"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
)

// deviceCode is RFC 8628 §3.4: the device polls until a user has answered its request. fosite v0.49.0 has no handler for it.
var deviceCode = grantType{
	GrantType: domain.GrantType{Name: domain.GrantDeviceCode},
	validate:  validateDeviceCode,
	handlers:  func(p parts) []fosite.TokenEndpointHandler { return []fosite.TokenEndpointHandler{&deviceHandler{p}} },
}

// validateDeviceCode finds the request of the device and the user's answer. Unlike a reused authorization code, a reused device code does
// not end the grant: it never was in a browser, and devices poll twice at once by mistake.
func validateDeviceCode(ctx context.Context, p *Provider, r fosite.AccessRequester, sess *requestSession) error {
	form := r.GetRequestForm()
	if !form.Has("device_code") {
		return fosite.ErrInvalidRequest.WithHint(ourWords + "The parameter 'device_code' is missing.")
	}
	found, err := p.Devices.Find(ctx, form.Get("device_code"))
	switch {
	case errors.Is(err, domain.ErrNotFound) || err == nil && found.ClientID != sess.client.ID:
		return errInvalidGrant
	case err != nil:
		return err
	case !found.UsedAt.IsZero():
		return errInvalidGrant
	case !found.AnsweredAt.IsZero() && found.GrantID == 0:
		return errDeviceDenied
	case !p.Now().Before(found.ExpiresAt):
		return errExpiredToken
	case found.AnsweredAt.IsZero():
		return p.pending(ctx, sess, found)
	}
	if err := p.loadGrant(ctx, sess, found.GrantID); err != nil {
		return err
	}
	sess.device, sess.nonce, sess.saysScope = found.ID, found.Nonce, true
	return p.chooseTarget(ctx, form, sess)
}

// pending notes a poll that comes before the user's answer, once, for a client that still is what the snapshot says.
func (p *Provider) pending(ctx context.Context, sess *requestSession, found domain.DeviceRequest) error {
	if err := p.Cache.Refresh(ctx); err != nil {
		return err
	}
	if p.Cache.Revision() != sess.revision {
		return domain.ErrStale
	}
	tooSoon, err := p.Devices.NotePoll(ctx, found)
	switch {
	case err != nil:
		return err
	case tooSoon:
		return errSlowDown
	}
	return errAuthorizationPending
}

// deviceHandler issues the tokens of a request that was allowed.
type deviceHandler struct{ parts }

var _ fosite.TokenEndpointHandler = (*deviceHandler)(nil)

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (h *deviceHandler) CanHandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) bool {
	return r.GetGrantTypes().ExactOne(domain.GrantDeviceCode)
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (h *deviceHandler) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (h *deviceHandler) HandleTokenEndpointRequest(_ context.Context, r fosite.AccessRequester) error {
	sess := r.GetSession().(*requestSession)
	for _, scope := range sess.target.Scopes {
		r.GrantScope(scope)
	}
	sess.SetExpiresAt(fosite.RefreshToken, h.provider.Now().Add(h.provider.RefreshIdleTTL))
	return nil
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler. domain.ErrConsumed if the code has given tokens before.
func (h *deviceHandler) PopulateTokenEndpointResponse(ctx context.Context, r fosite.AccessRequester, answer fosite.AccessResponder) error {
	sess := r.GetSession().(*requestSession)
	access, id, err := h.strategy.GenerateAccessToken(ctx, r)
	if err != nil {
		return err
	}
	var refresh, signature string
	if r.GetGrantedScopes().Has(domain.ScopeOfflineAccess) && slices.Contains(sess.client.GrantTypes, domain.GrantRefreshToken) {
		if refresh, signature, err = h.strategy.GenerateRefreshToken(ctx, r); err != nil {
			return err
		}
	}
	err = h.provider.Transactions.Tx(ctx, func(ctx context.Context) error {
		if err := h.provider.Devices.Use(ctx, sess.device); err != nil {
			return err
		}
		if err := h.storage.CreateAccessTokenSession(ctx, id, r); err != nil || refresh == "" {
			return err
		}
		return h.storage.CreateRefreshTokenSession(ctx, signature, id, r)
	})
	if err != nil {
		return err
	}
	answer.SetAccessToken(access)
	answer.SetTokenType("bearer")
	if refresh != "" {
		answer.SetExtra("refresh_token", refresh)
	}
	if sess.idToken != "" {
		answer.SetExtra("id_token", sess.idToken)
	}
	return nil
}
