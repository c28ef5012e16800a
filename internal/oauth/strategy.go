package oauth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ory/fosite"
	foauth "github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/token/jwt"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

// strategy makes tokens for fosite: access and ID tokens with our keys, codes and refresh tokens by HMAC.
type strategy struct {
	*foauth.HMACSHAStrategyUnPrefixed
	provider *Provider
}

var (
	_ foauth.CoreStrategy = (*strategy)(nil)
	_ jwt.Signer          = (*strategy)(nil)
)

// GenerateAccessToken mints an access token (RFC 9068). What fosite calls its signature is the jti.
func (s *strategy) GenerateAccessToken(ctx context.Context, r fosite.Requester) (string, string, error) {
	sess := r.GetSession().(*requestSession)
	minted, err := s.provider.Tokens.Mint(ctx, token.Order{
		Client: r.GetClient().(client).Client, API: sess.api, Grant: sess.grant, Scopes: r.GetGrantedScopes(),
	})
	if err != nil {
		return "", "", err
	}
	if sess.grant == nil && len(minted.Scopes) == 0 && len(r.GetGrantedScopes()) > 0 {
		return "", "", fosite.ErrInvalidScope.WithHint("No role of this client gives any of the scopes that it asks for.")
	}
	sess.minted = minted
	return minted.Token, minted.Record.ID.String(), nil
}

// AccessTokenSignature is not used: introspection and revocation are our own.
func (s *strategy) AccessTokenSignature(context.Context, string) string { return "" }

// ValidateAccessToken is not used: introspection is our own.
func (s *strategy) ValidateAccessToken(context.Context, fosite.Requester, string) error {
	return errRefused
}

// Generate signs an ID token for the client of the request that ctx carries (OpenID Connect Core §2).
func (s *strategy) Generate(ctx context.Context, claims jwt.MapClaims, _ jwt.Mapper) (string, string, error) {
	r, ok := ctx.Value(fosite.AccessRequestContextKey).(fosite.AccessRequester)
	if !ok {
		return "", "", errors.New("an ID token outside a token request")
	}
	sess, c := r.GetSession().(*requestSession), r.GetClient().(client)
	delete(claims, "rat") // fosite's own bookkeeping
	if c.IDTokenAlg == domain.EdDSA {
		delete(claims, "at_hash") // fosite takes SHA-256, Ed25519 wants SHA-512; in the code flow it is optional
	}
	claims["aud"] = c.ClientID
	addProfile(claims, sess.user, r.GetGrantedScopes())
	expires, ok := claims["exp"].(int64)
	if !ok {
		return "", "", fmt.Errorf("ID token expiry is %T", claims["exp"])
	}
	signed, err := s.provider.Tokens.MintID(ctx, c.Client, sess.grant, claims, time.Unix(expires, 0))
	return signed, "", err
}

// addProfile adds the claims that the scopes ask for (OpenID Connect Core §5.4).
func addProfile(claims map[string]any, user *domain.User, scopes []string) {
	if slices.Contains(scopes, domain.ScopeProfile) {
		claims["preferred_username"] = user.Username
		if user.Name != "" {
			claims["name"] = user.Name
		}
		claims["updated_at"] = user.UpdatedAt.Unix()
	}
	if slices.Contains(scopes, domain.ScopeEmail) && user.Email != "" {
		claims["email"] = user.Email
		claims["email_verified"] = user.EmailVerified
	}
}

// The rest of jwt.Signer is for uses that Signet has its own code for.

// Validate implements jwt.Signer.
func (s *strategy) Validate(context.Context, string) (string, error) { return "", errRefused }

// Hash implements jwt.Signer.
func (s *strategy) Hash(context.Context, []byte) ([]byte, error) { return nil, errRefused }

// Decode implements jwt.Signer.
func (s *strategy) Decode(context.Context, string) (*jwt.Token, error) { return nil, errRefused }

// GetSignature implements jwt.Signer.
func (s *strategy) GetSignature(context.Context, string) (string, error) { return "", errRefused }

// GetSigningMethodLength implements jwt.Signer.
func (s *strategy) GetSigningMethodLength(context.Context) int { return 0 }
