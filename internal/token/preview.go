package token

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

// Preview is an access token as Mint would make it now. Nothing is signed or recorded.
type Preview struct {
	Claims  map[string]any // all but its jti and its place in a status list
	Scopes  []string       // of the request, that the token has
	Size    int            // in bytes, of the signed token
	Limit   int            // of the size
	LeftOut []domain.ClaimFailure

	Encrypted bool           // the whole of it
	Hidden    map[string]any // claims that are encrypted, and not among the others
}

// PreviewID decides what MintID would sign, as Preview does. Its "at_hash" is of no token.
func (m *Minter) PreviewID(ctx context.Context, r IDTokenRequest) (Preview, error) {
	r.AccessHash = typicalHash
	i, err := m.decideID(ctx, r)
	if err != nil {
		return Preview{}, err
	}
	_, size, err := m.fit(i, r.Client, domain.IssuedToken{ID: newTokenID(m.now())})
	delete(i.Claims, "jti")
	delete(i.Claims, "at_hash")
	return Preview{Claims: i.Claims, Size: size, Limit: m.maxSize, LeftOut: i.LeftOut}, err
}

// typicalHash is as long as a hash of an access token is.
const typicalHash = "0123456789abcdefghijkl"

// typicalStatus is about as long as the places in status lists are.
var typicalStatus = domain.StatusRef{List: 1000, Index: 500_000}

// Preview decides what Mint would sign and encrypt, with its errors but for the size.
func (m *Minter) Preview(ctx context.Context, r AccessTokenRequest) (Preview, error) {
	d, err := m.decide(ctx, r)
	if err != nil {
		return Preview{}, err
	}
	d.record.Status = typicalStatus
	if err := m.encryptClaims(ctx, r.API, d); err != nil {
		return Preview{}, err
	}
	signed, err := json.Marshal(d.payload(m.issuer))
	if err != nil {
		return Preview{}, fmt.Errorf("write the claims: %w", err)
	}
	var shown map[string]any
	if err := json.Unmarshal(signed, &shown); err != nil {
		return Preview{}, fmt.Errorf("read the claims: %w", err)
	}
	for _, name := range []string{"status", "jti", "encrypted_claims"} {
		delete(shown, name)
	}
	token, err := m.encrypt(ctx, r.API, strings.Repeat(" ", keys.SignedSize(d.alg, keys.TypeAccessToken, signed)))
	return Preview{
		Claims: shown, Scopes: d.scopes, Size: len(token), Limit: m.maxSize, LeftOut: d.failures,
		Encrypted: r.API != nil && r.API.Encryption.WholeToken(), Hidden: d.hidden,
	}, err
}
