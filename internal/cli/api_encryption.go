package cli

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
)

// encryptionFlags say what of an API's access tokens is encrypted to it.
type encryptionFlags struct {
	jwksFile, jwksURI string
	private, none     bool
	claims, remove    []string
}

func (f *encryptionFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.jwksFile, "encryption-jwks-file", "", "encrypt its access tokens to the first of its public keys in `FILE`, a JWK Set")
	flags.StringVar(&f.jwksURI, "encryption-jwks-uri", "", "encrypt its access tokens to a public key that it publishes at `URI`")
	flags.BoolVar(&f.private, "encryption-jwks-uri-private", false, "that may be at a private address")
	flags.StringArrayVar(&f.claims, "encrypt-claim", nil, "encrypt not the whole token but `CLAIM`: roles, groups or one of --claim; may be repeated")
	cmd.MarkFlagsMutuallyExclusive("encryption-jwks-file", "encryption-jwks-uri")
}

func (f *encryptionFlags) addUpdate(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.remove, "no-encrypt-claim", nil, "have `CLAIM` in clear again; without another one the whole token is encrypted; may be repeated")
	flags.BoolVar(&f.none, "no-encryption", false, "encrypt nothing: take its keys away")
	for _, other := range []string{"encryption-jwks-file", "encryption-jwks-uri", "encryption-jwks-uri-private", "encrypt-claim", "no-encrypt-claim"} {
		cmd.MarkFlagsMutuallyExclusive("no-encryption", other)
	}
}

func (f *encryptionFlags) settings(now admin.API, given func(flag string) bool) (s adminapi.EncryptionSettings, err error) {
	if f.none {
		none, no := "", false
		return adminapi.EncryptionSettings{EncryptionJWKSURI: &none, EncryptionJWKSURIPrivate: &no, EncryptedClaims: &[]string{}}, nil
	}
	if given("encryption-jwks-file") {
		if s.EncryptionJWKS, err = readJWKS(f.jwksFile); err != nil {
			return s, err
		}
	}
	if given("encryption-jwks-uri") {
		s.EncryptionJWKSURI = &f.jwksURI
	}
	if given("encryption-jwks-uri-private") {
		s.EncryptionJWKSURIPrivate = &f.private
	}
	s.EncryptedClaims, err = edited(now.EncryptedClaims, f.remove, f.claims, func(list, remove, add []string) ([]string, error) {
		return edit("encrypted claim", list, remove, add)
	})
	return s, err
}

func showEncryption(w io.Writer, v admin.API) {
	switch {
	case v.EncryptionJWKS != nil:
		details(w, "encryption_jwks", string(v.EncryptionJWKS))
	case v.EncryptionJWKSURI != "":
		details(w, "encryption_jwks_uri", v.EncryptionJWKSURI, "encryption_jwks_uri_private", v.EncryptionJWKSURIPrivate)
	default:
		return
	}
	details(w, "encrypted_claims", v.EncryptedClaims)
}
