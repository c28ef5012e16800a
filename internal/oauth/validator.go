package oauth

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/domain"
)

// requestValidator runs before fosite's handlers and validates a token request by the rules of its grant type.
type requestValidator struct{ provider *Provider }

var _ fosite.TokenEndpointHandler = (*requestValidator)(nil)

// CanHandleTokenEndpointRequest implements fosite.TokenEndpointHandler.
func (v *requestValidator) CanHandleTokenEndpointRequest(context.Context, fosite.AccessRequester) bool {
	return true
}

// CanSkipClientAuth implements fosite.TokenEndpointHandler.
func (v *requestValidator) CanSkipClientAuth(context.Context, fosite.AccessRequester) bool {
	return false
}

// PopulateTokenEndpointResponse implements fosite.TokenEndpointHandler.
func (v *requestValidator) PopulateTokenEndpointResponse(context.Context, fosite.AccessRequester, fosite.AccessResponder) error {
	return fosite.ErrUnknownRequest
}

// HandleTokenEndpointRequest implements fosite.TokenEndpointHandler. ErrUnknownRequest leaves the grant to its own handler.
func (v *requestValidator) HandleTokenEndpointRequest(ctx context.Context, r fosite.AccessRequester) error {
	sess, c := r.GetSession().(*requestSession), r.GetClient().(client)
	sess.client = c
	name := r.GetRequestForm().Get("grant_type")
	if !slices.Contains(c.GrantTypes, name) {
		return fosite.ErrUnauthorizedClient.WithHint(ourWords + "The client is not registered for this grant type.")
	}
	grant, ok := findGrantType(name)
	if !ok {
		return fosite.ErrUnsupportedGrantType
	}
	if err := checkScopeForm(r.GetRequestForm()); err != nil {
		return err
	}
	if err := grant.validate(ctx, v.provider, r, sess); err != nil {
		return err
	}
	return fosite.ErrUnknownRequest
}

// loadGrant loads a grant and its user into the session. A revoked grant, or one of another client, is treated as not found.
func (p *Provider) loadGrant(ctx context.Context, sess *requestSession, id int64) error {
	grant, err := p.Grants.FindGrant(ctx, id)
	if errors.Is(err, domain.ErrNotFound) || err == nil && (grant.ClientID != sess.client.ID || !grant.RevokedAt.IsZero()) {
		return errInvalidGrant
	} else if err != nil {
		return fmt.Errorf("find the grant: %w", err)
	}
	user, err := p.Directory.LookupUser(ctx, grant.UserID)
	if errors.Is(err, domain.ErrNotFound) || err == nil && !user.DisabledAt.IsZero() {
		return errInvalidGrant
	} else if err != nil {
		return fmt.Errorf("find the user: %w", err)
	}
	sess.of(grant, user)
	return nil
}

// chooseTarget decides which of the APIs that the grant covers the token is for (RFC 8707 §2.2): the one that the request names; else the
// client's default, if it is among them; else the first that was asked for and that the client may still use.
func (p *Provider) chooseTarget(ctx context.Context, form url.Values, sess *requestSession) error {
	named := p.resources(form)
	if len(named) > 1 {
		return errInvalidTarget.WithHint(ourWords + "A token is for one resource; ask for one at a time.")
	}
	if len(named) == 1 {
		granted := sess.grant.At(named[0])
		if granted == nil {
			return errInvalidTarget.WithHint(ourWords + "The grant is for another resource.")
		}
		return p.setTarget(ctx, sess, granted)
	}
	choices := make([]*domain.GrantAPI, 0, len(sess.grant.APIs)+1)
	if standard := sess.client.DefaultAPI(); standard != "" {
		choices = append(choices, sess.grant.At(standard))
	}
	for _, api := range sess.grant.APIs {
		choices = append(choices, sess.grant.At(api.Audience))
	}
	err := error(errInvalidTarget)
	for _, granted := range choices {
		if granted == nil {
			continue
		}
		if err = p.setTarget(ctx, sess, granted); !errors.Is(err, errInvalidTarget) {
			return err
		}
	}
	return err
}

func (p *Provider) setTarget(ctx context.Context, sess *requestSession, granted *domain.GrantAPI) (err error) {
	if sess.target = granted; granted.Audience == p.Issuer {
		return nil
	}
	sess.api, err = p.Registry.ClientAPI(ctx, sess.client.Client, granted.Audience)
	return targetError(err)
}
