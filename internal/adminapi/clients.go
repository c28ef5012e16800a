package adminapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountClients() {
	register(s, http.MethodGet, "/clients", "client.list", s.listClients)
	creating(s, http.StatusCreated, "/clients", "client.create", s.createClient)
	register(s, http.MethodGet, "/clients/{name}", "client.find", func(ctx context.Context, caller authn.Caller, in *NamedInput) (*objectOutput[admin.Client], error) {
		client, err := s.Admin.FindClient(ctx, caller, in.Name)
		return shown(client, client.Version, err)
	})
	register(s, http.MethodPatch, "/clients/{name}", "client.update", s.updateClient)
	register(s, http.MethodDelete, "/clients/{name}", "client.delete", act(s.Admin.DeleteClient))
	register(s, http.MethodPost, "/clients/{name}/disable", "client.disable", disable(s.Admin.DisableClient))
	register(s, http.MethodPost, "/clients/{name}/enable", "client.enable", act(s.Admin.EnableClient))
	creating(s, http.StatusCreated, "/clients/{name}/secrets", "client.add_secret", s.addSecret)
	register(s, http.MethodDelete, "/clients/{name}/secrets/{secret}", "client.remove_secret", s.removeSecret)
	creating(s, http.StatusCreated, "/clients/{name}/trusts", "client.add_trust", s.addTrust)
	register(s, http.MethodDelete, "/clients/{name}/trusts/{trust}", "client.remove_trust", s.removeTrust)
}

type listClientsInput struct {
	PageInput
	Origin   string `query:"origin" enum:"administrator,registration,metadata" doc:"Those that an administrator registered, that registered themselves, or that a metadata document describes; left out: all"`
	API      string `query:"api" maxLength:"2000" doc:"Those that may ask for the API with this audience"`
	Disabled Choice `query:"disabled" doc:"Those that are disabled, or those that are not; left out: both"`
}

func (s *surface) listClients(ctx context.Context, caller authn.Caller, in *listClientsInput) (*pageOutput[admin.Client], error) {
	filter := domain.ClientFilter{Origin: domain.ClientOrigin(in.Origin), Audience: in.API, Disabled: in.Disabled.Given}
	page, err := s.Admin.ListClients(ctx, caller, filter, in.query())
	return &pageOutput[admin.Client]{page}, err
}

// ClientSettings are what a client is registered with, and what may be changed of it. Left out: as it is, at first the default.
type ClientSettings struct {
	Name                     *string               `json:"client_name,omitempty" doc:"Empty: none"`
	GrantTypes               *[]string             `json:"grant_types,omitempty" maxItems:"20"`
	RedirectURIs             *[]string             `json:"redirect_uris,omitempty" maxItems:"100"`
	PostLogoutRedirectURIs   *[]string             `json:"post_logout_redirect_uris,omitempty" maxItems:"100" doc:"Where users may go from a sign-out that it asks for"`
	BackchannelLogoutURI     *string               `json:"backchannel_logout_uri,omitempty" maxLength:"2000" doc:"Where it hears of ended sessions. Empty: nowhere"`
	BackchannelLogoutPrivate *bool                 `json:"backchannel_logout_private,omitempty" doc:"That may be at a private address"`
	FrontchannelLogoutURI    *string               `json:"frontchannel_logout_uri,omitempty" maxLength:"2000" doc:"Where browsers tell it of a sign-out, at the origin of a redirect URI. Empty: nowhere"`
	FrontchannelLogoutSID    *bool                 `json:"frontchannel_logout_session_required,omitempty" doc:"And of which session: with iss and sid"`
	JWKS                     *map[string]any       `json:"jwks,omitempty" doc:"Its public keys (RFC 7517 §5), with which it authenticates; in place of jwks_uri"`
	JWKSURI                  *string               `json:"jwks_uri,omitempty" maxLength:"2000" doc:"Where it publishes them, in place of jwks. Empty: it has no keys"`
	JWKSURIPrivate           *bool                 `json:"jwks_uri_private,omitempty" doc:"That may be at a private address"`
	EndpointAudience         *bool                 `json:"endpoint_audience,omitempty" doc:"Its assertions may name the token endpoint as their audience, in place of the issuer"`
	IDTokenAlg               *string               `json:"id_token_signed_response_alg,omitempty" minLength:"1" doc:"At first RS256"`
	UserinfoAlg              *string               `json:"userinfo_signed_response_alg,omitempty" doc:"Sign its userinfo, as a JWT, with RS256, ES256 or EdDSA. Empty: userinfo is plain JSON"`
	SubjectType              *domain.SubjectType   `json:"subject_type,omitempty" enum:"public,pairwise" doc:"At first public. Pairwise: clients of different sectors know a user by different subs, which nobody can join"`
	SectorIdentifier         *string               `json:"sector_identifier,omitempty" maxLength:"253" doc:"The host whose clients know a user by the same pairwise sub. Empty: the one host of the redirect URIs"`
	GroupNames               *domain.GroupNames    `json:"group_names,omitempty" enum:"name,slash-name" doc:"How its ID tokens and userinfo name groups: at first by name, or with a slash before it"`
	FirstParty               *bool                 `json:"first_party,omitempty" doc:"Do not ask users for consent"`
	RequirePKCE              *bool                 `json:"require_pkce,omitempty" doc:"Refuse its authorization requests without PKCE; always so for a public client"`
	SessionRefreshTokens     *bool                 `json:"session_refresh_tokens,omitempty" doc:"Give it refresh tokens without offline_access, which end with the session"`
	RevokeOnSessionEnd       *bool                 `json:"revoke_on_session_end,omitempty" doc:"Revoke its access tokens with the session, unless they came with offline_access"`
	KeepRefreshTokens        *bool                 `json:"keep_refresh_tokens,omitempty" doc:"A refresh token stays valid when it is used; never of a public client"`
	RefreshOverlap           *int64                `json:"refresh_overlap,omitempty" minimum:"-1" maximum:"300" doc:"Seconds in which a used refresh token gives its unused successor again; 0: it is used once; -1: the server's"`
	ClaimMappings            *[]admin.ClaimMapping `json:"claim_mappings,omitempty" maxItems:"20" doc:"Claims of its ID tokens and userinfo"`
	APIs                     *[]admin.ClientAPI    `json:"apis,omitempty" maxItems:"500"`
	Serves                   *[]string             `json:"serves,omitempty" maxItems:"500" doc:"Audiences whose tokens it may introspect, as the service behind them"`
	ServesUserinfo           *bool                 `json:"serves_userinfo,omitempty" doc:"It may introspect tokens for userinfo itself"`
}

func (s *ClientSettings) apply(client *domain.Client) error {
	set(&client.Name, s.Name)
	set(&client.GrantTypes, s.GrantTypes)
	set(&client.RedirectURIs, s.RedirectURIs)
	set(&client.PostLogoutRedirectURIs, s.PostLogoutRedirectURIs)
	set(&client.BackchannelLogoutURI, s.BackchannelLogoutURI)
	set(&client.BackchannelLogoutPrivate, s.BackchannelLogoutPrivate)
	set(&client.FrontchannelLogoutURI, s.FrontchannelLogoutURI)
	set(&client.FrontchannelLogoutSID, s.FrontchannelLogoutSID)
	set(&client.IDTokenAlg, s.IDTokenAlg)
	set(&client.UserinfoAlg, s.UserinfoAlg)
	set(&client.SubjectType, s.SubjectType)
	set(&client.SectorIdentifier, s.SectorIdentifier)
	set(&client.GroupNames, s.GroupNames)
	set(&client.FirstParty, s.FirstParty)
	set(&client.RequirePKCE, s.RequirePKCE)
	set(&client.KeepRefreshTokens, s.KeepRefreshTokens)
	set(&client.SessionRefreshTokens, s.SessionRefreshTokens)
	set(&client.RevokeOnSessionEnd, s.RevokeOnSessionEnd)
	if s.RefreshOverlap != nil {
		client.RefreshOverlap = nil
		if *s.RefreshOverlap >= 0 {
			overlap := time.Duration(*s.RefreshOverlap) * time.Second
			client.RefreshOverlap = &overlap
		}
	}
	setMappings(&client.ClaimMappings, s.ClaimMappings)
	if s.APIs != nil {
		client.APIs = clientAPIs(*s.APIs)
	}
	set(&client.Serves, s.Serves)
	set(&client.ServesUserinfo, s.ServesUserinfo)
	set(&client.JWKSURIPrivate, s.JWKSURIPrivate)
	set(&client.EndpointAudience, s.EndpointAudience)
	if s.JWKSURI != nil {
		client.JWKS, client.JWKSURI = "", *s.JWKSURI
	}
	if s.JWKS != nil {
		text, err := json.Marshal(*s.JWKS)
		if err != nil || s.JWKSURI != nil && *s.JWKSURI != "" {
			return invalid("body.jwks_uri", domain.RuleConflict, "Give the keys as jwks, a JWK Set, or as jwks_uri.")
		}
		client.JWKS, client.JWKSURI = string(text), ""
	}
	return nil
}

// NewClient is what a client is registered with.
type NewClient struct {
	ClientID     string `json:"client_id,omitempty" minLength:"1" doc:"Left out: one is made"`
	ClientSecret string `json:"client_secret,omitempty" minLength:"1" doc:"That it has in another system, of 16 to 256 printable ASCII characters; left out: one is made"`
	SecretHash   string `json:"client_secret_hash,omitempty" minLength:"1" maxLength:"512" doc:"Of that, in place of it: argon2id (PHC), bcrypt or PBKDF2 ($pbkdf2-sha512$...)"`
	NoSecret     bool   `json:"no_secret,omitempty" doc:"It has no secret, and authenticates by the JWTs of issuers that it is made to trust"`
	AuthMethod   string `json:"token_endpoint_auth_method,omitempty" enum:"client_secret_basic,private_key_jwt,none" doc:"Left out: private_key_jwt of a client with keys, else client_secret_basic"`
	ClientSettings
}

type createClientInput struct {
	Body NewClient
}

func (s *surface) createClient(ctx context.Context, caller authn.Caller, in *createClientInput) (*objectOutput[admin.RegisteredClient], error) {
	client := domain.Client{ClientID: in.Body.ClientID, Public: in.Body.AuthMethod == domain.None}
	if err := in.Body.apply(&client); err != nil {
		return nil, err
	}
	if method := in.Body.AuthMethod; method != "" && method != client.AuthMethod() {
		return nil, invalid("body.token_endpoint_auth_method", domain.RuleConflict, "The token_endpoint_auth_method does not go with what is given: a client with jwks or jwks_uri has private_key_jwt.")
	}
	registered, err := s.Admin.CreateClient(ctx, caller, client, admin.GivenSecret{Secret: in.Body.ClientSecret, Hash: in.Body.SecretHash, None: in.Body.NoSecret})
	return created(registered, registered.Version, "/clients/"+url.PathEscape(registered.ClientID), err)
}

func clientAPIs(given []admin.ClientAPI) []domain.ClientAPI {
	apis := make([]domain.ClientAPI, len(given))
	for i, a := range given {
		apis[i] = domain.ClientAPI(a)
	}
	return apis
}

type updateClientInput struct {
	EditInput
	Body ClientSettings
}

func (s *surface) updateClient(ctx context.Context, caller authn.Caller, in *updateClientInput) (*objectOutput[admin.Client], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	client, err := s.Admin.UpdateClient(ctx, caller, in.Name, version, func(client *domain.Client) error {
		return in.Body.apply(client)
	})
	return shown(client, client.Version, err)
}

// NewSecret is what a client is given a secret with.
type NewSecret struct {
	ClientSecret string     `json:"client_secret,omitempty" minLength:"1" doc:"That it has in another system, of 16 to 256 printable ASCII characters; left out: one is made"`
	SecretHash   string     `json:"client_secret_hash,omitempty" minLength:"1" maxLength:"512" doc:"Of that, in place of it: argon2id (PHC), bcrypt or PBKDF2 ($pbkdf2-sha512$...)"`
	ExpiresAt    *time.Time `json:"expires_at,omitempty" doc:"Left out: until it is removed"`
}

type addSecretInput struct {
	NamedInput
	Body NewSecret
}

func (s *surface) addSecret(ctx context.Context, caller authn.Caller, in *addSecretInput) (*objectOutput[admin.AddedSecret], error) {
	var expiresAt time.Time
	if given := in.Body.ExpiresAt; given != nil {
		if expiresAt = *given; expiresAt.IsZero() { // which would stand for no end
			return nil, invalid("body.expires_at", domain.RuleRange, "Give expires_at a time that is still to come.")
		}
	}
	secret, err := s.Admin.AddSecret(ctx, caller, in.Name, admin.GivenSecret{Secret: in.Body.ClientSecret, Hash: in.Body.SecretHash}, expiresAt)
	return created(secret, 0, "/clients/"+url.PathEscape(in.Name), err)
}

type removeSecretInput struct {
	NamedInput
	Secret int64 `path:"secret" minimum:"1"`
}

func (s *surface) removeSecret(ctx context.Context, caller authn.Caller, in *removeSecretInput) (*done, error) {
	return nil, s.Admin.RemoveSecret(ctx, caller, in.Name, in.Secret)
}
