package oauth

import (
	"context"

	"github.com/go-jose/go-jose/v3"
)

// Compare implements fosite.Hasher.
func (refuseAll) Compare(context.Context, []byte, []byte) error { return errRefused }

// Hash implements fosite.Hasher.
func (refuseAll) Hash(context.Context, []byte) ([]byte, error) { return nil, errRefused }

// Resolve implements fosite.JWKSFetcherStrategy.
func (refuseAll) Resolve(context.Context, string, bool) (*jose.JSONWebKeySet, error) {
	return nil, errRefused
}
