package adminui

import (
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

// encryptionFields are those of what is encrypted to an API.
func (v *visit) encryptionFields(api admin.API) []*field {
	keys := v.field("lines", "api", "encryption_jwks", strings.Join(indented(api.EncryptionJWKS), "\n"))
	keys.Heading, keys.Max = v.text("api.encryption"), 64<<10
	uri := v.field("text", "api", "encryption_jwks_uri", api.EncryptionJWKSURI)
	uri.Max = 2000
	claims := v.field("lines", "api", "encrypted_claims", strings.Join(api.EncryptedClaims, "\n"))
	claims.Rows, claims.Max = 3, 8<<10
	return []*field{keys, uri, v.field("check", "api", "encryption_jwks_uri_private", checked(api.EncryptionJWKSURIPrivate)), claims}
}

func encryptionOf(f *form) domain.Encryption {
	return domain.Encryption{
		JWKS: strings.TrimSpace(f.get("encryption_jwks")), JWKSURI: f.get("encryption_jwks_uri"), JWKSURIPrivate: f.set("encryption_jwks_uri_private"),
		Claims: f.lines("encrypted_claims"),
	}
}

// encryptionPanel says what is encrypted to an API; not ok if nothing is.
func (v *visit) encryptionPanel(api admin.API) (p panel, ok bool) {
	p = panel{Title: v.text("api.encryption")}
	switch {
	case api.EncryptionJWKS != nil:
		p.Facts = []fact{v.fact("api.encryption_jwks", cell{Code: string(api.EncryptionJWKS)})}
	case api.EncryptionJWKSURI != "":
		p.Facts = []fact{v.fact("api.encryption_jwks_uri", v.fetched(api.EncryptionJWKSURI, api.EncryptionJWKSURIPrivate))}
	default:
		return panel{}, false
	}
	encrypted := cell{Text: v.text("api.encrypted_whole")}
	if len(api.EncryptedClaims) > 0 {
		encrypted = cell{List: api.EncryptedClaims}
	}
	p.Facts = append(p.Facts, v.fact("api.encrypted", encrypted))
	return p, true
}
