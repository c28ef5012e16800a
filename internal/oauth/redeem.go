package oauth

import (
	"context"
	"fmt"
	"net/url"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
)

// Redeem uses up an authorization code as the token endpoint does, for a client that Signet itself acts for: it issues no tokens, and the
// client need not authenticate. domain.ErrInvalid if the code is not valid; after any other error it may be.
func (p *Provider) Redeem(ctx context.Context, clientID, redirectURI, code, verifier string) (grant domain.Grant, err error) {
	form := url.Values{"code": {code}, "redirect_uri": {redirectURI}, "code_verifier": {verifier}}
	err = p.current(ctx, func(revision int64) error {
		grant, err = p.redeem(ctx, clientID, form, revision)
		return err
	})
	if err == nil {
		return grant, nil
	}
	if err = p.endReplayed(ctx, err); wire(err).Status < 500 {
		err = fmt.Errorf("%w code: %w", domain.ErrInvalid, err)
	}
	return domain.Grant{}, err
}

func (p *Provider) redeem(ctx context.Context, clientID string, form url.Values, revision int64) (domain.Grant, error) {
	storage := &storage{p}
	found, err := storage.GetClient(ctx, clientID)
	if err != nil {
		return domain.Grant{}, err
	}
	sess := newSession(revision)
	sess.client = found.(client)
	request := fosite.NewAccessRequest(sess)
	request.Form = form
	if err := validateCode(ctx, p, request, sess); err != nil {
		return domain.Grant{}, err
	}
	if !p.Now().Before(sess.code.ExpiresAt) {
		return domain.Grant{}, errInvalidGrant
	}
	return *sess.grant, p.Transactions.Tx(ctx, func(ctx context.Context) error {
		if err := p.Grants.HoldGrant(ctx, sess.grant.ID, sess.target.Audience, p.Now()); err != nil {
			return err
		}
		ctx = context.WithValue(ctx, fosite.AccessRequestContextKey, fosite.AccessRequester(request))
		return storage.InvalidateAuthorizeCodeSession(ctx, sess.code.Signature)
	})
}
