package oauth

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"strings"
	"time"

	"github.com/ory/fosite"
	foauth "github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/openid"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

// strategy makes tokens for fosite: access and ID tokens with our keys, codes and refresh tokens by HMAC.
type strategy struct {
	*foauth.HMACSHAStrategyUnPrefixed
	provider *Provider
}

var (
	_ foauth.CoreStrategy               = (*strategy)(nil)
	_ openid.OpenIDConnectTokenStrategy = (*strategy)(nil)
)

// signature returns that of a code or refresh token, under which it is stored. Not ok if the value was not made here, to the byte:
// base64 has other spellings of the same bytes.
func (s *strategy) signature(ctx context.Context, value string) (signature string, ok bool) {
	for part := range strings.SplitSeq(value, ".") {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil || base64.RawURLEncoding.EncodeToString(decoded) != part {
			return "", false
		}
	}
	if s.Enigma.Validate(ctx, value) != nil {
		return "", false
	}
	return s.Enigma.Signature(value), true
}

// GenerateRefreshToken implements foauth.RefreshTokenStrategy.
func (s *strategy) GenerateRefreshToken(ctx context.Context, r fosite.Requester) (token, signature string, err error) {
	sess := r.GetSession().(*requestSession)
	switch presented := sess.refreshToken; {
	case sess.kept:
		return presented, s.Enigma.Signature(presented), nil
	case presented != "":
		token, signature = s.successor(presented)
		return token, signature, nil
	}
	return s.HMACSHAStrategyUnPrefixed.GenerateRefreshToken(ctx, r)
}

// successor derives the next refresh token from the current one, so that it can be issued again though only its signature is stored. It
// cannot be derived without the secret, and does not reveal its predecessor.
func (s *strategy) successor(presented string) (token, signature string) {
	derive := hmac.New(sha256.New, s.provider.Secret)
	derive.Write([]byte("successor of refresh token " + presented))
	key := derive.Sum(nil)
	sign := hmac.New(sha512.New512_256, s.provider.Secret) // as fosite signs
	sign.Write(key)
	signature = base64.RawURLEncoding.EncodeToString(sign.Sum(nil))
	return base64.RawURLEncoding.EncodeToString(key) + "." + signature, signature
}

// GenerateAccessToken mints an access token (RFC 9068) and the ID token that goes with it, if any, so that storage can put both
// into the index at once. What fosite calls the token's signature is the jti.
func (s *strategy) GenerateAccessToken(ctx context.Context, r fosite.Requester) (string, string, error) {
	sess := r.GetSession().(*requestSession)
	signed, err := s.provider.Minter.Mint(ctx, token.AccessTokenRequest{
		Client: sess.client.Client, API: sess.api, Grant: sess.grant, Scopes: r.GetGrantedScopes(),
	})
	if err != nil {
		return "", "", err
	}
	if sess.permissionsAsked && len(signed.Scopes) == 0 {
		return "", "", fosite.ErrInvalidScope.WithHint(ourWords + "No role of this client gives any of the scopes that it asks for.")
	}
	if len(signed.LeftOut) > 0 {
		s.provider.logLeftOut(ctx, "api", sess.api.Audience, signed.LeftOut)
	}
	sess.signed = signed
	sess.issued = []domain.IssuedToken{signed.Record}
	if sess.grant != nil && r.GetGrantedScopes().Has(domain.ScopeOpenID) {
		if err := s.mintID(ctx, sess, r.GetGrantedScopes()); err != nil {
			return "", "", err
		}
	}
	return signed.Token, signed.Record.ID.String(), nil
}

// mintID makes the ID token (OpenID Connect Core §2).
func (s *strategy) mintID(ctx context.Context, sess *requestSession, scopes []string) error {
	c := sess.client.Client
	signed, record, leftOut, err := s.provider.Minter.MintID(ctx, token.IDTokenRequest{
		Client: c, User: sess.user, Grant: sess.grant, Scopes: scopes, AccessHash: accessTokenHash(sess.signed.Token, c.IDTokenAlg),
		Nonce: sess.nonce, Expires: s.provider.Now().Add(s.provider.IDTTL),
	})
	if err != nil {
		return err
	}
	s.provider.logLeftOut(ctx, "client", c.ClientID, leftOut)
	sess.idToken = signed
	sess.issued = append(sess.issued, record)
	return nil
}

// accessTokenHash is the left half of the hash that goes with the ID token's algorithm (OpenID Connect Core §3.1.3.6).
func accessTokenHash(accessToken, alg string) string {
	if alg == domain.EdDSA { // Ed25519 hashes with SHA-512
		sum := sha512.Sum512([]byte(accessToken))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(accessToken))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// GenerateIDToken hands out the ID token that GenerateAccessToken has made.
func (s *strategy) GenerateIDToken(_ context.Context, _ time.Duration, r fosite.Requester) (string, error) {
	return r.GetSession().(*requestSession).idToken, nil
}

// AccessTokenSignature is not used: introspection and revocation are our own.
func (s *strategy) AccessTokenSignature(context.Context, string) string { return "" }

// ValidateAccessToken is not used: introspection is our own.
func (s *strategy) ValidateAccessToken(context.Context, fosite.Requester, string) error {
	return errUnsupported
}
