package registry

import (
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

// checkEncryption holds the rules for what of an API's access tokens is encrypted, and writes keys registered here without blanks.
func checkEncryption(a *domain.API) error {
	e := &a.Encryption
	switch {
	case !e.HasKeys():
		if len(e.Claims) > 0 || e.JWKSURIPrivate {
			return domain.Invalid("encryption_jwks", domain.RuleRequired, "encryption: the API has no keys to encrypt to; register its JWKS, or where it publishes that")
		}
		return nil
	case a.Audience == domain.AdminAudience:
		return domain.Invalid("encryption_jwks", domain.RuleBuiltIn, "encryption: nobody but Signet reads the tokens of %s", a.Audience)
	case e.JWKS != "" && e.JWKSURI != "":
		return domain.Invalid("encryption_jwks_uri", domain.RuleConflict, "encryption: register the JWKS of the API, or where it publishes that, not both")
	}
	if err := checkEncryptedClaims(a); err != nil {
		return err
	}
	if e.JWKS == "" {
		return checkFetched("encryption_jwks_uri", "encryption JWKS URI", e.JWKSURI)
	}
	if _, err := keys.ParseEncryptionKeys("encryption_jwks", []byte(e.JWKS)); err != nil {
		return err
	}
	return compactJSON(&e.JWKS)
}

// checkEncryptedClaims keeps in clear what a token cannot be judged without.
func checkEncryptedClaims(a *domain.API) error {
	for i, claim := range a.Encryption.Claims {
		mapped := slices.ContainsFunc(a.ClaimMappings, func(m domain.ClaimMapping) bool { return m.Claim == claim })
		if !mapped && claim != "roles" && claim != "groups" {
			return domain.Invalid(domain.Element("encrypted_claims", i), domain.RuleOneOf, "encrypted claim %q: use roles, groups or a claim of the API's mappings", shorten(claim))
		}
	}
	if err := checkUnique("encrypted_claims", "encrypted claim", a.Encryption.Claims); err != nil {
		return err
	}
	slices.Sort(a.Encryption.Claims) // afterwards: errors give the positions of the request
	return nil
}
