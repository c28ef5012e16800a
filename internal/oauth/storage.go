package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/ory/fosite"
	foauth "github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/openid"
	fstorage "github.com/ory/fosite/storage"

	"github.com/signet-auth/signet/internal/domain"
)

// Transactions run several statements as one: Tx at once, Begin, Commit and Rollback in steps. The ctx that Begin and Tx give carries
// the transaction.
type Transactions interface {
	Tx(ctx context.Context, fn func(ctx context.Context) error) error
	Begin(ctx context.Context) (context.Context, error)
	Commit(ctx context.Context) error
	Rollback(ctx context.Context) error
	// HoldRevision returns the revision, and keeps it from changing for the rest of the transaction. After a promotion of another database
	// server it returns more than any revision, until all was read anew by Changes.
	HoldRevision(ctx context.Context) (int64, error)
}

// Grants keeps grants.
type Grants interface {
	// InsertGrant stores a grant and returns its id, in a transaction that holds the revision: a revocation covers just the
	// grants that were stored before it. ErrExists if there is a grant for the same act of the user.
	InsertGrant(ctx context.Context, grant domain.Grant) (int64, error)
	FindGrant(ctx context.Context, id int64) (domain.Grant, error)
	// HoldGrant locks a grant for the rest of the transaction, so that no revocation can come in between. ErrRevoked if it is revoked or
	// expired, does not cover the API, or ends with a session that has ended.
	HoldGrant(ctx context.Context, id int64, audience string, now time.Time) error
}

// Credentials keeps what a client presents for a grant: codes and refresh tokens, by signature. Each may be used once, by
// compare-and-set: the loser gets ErrConsumed.
type Credentials interface {
	// InsertCode stores an authorization code.
	InsertCode(ctx context.Context, code domain.AuthorizationCode) error
	// FindCode returns ErrNotFound if there is none; a used code is found, and one of a grant that has ended.
	FindCode(ctx context.Context, signature string) (domain.AuthorizationCode, error)
	// UseCode marks a code as used. ErrConsumed if it was used before, ErrNotFound if there is none. HoldGrant says whether its grant is
	// live.
	UseCode(ctx context.Context, signature string, now time.Time) error
	// InsertRefreshToken stores a refresh token.
	InsertRefreshToken(ctx context.Context, token domain.RefreshToken) error
	FindRefreshToken(ctx context.Context, signature string) (domain.RefreshToken, error)
	// UseRefreshToken marks a refresh token as used. ErrConsumed if it was used before, ErrNotFound if there is none. HoldGrant says
	// whether its grant is live.
	UseRefreshToken(ctx context.Context, signature string, now time.Time) error
	// ProlongRefreshToken sets when an unused refresh token expires. ErrConsumed if it was used, or is gone.
	ProlongRefreshToken(ctx context.Context, signature string, expires time.Time) error
}

// storage presents Signet's grants to fosite. A code and its PKCE and OpenID data are one row, a refresh token refers to its grant, and
// what may be used once is compare-and-set.
type storage struct{ provider *Provider }

var (
	_ fosite.Storage                     = (*storage)(nil)
	_ foauth.CoreStorage                 = (*storage)(nil)
	_ foauth.TokenRevocationStorage      = (*storage)(nil)
	_ openid.OpenIDConnectRequestStorage = (*storage)(nil)
	_ fstorage.Transactional             = (*storage)(nil)
)

func (s *storage) BeginTX(ctx context.Context) (context.Context, error) {
	return s.provider.Transactions.Begin(ctx)
}
func (s *storage) Commit(ctx context.Context) error   { return s.provider.Transactions.Commit(ctx) }
func (s *storage) Rollback(ctx context.Context) error { return s.provider.Transactions.Rollback(ctx) }

// GetClient implements fosite.ClientManager. A disabled client is as good as none.
func (s *storage) GetClient(ctx context.Context, id string) (fosite.Client, error) {
	found, err := s.provider.Registry.LookupClient(ctx, id)
	if errors.Is(err, domain.ErrNotFound) || err == nil && !found.DisabledAt.IsZero() {
		return nil, fosite.ErrNotFound
	} else if err != nil {
		return nil, err
	}
	judged, _ := ctx.Value(judgedRedirect{}).(string)
	return client{found, judged}, nil
}

// CreateAuthorizeCodeSession stores the grant and its code. domain.ErrStale if something has changed since the request was judged,
// domain.ErrConsumed if what the user did for it has served another grant.
func (s *storage) CreateAuthorizeCodeSession(ctx context.Context, signature string, r fosite.Requester) error {
	sess := r.GetSession().(*requestSession)
	form, err := json.Marshal(r.GetRequestForm())
	if err != nil {
		return fmt.Errorf("write the authorization request: %w", err)
	}
	p := s.provider
	return p.Transactions.Tx(ctx, func(ctx context.Context) error {
		// A password change, say, ends all sessions and grants: none may be added that was decided before it.
		newest, err := p.Transactions.HoldRevision(ctx)
		if err != nil {
			return fmt.Errorf("hold the revision: %w", err)
		}
		if newest != sess.revision { // it is older where a promotion lost commits
			return domain.ErrStale
		}
		id, err := p.Grants.InsertGrant(ctx, *sess.grant)
		if errors.Is(err, domain.ErrExists) {
			return fmt.Errorf("an answer for what the user did: %w", domain.ErrConsumed)
		} else if err != nil {
			return fmt.Errorf("store the grant: %w", err)
		}
		return p.Credentials.InsertCode(ctx, domain.AuthorizationCode{
			Signature: signature, GrantID: id, Form: form,
			CreatedAt: s.provider.Now(), ExpiresAt: sess.GetExpiresAt(fosite.AuthorizeCode),
		})
	})
}

// GetAuthorizeCodeSession returns the request of the code that requestValidator has found and judged.
func (s *storage) GetAuthorizeCodeSession(_ context.Context, _ string, passed fosite.Session) (fosite.Requester, error) {
	sess := passed.(*requestSession)
	if sess.code == nil {
		return nil, fosite.ErrNotFound
	}
	return s.request(sess, sess.code.Form)
}

// InvalidateAuthorizeCodeSession uses the code up; a second use is a replay.
func (s *storage) InvalidateAuthorizeCodeSession(ctx context.Context, signature string) error {
	err := s.provider.Credentials.UseCode(ctx, signature, s.provider.Now())
	if errors.Is(err, domain.ErrConsumed) {
		return replayOf(ctx)
	}
	return err
}

// request rebuilds the authorization request of a grant, with the client that asks now: it is the grant's, see requestValidator.
func (s *storage) request(sess *requestSession, form []byte) (*fosite.Request, error) {
	r := fosite.NewRequest()
	r.SetID(strconv.FormatInt(sess.grant.ID, 10))
	if form != nil {
		if err := json.Unmarshal(form, &r.Form); err != nil {
			return nil, fmt.Errorf("read the authorization request: %w", err)
		}
	}
	r.Client = sess.client
	r.Session = sess
	r.RequestedAt = sess.grant.CreatedAt
	r.SetRequestedScopes(sess.target.Scopes)
	for _, scope := range sess.target.Scopes {
		r.GrantScope(scope)
	}
	return r, nil
}

// CreateAccessTokenSession puts what GenerateAccessToken has signed into the index.
func (s *storage) CreateAccessTokenSession(ctx context.Context, _ string, r fosite.Requester) error {
	sess := r.GetSession().(*requestSession)
	if sess.grant != nil {
		if err := s.provider.Grants.HoldGrant(ctx, sess.grant.ID, sess.target.Audience, s.provider.Now()); err != nil {
			return err
		}
	}
	return s.provider.Index.Record(ctx, sess.revision, sess.issued...)
}

// CreateRefreshTokenSession stores a refresh token; it never outlives its grant.
func (s *storage) CreateRefreshTokenSession(ctx context.Context, signature, _ string, r fosite.Requester) error {
	sess := r.GetSession().(*requestSession)
	if sess.repeated {
		return nil // it is stored
	}
	expires := sess.GetExpiresAt(fosite.RefreshToken)
	if expires.After(sess.grant.ExpiresAt) {
		expires = sess.grant.ExpiresAt
	}
	if end := sess.grant.CreatedAt.Add(s.provider.RefreshAbsoluteTTL); expires.After(end) {
		expires = end
	}
	if sess.kept {
		err := s.provider.Credentials.ProlongRefreshToken(ctx, signature, expires)
		if errors.Is(err, domain.ErrConsumed) { // where another replica did not have the client as it is now
			err = domain.ErrStale
		}
		return err
	}
	return s.provider.Credentials.InsertRefreshToken(ctx, domain.RefreshToken{
		Signature: signature, GrantID: sess.grant.ID, CreatedAt: s.provider.Now(), ExpiresAt: expires,
	})
}

// GetRefreshTokenSession returns the request of the refresh token that requestValidator has found and judged.
func (s *storage) GetRefreshTokenSession(_ context.Context, _ string, passed fosite.Session) (fosite.Requester, error) {
	sess := passed.(*requestSession)
	if sess.grant == nil {
		return nil, fosite.ErrNotFound
	}
	return s.request(sess, nil)
}

// RotateRefreshToken uses the refresh token up, unless it is kept; a second use is a replay, see checkReuse.
func (s *storage) RotateRefreshToken(ctx context.Context, _ string, signature string) error {
	if sessionOf(ctx).kept {
		return nil
	}
	err := s.provider.Credentials.UseRefreshToken(ctx, signature, s.provider.Now())
	if !errors.Is(err, domain.ErrConsumed) {
		return err
	}
	// The grant is locked now: what is found stays so until the transaction ends.
	used, err := s.provider.Credentials.FindRefreshToken(ctx, signature)
	if err != nil {
		return fmt.Errorf("find the refresh token: %w", err)
	}
	return s.provider.checkReuse(ctx, sessionOf(ctx), used)
}

// sessionOf returns the session of the token request that ctx carries.
func sessionOf(ctx context.Context) *requestSession {
	return ctx.Value(fosite.AccessRequestContextKey).(fosite.AccessRequester).GetSession().(*requestSession)
}

// replayOf names the grant of the token request that ctx carries.
func replayOf(ctx context.Context) error {
	sess := sessionOf(ctx)
	return &replayError{grantID: sess.grant.ID, clientID: sess.client.ClientID}
}

// CreateOpenIDConnectSession has nothing to do: the code's row holds the nonce.
func (s *storage) CreateOpenIDConnectSession(context.Context, string, fosite.Requester) error {
	return nil
}

// GetOpenIDConnectSession returns the code's request if it asked for an ID token.
func (s *storage) GetOpenIDConnectSession(_ context.Context, _ string, r fosite.Requester) (fosite.Requester, error) {
	sess := r.GetSession().(*requestSession)
	if sess.code == nil || !r.GetGrantedScopes().Has(domain.ScopeOpenID) {
		return nil, openid.ErrNoSessionFound
	}
	return s.request(sess, sess.code.Form)
}

// DeleteOpenIDConnectSession has nothing to do: the code is used up.
func (s *storage) DeleteOpenIDConnectSession(context.Context, string) error { return nil }

// What follows is never called: replays end a grant in the token endpoint, introspection and revocation are our own,
// client assertions are refused.

// GetAccessTokenSession implements foauth.CoreStorage.
func (s *storage) GetAccessTokenSession(context.Context, string, fosite.Session) (fosite.Requester, error) {
	return nil, errUnsupported
}

// DeleteAccessTokenSession implements foauth.CoreStorage.
func (s *storage) DeleteAccessTokenSession(context.Context, string) error { return errUnsupported }

// DeleteRefreshTokenSession implements foauth.CoreStorage.
func (s *storage) DeleteRefreshTokenSession(context.Context, string) error { return errUnsupported }

// RevokeRefreshToken implements foauth.TokenRevocationStorage.
func (s *storage) RevokeRefreshToken(context.Context, string) error { return errUnsupported }

// RevokeAccessToken implements foauth.TokenRevocationStorage.
func (s *storage) RevokeAccessToken(context.Context, string) error { return errUnsupported }

// ClientAssertionJWTValid implements fosite.ClientManager.
func (s *storage) ClientAssertionJWTValid(context.Context, string) error { return errUnsupported }

// SetClientAssertionJWT implements fosite.ClientManager.
func (s *storage) SetClientAssertionJWT(context.Context, string, time.Time) error {
	return errUnsupported
}
