package adminapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountKeys() {
	register(s, http.MethodGet, "/keys", "key.list", s.listKeys)
	register(s, http.MethodGet, "/keys/{kid}", "key.find", s.findKey)
	registerOnce(s, s.operation(http.MethodPost, "/keys/rotate", "key.rotate"), http.StatusOK, s.rotateKey)
	register(s, http.MethodPost, "/keys/{kid}/revoke", "key.revoke", s.revokeKey)
}

type listKeysInput struct {
	Alg    string          `query:"alg" maxLength:"20" doc:"Those of this algorithm"`
	State  domain.KeyState `query:"state" enum:"next,active,retired,revoked" doc:"Those in this state"`
	Search string          `query:"search" maxLength:"200" doc:"What a kid begins with, whatever the case"`
}

func (s *surface) listKeys(ctx context.Context, caller authn.Caller, in *listKeysInput) (*pageOutput[admin.Key], error) {
	keys, err := s.Admin.ListKeys(ctx, caller, admin.KeyFilter{Alg: in.Alg, State: in.State, Search: in.Search})
	out := new(pageOutput[admin.Key])
	out.Body.Items = keys
	return out, err
}

func (s *surface) findKey(ctx context.Context, caller authn.Caller, in *keyInput) (*objectOutput[admin.Key], error) {
	key, err := s.Admin.FindKey(ctx, caller, in.KID)
	return shown(key, 0, err)
}

type rotateKeyInput struct {
	Body struct {
		Force bool   `json:"force,omitempty" doc:"Although the next key has not been published for as long as services may cache the JWKS"`
		Alg   string `json:"alg,omitempty" minLength:"1" doc:"Left out: the keys of all algorithms, all or none"`
	}
}

func (s *surface) rotateKey(ctx context.Context, caller authn.Caller, in *rotateKeyInput, m making[pageOutput[admin.Key]]) (*pageOutput[admin.Key], error) {
	var algs []string // all
	if in.Body.Alg != "" {
		algs = []string{in.Body.Alg}
	}
	prepared, err := s.Admin.PrepareRotation(ctx, caller, algs)
	if err != nil {
		return nil, err
	}
	return m.in(ctx, func(ctx context.Context) (*pageOutput[admin.Key], error) {
		keys, err := s.Admin.RotatePrepared(ctx, caller, prepared, in.Body.Force)
		out := new(pageOutput[admin.Key])
		out.Body.Items = keys
		return out, err
	})
}

type keyInput struct {
	KID string `path:"kid"`
}

// Resolve implements huma.Resolver.
func (in *keyInput) Resolve(huma.Context) []error { return checkName(in.KID) }

// RevokedKey is a key that was revoked.
type RevokedKey struct {
	KID         string           `json:"kid"`
	Replacement string           `json:"replacement,omitempty" doc:"The kid that signs from now on, if this one did"`
	Revocation  admin.Revocation `json:"revocation"`
}

type revokeKeyOutput struct{ Body RevokedKey }

func (s *surface) revokeKey(ctx context.Context, caller authn.Caller, in *keyInput) (*revokeKeyOutput, error) {
	replacement, begun, err := s.Admin.RevokeKey(ctx, caller, in.KID)
	if err != nil {
		return nil, err
	}
	out := new(revokeKeyOutput)
	out.Body.KID, out.Body.Replacement, out.Body.Revocation = in.KID, replacement.KID, admin.ShowRevocation(begun)
	return out, nil
}
