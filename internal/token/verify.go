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

// VerifyIDToken checks an ID token of ours, whether expired or not, and returns its "sub" (for id_token_hint, OpenID Connect Core
// §3.1.2.1). keys.ErrNotOurs if it is not one.
func (m *Minter) VerifyIDToken(ctx context.Context, token string) (subject string, err error) {
	payload, _, err := m.keys.Verify(ctx, keys.TypeJWT, token)
	if err != nil {
		return "", err
	}
	var claims struct {
		Issuer  string `json:"iss"`
		Subject string `json:"sub"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Issuer != m.issuer {
		return "", keys.ErrNotOurs
	}
	return claims.Subject, nil
}
