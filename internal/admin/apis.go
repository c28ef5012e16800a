package admin

import (
	"context"
	"encoding/json"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// API is a resource server's interface, named by its audience.
type API struct {
	Audience                 string           `json:"audience"`
	Name                     string           `json:"name"`
	SigningAlg               string           `json:"signing_alg"`
	AccessTokenTTL           int64            `json:"access_token_ttl,omitzero" doc:"Seconds; left out: the server's default"`
	NoUserinfo               bool             `json:"no_userinfo" doc:"Its access tokens do not open /oauth2/userinfo"`
	Memberships              string           `json:"memberships" enum:"relevant,all,none" doc:"Which roles and groups its access tokens name"`
	GroupNames               string           `json:"group_names" enum:"name,slash-name" doc:"How they name groups"`
	ClaimMappings            []ClaimMapping   `json:"claim_mappings" doc:"Claims of its access tokens"`
	EncryptionJWKS           json.RawMessage  `json:"encryption_jwks,omitempty" doc:"Its public keys that its access tokens are encrypted to (RFC 7517): the first counts"`
	EncryptionJWKSURI        string           `json:"encryption_jwks_uri,omitempty" doc:"Where it publishes them"`
	EncryptionJWKSURIPrivate bool             `json:"encryption_jwks_uri_private,omitempty" doc:"That may be at a private address"`
	EncryptedClaims          []string         `json:"encrypted_claims,omitempty" doc:"Those that are encrypted. Left out, with keys: whole tokens are"`
	Permissions              []APIPermission  `json:"permissions"`
	Lost                     []PermissionLoss `json:"lost,omitempty" doc:"In the answer to a change: roles that gave, and clients that had, permissions which the API has no more"`
	LostMore                 int              `json:"lost_more,omitempty" doc:"How many more lost some than are named"`
	ManagedBy                string           `json:"managed_by,omitempty" doc:"The set of files that it comes from: applying them again undoes other changes. Left out: none"`
	CreatedAt                time.Time        `json:"created_at"`
	UpdatedAt                time.Time        `json:"updated_at"`
	Version                  int64            `json:"-"`
}

// APIPermission is one that an API has.
type APIPermission struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
}

// PermissionLoss is a role or client that lost permissions of an API.
type PermissionLoss struct {
	Kind        domain.ManagedKind `json:"kind" enum:"role,client"`
	Name        string             `json:"name"`
	ManagedBy   string             `json:"managed_by,omitempty" doc:"The set of files that it comes from. Left out: none"`
	Permissions []string           `json:"permissions"`
}

// ClaimMapping gives a claim the value of a CEL expression.
type ClaimMapping struct {
	Claim      string `json:"claim" minLength:"1"`
	Expression string `json:"expression" minLength:"1" doc:"CEL over user, client, attributes, groups and roles"`
}

func showMappings(mappings []domain.ClaimMapping) []ClaimMapping {
	shown := make([]ClaimMapping, len(mappings))
	for i, m := range mappings {
		shown[i] = ClaimMapping(m)
	}
	return shown
}

func showAPI(a domain.API) API {
	shown := API{
		Audience: a.Audience, Name: a.Name, SigningAlg: a.SigningAlg, AccessTokenTTL: int64(a.AccessTokenTTL / time.Second),
		NoUserinfo: a.NoUserinfo, ClaimMappings: showMappings(a.ClaimMappings), Memberships: string(a.Memberships), GroupNames: string(a.GroupNames),
		EncryptionJWKSURI: a.Encryption.JWKSURI, EncryptionJWKSURIPrivate: a.Encryption.JWKSURIPrivate, EncryptedClaims: a.Encryption.Claims,
		Permissions: []APIPermission{}, ManagedBy: a.ManagedBy, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt, Version: a.Version,
	}
	if a.Encryption.JWKS != "" {
		shown.EncryptionJWKS = json.RawMessage(a.Encryption.JWKS)
	}
	for _, p := range a.Permissions {
		shown.Permissions = append(shown.Permissions, APIPermission(p))
	}
	return shown
}

// CreateAPI registers an API. domain.ErrInvalid if it breaks a rule, domain.ErrExists if the audience is taken.
func (s *Service) CreateAPI(ctx context.Context, caller authn.Caller, api domain.API) (API, error) {
	ctx, err := s.authorize(ctx, caller, "api.create")
	if err != nil {
		return API{}, err
	}
	api, err = s.config.Registry.CreateAPI(ctx, api)
	return showAPI(api), err
}

// FindAPI shows an API. domain.ErrNotFound if there is none with the audience.
func (s *Service) FindAPI(ctx context.Context, caller authn.Caller, audience string) (API, error) {
	ctx, err := s.authorize(ctx, caller, "api.find")
	if err != nil {
		return API{}, err
	}
	api, err := s.config.Registry.FindAPI(ctx, audience)
	return showAPI(api), err
}

// ListAPIs lists APIs by audience. ErrCursor for that of another list.
func (s *Service) ListAPIs(ctx context.Context, caller authn.Caller, q Query) (Page[API], error) {
	const operation = "api.list"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Page[API]{}, err
	}
	return page(ctx, s, operation, q, s.config.Registry.ListAPIs, func(o domain.API) string { return o.Audience }, each(showAPI))
}

// UpdateAPI changes an API as edit does. To change that of Signet's administration a caller needs all of its permissions.
// domain.ErrConflict if the API is not of the version, unless that is nil; otherwise the errors of registry.UpdateAPI.
func (s *Service) UpdateAPI(ctx context.Context, caller authn.Caller, audience string, version *int64, edit func(*domain.API) error) (API, error) {
	const operation = "api.update"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil && audience == domain.AdminAudience {
		err = s.require(ctx, caller, operation, PermissionNames()...)
	}
	if err != nil {
		return API{}, err
	}
	api, lost, err := s.config.Registry.UpdateAPI(ctx, audience, func(api *domain.API) error {
		if err := sameVersion(version, api.Version); err != nil {
			return err
		}
		return edit(api)
	})
	shown := showAPI(api)
	first, more := domain.FirstLosses(lost)
	for _, l := range first {
		shown.Lost = append(shown.Lost, PermissionLoss(l))
	}
	shown.LostMore = more
	return shown, err
}

// LosingPermissions are the roles and clients that lose some of the permissions of an API if it is updated to have them no more.
func (s *Service) LosingPermissions(ctx context.Context, caller authn.Caller, audience string, permissions []string) ([]domain.PermissionLoss, error) {
	ctx, err := s.authorize(ctx, caller, "api.update")
	if err != nil {
		return nil, err
	}
	return s.config.Files.LosingPermissions(ctx, audience, permissions)
}

// UsersOfAPI are the roles and clients that lose what they have of an API when it is deleted.
func (s *Service) UsersOfAPI(ctx context.Context, caller authn.Caller, audience string) ([]domain.DeletedWith, error) {
	ctx, err := s.authorize(ctx, caller, "api.delete")
	if err != nil {
		return nil, err
	}
	return s.config.Files.DeletedWith(ctx, domain.ManagedAPI, []string{audience})
}

// DeleteAPI deletes an API and revokes its tokens. domain.ErrInvalid for the one that is built in, domain.ErrNotFound if there is
// none with the audience.
func (s *Service) DeleteAPI(ctx context.Context, caller authn.Caller, audience string) error {
	ctx, err := s.authorize(ctx, caller, "api.delete")
	if err != nil {
		return err
	}
	return s.config.Registry.DeleteAPI(ctx, audience)
}
