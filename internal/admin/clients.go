package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
)

// Client is an application; its metadata is named as by RFC 7591 §2.
type Client struct {
	ClientID                 string          `json:"client_id"`
	Name                     string          `json:"client_name"`
	AuthMethod               string          `json:"token_endpoint_auth_method" enum:"client_secret_basic,private_key_jwt,none"`
	GrantTypes               []string        `json:"grant_types"`
	RedirectURIs             []string        `json:"redirect_uris"`
	PostLogoutRedirectURIs   []string        `json:"post_logout_redirect_uris"`
	BackchannelLogoutURI     string          `json:"backchannel_logout_uri" doc:"Where it hears of ended sessions"`
	BackchannelLogoutPrivate bool            `json:"backchannel_logout_private" doc:"That may be at a private address"`
	FrontchannelLogoutURI    string          `json:"frontchannel_logout_uri" doc:"Where browsers tell it of a sign-out"`
	FrontchannelLogoutSID    bool            `json:"frontchannel_logout_session_required" doc:"And of which session"`
	IDTokenAlg               string          `json:"id_token_signed_response_alg"`
	UserinfoAlg              string          `json:"userinfo_signed_response_alg,omitempty" doc:"Left out: userinfo is plain JSON"`
	SubjectType              string          `json:"subject_type" enum:"public,pairwise" doc:"By which sub it knows users: the same as all clients, or the same as those of its sector"`
	SectorIdentifier         string          `json:"sector_identifier" doc:"The host whose clients know a user by the same pairwise sub"`
	GroupNames               string          `json:"group_names" enum:"name,slash-name" doc:"How its ID tokens and userinfo name groups"`
	JWKS                     json.RawMessage `json:"jwks,omitempty" doc:"Its public keys (RFC 7517 §5)"`
	JWKSURI                  string          `json:"jwks_uri,omitempty" doc:"Where it publishes them"`
	JWKSURIPrivate           bool            `json:"jwks_uri_private" doc:"That may be at a private address"`
	EndpointAudience         bool            `json:"endpoint_audience" doc:"Its assertions may name the token endpoint as their audience, in place of the issuer"`
	FirstParty               bool            `json:"first_party"`
	RequirePKCE              bool            `json:"require_pkce" doc:"False: a code needs PKCE only if its request began it"`
	SessionRefreshTokens     bool            `json:"session_refresh_tokens" doc:"It gets refresh tokens without offline_access, which end with the session"`
	RevokeOnSessionEnd       bool            `json:"revoke_on_session_end" doc:"Its access tokens end with the session, unless they came with offline_access"`
	KeepRefreshTokens        bool            `json:"keep_refresh_tokens" doc:"A refresh token stays valid when it is used; otherwise each use replaces it"`
	RefreshOverlap           *int64          `json:"refresh_overlap,omitempty" doc:"Seconds in which a used refresh token gives its unused successor again; 0: it is used once; left out: the server's"`
	ClaimMappings            []ClaimMapping  `json:"claim_mappings" doc:"Claims of its ID tokens and userinfo"`
	APIs                     []ClientAPI     `json:"apis"`
	Serves                   []string        `json:"serves"`
	ServesUserinfo           bool            `json:"serves_userinfo" doc:"It may introspect tokens for userinfo itself"`
	Secrets                  []ClientSecret  `json:"secrets"`
	Trusts                   []ClientTrust   `json:"trusts" doc:"Other issuers whose JWTs authenticate it"`
	Origin                   string          `json:"origin" enum:"administrator,registration,metadata" doc:"Who registered it: an administrator, itself at the registration endpoint, or itself by the metadata document that its client_id leads to"`
	LastUsedAt               time.Time       `json:"last_used_at,omitzero" doc:"When it last got a token, to the day"`
	Disabled                 bool            `json:"disabled"`
	DisabledAt               time.Time       `json:"disabled_at,omitzero"`
	DisabledReason           string          `json:"disabled_reason,omitempty" doc:"What whoever disabled the client gave as the reason"`
	ManagedBy                string          `json:"managed_by,omitempty" doc:"The set of files that it comes from: applying them again undoes other changes. Left out: none"`
	CreatedAt                time.Time       `json:"created_at"`
	UpdatedAt                time.Time       `json:"updated_at"`
	Warnings                 []string        `json:"warnings,omitempty" doc:"What is to be considered about it as it is registered"`
	Version                  int64           `json:"-"`
}

// ClientAPI says what a client may ask for at an API.
type ClientAPI struct {
	Audience    string   `json:"audience"`
	Permissions []string `json:"permissions" doc:"Empty: all that the API has"`
	Default     bool     `json:"default,omitempty" doc:"Requests that name no API, and no scope of another, are for this one; at most one of a client"`
}

// ClientSecret is what may be shown of a client's secret.
type ClientSecret struct {
	ID        int64     `json:"id"`
	Hint      string    `json:"hint" doc:"The secret's last characters"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// RegisteredClient is a new client with its secret, which is shown this once.
type RegisteredClient struct {
	Client
	ClientSecret string `json:"client_secret,omitempty" doc:"Not shown again; left out: the client authenticates with none, or has brought its own"`
}

// GivenSecret says which secret a client has, or is given. The zero one: Signet makes it, if the client authenticates with one.
type GivenSecret struct {
	Secret string // that it has in another system
	Hash   string // of the one that it has in another system
	None   bool   // it has none, and authenticates by whom it trusts
}

// AddedSecret is a new secret of a client, which is shown this once.
type AddedSecret struct {
	ClientID string `json:"client_id"`
	Secret   string `json:"client_secret,omitempty" doc:"Not shown again; left out: it was given"`
	ClientSecret
}

func showClient(c domain.Client) Client {
	shown := Client{
		ClientID: c.ClientID, Name: c.Name, AuthMethod: c.AuthMethod(),
		GrantTypes: array(c.GrantTypes), RedirectURIs: array(c.RedirectURIs), PostLogoutRedirectURIs: array(c.PostLogoutRedirectURIs),
		BackchannelLogoutURI: c.BackchannelLogoutURI, BackchannelLogoutPrivate: c.BackchannelLogoutPrivate,
		FrontchannelLogoutURI: c.FrontchannelLogoutURI, FrontchannelLogoutSID: c.FrontchannelLogoutSID, IDTokenAlg: c.IDTokenAlg, GroupNames: string(c.GroupNames),
		UserinfoAlg: c.UserinfoAlg, SubjectType: string(c.SubjectType), SectorIdentifier: c.SectorIdentifier,
		JWKSURI: c.JWKSURI, JWKSURIPrivate: c.JWKSURIPrivate, EndpointAudience: c.EndpointAudience,
		KeepRefreshTokens: c.KeepRefreshTokens, SessionRefreshTokens: c.SessionRefreshTokens, RevokeOnSessionEnd: c.RevokeOnSessionEnd,
		FirstParty: c.FirstParty, RequirePKCE: c.RequirePKCE, ClaimMappings: showMappings(c.ClaimMappings), APIs: []ClientAPI{}, Serves: array(c.Serves), ServesUserinfo: c.ServesUserinfo, Secrets: []ClientSecret{}, Trusts: []ClientTrust{},
		Origin: string(c.Origin), LastUsedAt: c.LastUsedAt,
		Disabled: !c.DisabledAt.IsZero(), DisabledAt: c.DisabledAt, DisabledReason: c.DisabledReason, ManagedBy: c.ManagedBy, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, Warnings: clientWarnings(c), Version: c.Version,
	}
	if c.JWKS != "" {
		shown.JWKS = json.RawMessage(c.JWKS)
	}
	if c.RefreshOverlap != nil {
		seconds := int64(c.RefreshOverlap.Seconds())
		shown.RefreshOverlap = &seconds
	}
	for _, api := range c.APIs {
		shown.APIs = append(shown.APIs, ClientAPI{api.Audience, array(api.Permissions), api.Default})
	}
	for _, secret := range c.Secrets {
		shown.Secrets = append(shown.Secrets, showSecret(secret))
	}
	for _, trust := range c.Trusts {
		shown.Trusts = append(shown.Trusts, showTrust(trust))
	}
	return shown
}

// clientWarnings say what is risky about a client as it is registered (RFC 8252 §8.1, §8.6).
func clientWarnings(c domain.Client) (warnings []string) {
	var schemes []string
	for _, uri := range c.RedirectURIs {
		scheme, _, _ := strings.Cut(uri, ":")
		if scheme != "https" && scheme != "http" && !slices.Contains(schemes, scheme) {
			schemes = append(schemes, scheme)
			warnings = append(warnings, "Any program on a user's device can claim the scheme "+scheme+
				": and receive what is sent there. An https URL that belongs to the application is safer.")
		}
	}
	if len(c.Trusts) > 0 && len(c.Secrets) > 0 {
		warnings = append(warnings, "It has a secret, too: remove that once all its workloads authenticate by their JWTs.")
	}
	if c.FirstParty && slices.ContainsFunc(c.RedirectURIs, c.Impersonable) {
		warnings = append(warnings, "Any program on a user's device can pose as this client, which is public and redirects to the device itself:"+
			" users have to sign in for each of its requests, or consent, although it is a first party.")
	}
	return warnings
}

func showSecret(s domain.ClientSecret) ClientSecret {
	return ClientSecret{ID: s.ID, Hint: s.Hint, CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt}
}

// CreateClient registers a client and returns it with its secret, which is empty for a client that authenticates with none and for one that brings a secret of
// its own from another system. A caller needs the
// administrative permissions that the client may ask users for. The errors of registry.CreateClient.
func (s *Service) CreateClient(ctx context.Context, caller authn.Caller, client domain.Client, given GivenSecret) (RegisteredClient, error) {
	const operation = "client.create"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.require(ctx, caller, operation, Requestable(client)...)
	}
	if err != nil {
		return RegisteredClient{}, err
	}
	switch {
	case given.None:
		client, err = s.config.Registry.CreateClientWithoutSecret(ctx, client)
		return RegisteredClient{Client: showClient(client)}, err
	case given.Hash != "":
		client, err = s.config.Registry.ImportClientByHash(ctx, client, given.Hash)
		return RegisteredClient{Client: showClient(client)}, err
	case given.Secret != "":
		client, err = s.config.Registry.ImportClient(ctx, client, given.Secret)
		return RegisteredClient{Client: showClient(client)}, err
	}
	client, secret, err := s.config.Registry.CreateClient(ctx, client)
	return RegisteredClient{showClient(client), secret}, err
}

// FindClient shows a client. domain.ErrNotFound if there is none with the client_id.
func (s *Service) FindClient(ctx context.Context, caller authn.Caller, clientID string) (Client, error) {
	ctx, err := s.authorize(ctx, caller, "client.find")
	if err != nil {
		return Client{}, err
	}
	client, err := s.config.Registry.FindClient(ctx, clientID)
	return showClient(client), err
}

// ListClients lists the clients that a filter chooses, by client_id. ErrCursor for that of another list.
func (s *Service) ListClients(ctx context.Context, caller authn.Caller, filter domain.ClientFilter, q Query) (Page[Client], error) {
	const operation = "client.list"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Page[Client]{}, err
	}
	return page(ctx, s, fmt.Sprintf("%s %s %s %q", operation, filter.Origin, either(filter.Disabled), filter.Audience), q, func(ctx context.Context, p domain.Page) ([]domain.Client, error) {
		return s.config.Registry.ListClients(ctx, filter, p)
	}, func(o domain.Client) string { return o.ClientID }, each(showClient))
}

// UpdateClient changes a client as edit does. A caller needs the administrative permissions that the client has or may ask users for,
// before and after. domain.ErrConflict if the client is not of the version, unless that is nil; otherwise
// the errors of registry.UpdateClient.
func (s *Service) UpdateClient(ctx context.Context, caller authn.Caller, clientID string, version *int64, edit func(*domain.Client) error) (Client, error) {
	const operation = "client.update"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.coversClient(ctx, caller, operation, clientID)
	}
	if err != nil {
		return Client{}, err
	}
	client, err := s.config.Registry.UpdateClient(ctx, clientID, func(client *domain.Client) error {
		if err := sameVersion(version, client.Version); err != nil {
			return err
		}
		if err := edit(client); err != nil {
			return err
		}
		return lacks(caller, operation, Requestable(*client))
	})
	return showClient(client), s.recordDenied(ctx, caller, err)
}

// DisableClient disables a client, for a reason that may be empty, and revokes its grants and tokens.
func (s *Service) DisableClient(ctx context.Context, caller authn.Caller, clientID, reason string) error {
	return s.changeClient(ctx, caller, "client.disable", clientID, func(ctx context.Context) error {
		return s.config.Registry.DisableClient(ctx, clientID, reason)
	})
}

// EnableClient enables a disabled client again.
func (s *Service) EnableClient(ctx context.Context, caller authn.Caller, clientID string) error {
	return s.changeClient(ctx, caller, "client.enable", clientID, func(ctx context.Context) error {
		return s.config.Registry.EnableClient(ctx, clientID)
	})
}

// DeleteClient deletes a client and revokes its grants and tokens.
func (s *Service) DeleteClient(ctx context.Context, caller authn.Caller, clientID string) error {
	return s.changeClient(ctx, caller, "client.delete", clientID, func(ctx context.Context) error {
		return s.config.Registry.DeleteClient(ctx, clientID)
	})
}

// AddSecret gives a client another secret; its other secrets stay valid. With a zero expiresAt it does not expire.
func (s *Service) AddSecret(ctx context.Context, caller authn.Caller, clientID string, given GivenSecret, expiresAt time.Time) (added AddedSecret, err error) {
	err = s.changeClient(ctx, caller, "client.add_secret", clientID, func(ctx context.Context) (err error) {
		var stored domain.ClientSecret
		var secret string
		switch {
		case given.Hash != "":
			stored, err = s.config.Registry.ImportSecretHash(ctx, clientID, given.Hash, expiresAt)
		case given.Secret != "":
			stored, err = s.config.Registry.ImportSecret(ctx, clientID, given.Secret, expiresAt)
		default:
			secret, stored, err = s.config.Registry.AddSecret(ctx, clientID, expiresAt)
		}
		added = AddedSecret{clientID, secret, showSecret(stored)}
		return err
	})
	return added, err
}

// RemoveSecret takes one of a client's secrets away. domain.ErrNotFound if it has none of the id.
func (s *Service) RemoveSecret(ctx context.Context, caller authn.Caller, clientID string, id int64) error {
	return s.changeClient(ctx, caller, "client.remove_secret", clientID, func(ctx context.Context) error {
		return s.config.Registry.RemoveSecret(ctx, clientID, id)
	})
}

func (s *Service) changeClient(ctx context.Context, caller authn.Caller, operation, clientID string, change func(ctx context.Context) error) error {
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.coversClient(ctx, caller, operation, clientID)
	}
	if err != nil {
		return err
	}
	return change(ctx)
}

// coversClient refuses a caller who lacks an administrative permission that a client has or may ask users for: who changes a client
// could act as it, or as its users.
func (s *Service) coversClient(ctx context.Context, caller authn.Caller, operation, clientID string) error {
	client, err := s.config.Registry.FindClient(ctx, clientID)
	if err != nil {
		return err
	}
	return s.coversStored(ctx, caller, operation, client)
}

// coversStored is coversClient of a client that was read.
func (s *Service) coversStored(ctx context.Context, caller authn.Caller, operation string, client domain.Client) error {
	if err := s.require(ctx, caller, operation, Requestable(client)...); err != nil {
		return err
	}
	return s.coversSubjects(ctx, caller, operation, directory.Subject{Kind: domain.SubjectClient, ID: client.ID, Name: client.ClientID})
}

// Requestable are the permissions of urn:signet:admin that a client may ask for: all for one that serves that API, which is told of
// everybody's tokens.
func Requestable(client domain.Client) []string {
	if slices.Contains(client.Serves, domain.AdminAudience) {
		return PermissionNames()
	}
	var names []string
	for _, api := range client.APIs {
		switch {
		case api.Audience != domain.AdminAudience:
		case len(api.Permissions) > 0:
			names = append(names, api.Permissions...)
		default: // all
			names = append(names, PermissionNames()...)
		}
	}
	return names
}
