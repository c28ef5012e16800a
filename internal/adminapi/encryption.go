package adminapi

import (
	"encoding/json"

	"github.com/signet-auth/signet/internal/domain"
)

// EncryptionSettings say what of an API's access tokens is encrypted to it.
type EncryptionSettings struct {
	EncryptionJWKS           *map[string]any `json:"encryption_jwks,omitempty" doc:"Public keys of the API that its access tokens are encrypted to (RFC 7517 §5), of which the first counts; in place of encryption_jwks_uri. RSA with RSA-OAEP-256, and P-256, P-384, P-521 or X25519 with ECDH-ES"`
	EncryptionJWKSURI        *string         `json:"encryption_jwks_uri,omitempty" maxLength:"2000" doc:"Where the API publishes them, in place of encryption_jwks; the first that is for encryption counts. Empty: it has no keys"`
	EncryptionJWKSURIPrivate *bool           `json:"encryption_jwks_uri_private,omitempty" doc:"That may be at a private address"`
	EncryptedClaims          *[]string       `json:"encrypted_claims,omitempty" maxItems:"22" doc:"What alone is encrypted: roles, groups and claims of the mappings. Empty: whole tokens are, if there are keys"`
}

func (s *EncryptionSettings) apply(e *domain.Encryption) error {
	set(&e.JWKSURIPrivate, s.EncryptionJWKSURIPrivate)
	set(&e.Claims, s.EncryptedClaims)
	if s.EncryptionJWKSURI != nil {
		e.JWKS, e.JWKSURI = "", *s.EncryptionJWKSURI
	}
	if s.EncryptionJWKS != nil {
		text, err := json.Marshal(*s.EncryptionJWKS)
		if err != nil || s.EncryptionJWKSURI != nil && *s.EncryptionJWKSURI != "" {
			return invalid("body.encryption_jwks_uri", domain.RuleConflict, "Give the keys as encryption_jwks, a JWK Set, or as encryption_jwks_uri.")
		}
		e.JWKS, e.JWKSURI = string(text), ""
	}
	return nil
}
