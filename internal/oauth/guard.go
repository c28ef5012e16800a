package oauth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
)

// guard runs before fosite's handlers. It finds the code or refresh token and the grant behind it, and judges all that must
// hold before a replay may count as one: the right client, the right verifier. So nobody can end a grant with a stolen
// code alone, and PKCE cannot be skipped (RFC 7636 §4.6).
type guard struct{ provider *Provider }

var _ fosite.TokenEndpointHandler = (*guard)(nil)

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (g *guard) CanHandleTokenEndpointRequest(context.Context, fosite.AccessRequester) bool {
	return true
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (g *guard) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool { return false }

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (g *guard) PopulateTokenEndpointResponse(context.Context, fosite.AccessRequester, fosite.AccessResponder) error {
	return fosite.ErrUnknownRequest
}

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler. ErrUnknownRequest leaves the grant to its own handler.
func (g *guard) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	sess, c := r.GetSession().(*requestSession), r.GetClient().(client)
	sess.client = c
	var err error
	switch {
	case !slices.Contains(c.GrantTypes, r.GetRequestForm().Get("grant_type")):
		err = fosite.ErrUnauthorizedClient.WithHint("The client is not registered for this grant type.")
	case r.GetGrantTypes().ExactOne(domain.GrantClientCredentials):
		err = g.clientCredentials(ctx, r, sess)
	case r.GetGrantTypes().ExactOne(domain.GrantAuthorizationCode):
		err = g.code(ctx, r, sess)
	case r.GetGrantTypes().ExactOne(domain.GrantRefreshToken):
		err = g.refresh(ctx, r, sess)
	}
	if err != nil {
		return err
	}
	return fosite.ErrUnknownRequest
}

func (g *guard) clientCredentials(ctx context.Context, r fosite.AccessRequester, sess *requestSession) error {
	for _, scope := range r.GetRequestedScopes() {
		if scope == domain.ScopeOpenID || scope == domain.ScopeOfflineAccess {
			return fosite.ErrInvalidScope.WithHint("A client that acts for itself has no user to sign in.")
		}
	}
	api, err := g.provider.target(ctx, sess.client.Client, resources(r.GetRequestForm()), r.GetRequestedScopes())
	if err != nil {
		return err
	}
	if api == nil {
		return errInvalidTarget.WithHint("Name the API with the parameter 'resource'.")
	}
	sess.api = api
	for _, scope := range r.GetRequestedScopes() {
		r.GrantScope(scope)
	}
	return nil
}

func (g *guard) code(ctx context.Context, r fosite.AccessRequester, sess *requestSession) error {
	form := r.GetRequestForm()
	if !form.Has("code") {
		return fosite.ErrInvalidRequest.WithHint("The parameter 'code' is missing.")
	}
	signature, ok := g.provider.strategy.signature(ctx, form.Get("code"))
	if !ok {
		return errInvalidGrant
	}
	code, err := g.provider.Credentials.FindCode(ctx, signature)
	if errors.Is(err, domain.ErrNotFound) {
		return errInvalidGrant
	} else if err != nil {
		return fmt.Errorf("find the code: %w", err)
	}
	if err := g.grant(ctx, sess, code.GrantID); err != nil {
		return err
	}
	var asked url.Values
	if err := json.Unmarshal(code.Form, &asked); err != nil {
		return fmt.Errorf("read the authorization request: %w", err)
	}
	if form.Get("redirect_uri") != asked.Get("redirect_uri") {
		return errInvalidGrant.WithHint("The redirect_uri is not that of the authorization request.")
	}
	if !verifies(form.Get("code_verifier"), asked.Get("code_challenge")) {
		return errInvalidGrant.WithHint("The code_verifier does not fit the code_challenge.")
	}
	if !code.UsedAt.IsZero() {
		return &replayError{grantID: code.GrantID, clientID: sess.client.ClientID}
	}
	sess.code, sess.nonce = &code, asked.Get("nonce")
	sess.SetExpiresAt(fosite.AuthorizeCode, code.ExpiresAt)
	return g.confirmTarget(ctx, form, sess)
}

func (g *guard) refresh(ctx context.Context, r fosite.AccessRequester, sess *requestSession) error {
	form := r.GetRequestForm()
	if !form.Has("refresh_token") {
		return fosite.ErrInvalidRequest.WithHint("The parameter 'refresh_token' is missing.")
	}
	signature, ok := g.provider.strategy.signature(ctx, form.Get("refresh_token"))
	if !ok {
		return errInvalidGrant
	}
	found, err := g.provider.Credentials.FindRefreshToken(ctx, signature)
	if errors.Is(err, domain.ErrNotFound) {
		return errInvalidGrant
	} else if err != nil {
		return fmt.Errorf("find the refresh token: %w", err)
	}
	if err := g.grant(ctx, sess, found.GrantID); err != nil {
		return err
	}
	if !found.UsedAt.IsZero() {
		return &replayError{grantID: found.GrantID, clientID: sess.client.ClientID}
	}
	if !g.provider.Now().Before(found.ExpiresAt) {
		return errInvalidGrant
	}
	sess.SetExpiresAt(fosite.RefreshToken, found.ExpiresAt)
	for scope := range strings.FieldsSeq(form.Get("scope")) {
		if !slices.Contains(sess.grant.Scopes, scope) {
			return fosite.ErrInvalidScope.WithHint("The scope goes beyond what was granted.")
		}
	}
	return g.confirmTarget(ctx, form, sess)
}

// grant loads a grant and its user into the session. A grant of another client, or one that was revoked, is as good as none.
func (g *guard) grant(ctx context.Context, sess *requestSession, id int64) error {
	grant, err := g.provider.Grants.FindGrant(ctx, id)
	if errors.Is(err, domain.ErrNotFound) || err == nil && (grant.ClientID != sess.client.ID || !grant.RevokedAt.IsZero()) {
		return errInvalidGrant
	} else if err != nil {
		return fmt.Errorf("find the grant: %w", err)
	}
	user, err := g.provider.Directory.LookupUser(ctx, grant.UserID)
	if errors.Is(err, domain.ErrNotFound) || err == nil && !user.DisabledAt.IsZero() {
		return errInvalidGrant
	} else if err != nil {
		return fmt.Errorf("find the user: %w", err)
	}
	sess.of(grant, user)
	return nil
}

// confirmTarget loads the grant's API, and refuses a request for any other (RFC 8707 §2.2).
func (g *guard) confirmTarget(ctx context.Context, form url.Values, sess *requestSession) error {
	for _, resource := range resources(form) {
		if resource != sess.grant.Audience {
			return errInvalidTarget.WithHint("The grant is for another resource.")
		}
	}
	if sess.grant.Audience == g.provider.Issuer {
		return nil
	}
	api, err := g.provider.api(ctx, sess.client.Client, sess.grant.Audience)
	sess.api = api
	return err
}

// verifies checks a PKCE verifier against an S256 challenge (RFC 7636 §4.6).
func verifies(verifier, challenge string) bool {
	if !verifierForm.MatchString(verifier) {
		return false
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(challenge)) == 1
}

var (
	verifierForm  = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`) // RFC 7636 §4.1
	challengeForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)       // a SHA-256 in base64url
)
