package adminapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountAPIs() {
	register(s, http.MethodGet, "/apis", "api.list", list(s.Admin.ListAPIs))
	creating(s, http.StatusCreated, "/apis", "api.create", s.createAPI)
	register(s, http.MethodGet, "/apis/{name}", "api.find", func(ctx context.Context, caller authn.Caller, in *NamedInput) (*objectOutput[admin.API], error) {
		api, err := s.Admin.FindAPI(ctx, caller, in.Name)
		return shown(api, api.Version, err)
	})
	register(s, http.MethodPatch, "/apis/{name}", "api.update", s.updateAPI)
	register(s, http.MethodDelete, "/apis/{name}", "api.delete", act(s.Admin.DeleteAPI))
}

// APISettings are what an API is registered with, and what may be changed of it. Left out: as it is, at first the default.
type APISettings struct {
	Name           *string               `json:"name,omitempty" doc:"Empty: none"`
	SigningAlg     *string               `json:"signing_alg,omitempty" minLength:"1" doc:"At first ES256"`
	AccessTokenTTL *int64                `json:"access_token_ttl,omitempty" minimum:"0" maximum:"86400" doc:"Seconds; 0: the server's default"`
	NoUserinfo     *bool                 `json:"no_userinfo,omitempty" doc:"Its access tokens do not open /oauth2/userinfo"`
	Memberships    *domain.Memberships   `json:"memberships,omitempty" enum:"relevant,all,none" doc:"Which roles and groups its access tokens name, as far as they may; at first those that count at it"`
	GroupNames     *domain.GroupNames    `json:"group_names,omitempty" enum:"name,slash-name" doc:"How they name groups: at first by name, or with a slash before it"`
	ClaimMappings  *[]admin.ClaimMapping `json:"claim_mappings,omitempty" maxItems:"20" doc:"Claims of its access tokens"`
	EncryptionSettings
	Permissions *[]admin.APIPermission `json:"permissions,omitempty" maxItems:"1000" doc:"All that the API has from now on; roles and clients lose the others, and the answer names them as lost"`
}

func (s *APISettings) apply(api *domain.API) error {
	set(&api.Name, s.Name)
	set(&api.SigningAlg, s.SigningAlg)
	if s.AccessTokenTTL != nil {
		api.AccessTokenTTL = time.Duration(*s.AccessTokenTTL) * time.Second
	}
	set(&api.NoUserinfo, s.NoUserinfo)
	set(&api.Memberships, s.Memberships)
	set(&api.GroupNames, s.GroupNames)
	setMappings(&api.ClaimMappings, s.ClaimMappings)
	if s.Permissions != nil {
		api.Permissions = permissions(*s.Permissions)
	}
	return s.EncryptionSettings.apply(&api.Encryption)
}

func setMappings(mappings *[]domain.ClaimMapping, given *[]admin.ClaimMapping) {
	if given == nil {
		return
	}
	*mappings = make([]domain.ClaimMapping, len(*given))
	for i, m := range *given {
		(*mappings)[i] = domain.ClaimMapping(m)
	}
}

// NewAPI is what an API is registered with.
type NewAPI struct {
	Audience string `json:"audience" minLength:"1"`
	APISettings
}

type createAPIInput struct {
	Body NewAPI
}

func (s *surface) createAPI(ctx context.Context, caller authn.Caller, in *createAPIInput) (*objectOutput[admin.API], error) {
	api := domain.API{Audience: in.Body.Audience}
	if err := in.Body.apply(&api); err != nil {
		return nil, err
	}
	registered, err := s.Admin.CreateAPI(ctx, caller, api)
	return created(registered, registered.Version, "/apis/"+url.PathEscape(registered.Audience), err)
}

func permissions(given []admin.APIPermission) []domain.Permission {
	list := make([]domain.Permission, len(given))
	for i, p := range given {
		list[i] = domain.Permission(p)
	}
	return list
}

type updateAPIInput struct {
	EditInput
	Body APISettings
}

func (s *surface) updateAPI(ctx context.Context, caller authn.Caller, in *updateAPIInput) (*objectOutput[admin.API], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	api, err := s.Admin.UpdateAPI(ctx, caller, in.Name, version, func(api *domain.API) error {
		return in.Body.apply(api)
	})
	return shown(api, api.Version, err)
}
