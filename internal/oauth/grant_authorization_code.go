package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/ory/fosite"
	foauth "github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/openid"

	"github.com/signet-auth/signet/internal/domain"
)

// authorizationCode is RFC 6749 §4.1.3, with PKCE and the ID token of OpenID Connect Core §3.1.3.
var authorizationCode = grantType{
	GrantType: domain.GrantType{Name: domain.GrantAuthorizationCode, RedirectURI: true},
	validate:  validateCode,
	handlers: func(p parts) []fosite.TokenEndpointHandler {
		return []fosite.TokenEndpointHandler{p.codeHandler(), p.openidHandler()}
	},
}

// codeHandler serves the authorization endpoint too.
func (p parts) codeHandler() *foauth.AuthorizeExplicitGrantHandler {
	return &foauth.AuthorizeExplicitGrantHandler{
		AccessTokenStrategy: p.strategy, RefreshTokenStrategy: p.strategy, AuthorizeCodeStrategy: p.strategy,
		CoreStorage: p.storage, TokenRevocationStorage: p.storage, Config: p.settings,
	}
}

// openidHandler serves the authorization endpoint too.
func (p parts) openidHandler() *openid.OpenIDConnectExplicitHandler {
	return &openid.OpenIDConnectExplicitHandler{
		OpenIDConnectRequestStorage:   p.storage,
		OpenIDConnectRequestValidator: openid.NewOpenIDConnectRequestValidator(nil, p.settings), // nil: hints are judged by authorize
		Config:                        p.settings,
		IDTokenHandleHelper:           &openid.IDTokenHandleHelper{IDTokenStrategy: p.strategy},
	}
}

// validateCode finds the code and its grant, and checks redirect URI and verifier, so that PKCE cannot be skipped.
func validateCode(ctx context.Context, p *Provider, r fosite.AccessRequester, sess *requestSession) error {
	form := r.GetRequestForm()
	if !form.Has("code") {
		return fosite.ErrInvalidRequest.WithHint(ourWords + "The parameter 'code' is missing.")
	}
	signature, ok := p.strategy.signature(ctx, form.Get("code"))
	if !ok {
		return errInvalidGrant
	}
	code, err := p.Credentials.FindCode(ctx, signature)
	if errors.Is(err, domain.ErrNotFound) {
		return errInvalidGrant
	} else if err != nil {
		return fmt.Errorf("find the code: %w", err)
	}
	if err := p.loadGrant(ctx, sess, code.GrantID); err != nil {
		return err
	}
	var asked url.Values
	if err := json.Unmarshal(code.Form, &asked); err != nil {
		return fmt.Errorf("read the authorization request: %w", err)
	}
	if asked.Has("redirect_uri") && !form.Has("redirect_uri") {
		return fosite.ErrInvalidRequest.WithHint(ourWords + "The parameter 'redirect_uri' is missing: it was in the authorization request.")
	}
	if form.Get("redirect_uri") != asked.Get("redirect_uri") {
		return errInvalidGrant.WithHint(ourWords + "The redirect_uri is not that of the authorization request.")
	}
	if err := checkVerifier(sess.client.Client, form.Get("code_verifier"), asked.Get("code_challenge")); err != nil {
		return err
	}
	if !code.UsedAt.IsZero() {
		return &replayError{grantID: code.GrantID, clientID: sess.client.ClientID}
	}
	sess.code, sess.nonce, sess.saysScope = &code, asked.Get("nonce"), true // the code does not keep whether scopes were asked for that mean nothing
	sess.SetExpiresAt(fosite.AuthorizeCode, code.ExpiresAt)
	return p.chooseTarget(ctx, form, sess)
}
