package oauth

import (
	"context"

	"github.com/go-jose/go-jose/v3"
)

// Compare implements fosite.Hasher.
func (disabled) Compare(context.Context, []byte, []byte) error { return errUnsupported }

// Hash implements fosite.Hasher.
func (disabled) Hash(context.Context, []byte) ([]byte, error) {
	return nil, errUnsupported
}

// Resolve implements fosite.JWKSFetcherStrategy.
func (disabled) Resolve(context.Context, string, bool) (*jose.JSONWebKeySet, error) {
	return nil, errUnsupported
}
