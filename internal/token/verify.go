package token

import (
	"context"
	"encoding/json"

	"github.com/signet-auth/signet/internal/keys"
)

// Verify checks signature and type of an access token, not its expiry. keys.ErrNotOurs if it is not one of ours.
func (m *Minter) Verify(ctx context.Context, token string) (Claims, error) {
	payload, _, err := m.keys.Verify(ctx, keys.TypeAccessToken, token)
	if err != nil {
		return Claims{}, err
	}
	var claims Claims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return Claims{}, keys.ErrNotOurs
	}
	return claims, nil
}

// IDClaims are the claims of an ID token that say whom it is about, and for which client.
type IDClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	ClientID string `json:"aud"`
	Session  string `json:"sid"` // domain.Session.SID, empty: of no session
}

// VerifyIDToken checks an ID token of ours, whether expired or not (for id_token_hint, OpenID Connect Core §3.1.2.1, RP-Initiated Logout
// 1.0 §2). keys.ErrNotOurs if it is not one, keys.ErrUnknownKey if its key is gone.
func (m *Minter) VerifyIDToken(ctx context.Context, token string) (IDClaims, error) {
	payload, _, err := m.keys.Verify(ctx, keys.TypeJWT, token)
	if err != nil {
		return IDClaims{}, err
	}
	var claims IDClaims
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Issuer != m.issuer {
		return IDClaims{}, keys.ErrNotOurs
	}
	return claims, nil
}
