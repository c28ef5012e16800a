package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/keysource"
)

// EncryptionError says that there is no usable key to encrypt an API's tokens to now. It is a domain.ErrUnavailable.
type EncryptionError struct {
	Audience string
	Cause    error
}

func (e *EncryptionError) Error() string {
	return fmt.Sprintf("encrypt for API %q: %v", e.Audience, e.Cause)
}

// Unwrap makes it a domain.ErrUnavailable.
func (e *EncryptionError) Unwrap() error { return domain.ErrUnavailable }

func (m *Minter) encryptionKey(ctx context.Context, api *domain.API) (*keys.EncryptionKey, error) {
	if api.Encryption.JWKS != "" {
		key, err := keys.ParseEncryptionKeys("encryption_jwks", []byte(api.Encryption.JWKS))
		if err != nil {
			return nil, &EncryptionError{api.Audience, err} // it was registered with a version that accepted it
		}
		return key, nil
	}
	key, err := m.encryptionKeys.Latest(ctx, keysource.Source{URI: api.Encryption.JWKSURI, Private: api.Encryption.JWKSURIPrivate})
	if errors.Is(err, keysource.ErrUnknown) {
		return nil, &EncryptionError{api.Audience, err}
	}
	return key, err
}

// encrypt encrypts an access token to its API, if that wants whole tokens encrypted (RFC 9068 §6).
func (m *Minter) encrypt(ctx context.Context, api *domain.API, token string) (string, error) {
	if api == nil || !api.Encryption.WholeToken() {
		return token, nil
	}
	key, err := m.encryptionKey(ctx, api)
	if err != nil {
		return "", err
	}
	return m.keys.Encrypt(key, keys.TypeAccessToken, []byte(token))
}

// encryptClaims moves the claims that the API wants encrypted into encrypted_claims. That contains the claims that identify the token too, so
// that it cannot be moved to another token.
func (m *Minter) encryptClaims(ctx context.Context, api *domain.API, d *decided) error {
	if api == nil || len(api.Encryption.Claims) == 0 {
		return nil
	}
	d.hidden = map[string]any{}
	for _, name := range api.Encryption.Claims {
		switch value, mapped := d.mapped[name]; {
		case name == domain.ScopeRoles && len(d.claims.Roles) > 0:
			d.hidden[name], d.claims.Roles = d.claims.Roles, nil
		case name == domain.ScopeGroups && len(d.claims.Groups) > 0:
			d.hidden[name], d.claims.Groups = d.claims.Groups, nil
		case mapped:
			d.hidden[name] = value
			delete(d.mapped, name)
		}
	}
	if len(d.hidden) == 0 {
		return nil
	}
	key, err := m.encryptionKey(ctx, api)
	if err != nil {
		return err
	}
	bound := map[string]any{"iss": d.claims.Issuer, "sub": d.claims.Subject, "aud": d.claims.Audience, "jti": d.claims.ID}
	maps.Copy(bound, d.hidden)
	text, err := json.Marshal(bound)
	if err != nil {
		return fmt.Errorf("write the claims: %w", err)
	}
	d.claims.Encrypted, err = m.keys.Encrypt(key, keys.TypeEncryptedClaims, text)
	return err
}

// Open returns the access token that is in an encrypted one, if that was made here; any other value as it is.
func (m *Minter) Open(value string) string {
	if plain, ok := m.keys.Decrypt(keys.TypeAccessToken, value); ok {
		return string(plain)
	}
	return value
}

// AllClaims are those of a token that was located in the index, whatever they are, also those that are encrypted.
func (m *Minter) AllClaims(token string) map[string]any {
	text, _ := decode(token)
	var claims domain.JSONObject
	if json.Unmarshal(text, &claims) != nil {
		return nil
	}
	encrypted, ok := claims["encrypted_claims"].(string)
	if !ok {
		return claims
	}
	delete(claims, "encrypted_claims")
	maps.Copy(claims, m.hidden(encrypted))
	return claims
}

// hidden are the claims that were encrypted, with those that name their token. None if they cannot be read any more.
func (m *Minter) hidden(encrypted string) map[string]any {
	var claims domain.JSONObject
	text, ok := m.keys.Decrypt(keys.TypeEncryptedClaims, encrypted)
	if !ok || json.Unmarshal(text, &claims) != nil {
		return nil
	}
	return claims
}

// Reveal adds the encrypted roles and groups of a token that was located in the index to its claims. false if what is encrypted cannot be
// read any more.
func (m *Minter) Reveal(c *Claims) bool {
	if c.Encrypted == "" {
		return true
	}
	text, ok := m.keys.Decrypt(keys.TypeEncryptedClaims, c.Encrypted)
	var hidden struct{ Roles, Groups []string }
	if !ok || json.Unmarshal(text, &hidden) != nil {
		return false
	}
	if hidden.Roles != nil {
		c.Roles = hidden.Roles
	}
	if hidden.Groups != nil {
		c.Groups = hidden.Groups
	}
	return true
}
