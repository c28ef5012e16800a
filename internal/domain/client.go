package domain

import (
	"slices"
	"strings"
	"time"
)

// Grant types a client may be registered for (RFC 6749 §4, RFC 6749 §6).
const (
	GrantAuthorizationCode = "authorization_code"
	GrantClientCredentials = "client_credentials"
	GrantRefreshToken      = "refresh_token"
	GrantJWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"  // RFC 7523 §2.1
	GrantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code" // RFC 8628 §3.4
)

// GrantType is a grant type of the token endpoint, and what it needs of a client.
type GrantType struct {
	Name         string   // grant_type
	Confidential bool     // the client must have a secret
	RedirectURI  bool     // the client must have one
	With         []string // grant types of which the client needs one for it, empty: none
}

// GrantTypeNames are the names of grant types, in their order.
func GrantTypeNames(types []GrantType) []string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = t.Name
	}
	return names
}

// Scopes that Signet itself defines (OpenID Connect Core §5.4, §11).
const (
	ScopeOpenID        = "openid"
	ScopeProfile       = "profile"
	ScopeEmail         = "email"
	ScopePhone         = "phone"
	ScopeAddress       = "address"
	ScopeOfflineAccess = "offline_access"
	ScopeRoles         = "roles"  // the user's roles
	ScopeGroups        = "groups" // the user's groups
)

// MaxRefreshOverlap is the longest time in which a used refresh token may give its successor again.
const MaxRefreshOverlap = 5 * time.Minute

// IdentityScopes are all of them; no API has a permission of such a name.
var IdentityScopes = []string{
	ScopeOpenID, ScopeProfile, ScopeEmail, ScopePhone, ScopeAddress, ScopeRoles, ScopeGroups, ScopeOfflineAccess,
}

// Client is a registered OAuth client (RFC 6749 §2). ID is the database id, ClientID the client_id.
type Client struct {
	ID                       int64
	ClientID                 string
	Name                     string
	Public                   bool           // has no secret: token_endpoint_auth_method "none"
	FirstParty               bool           // users are not asked for consent
	RequirePKCE              bool           // a code needs a challenge (RFC 7636); always of a public client
	KeepRefreshTokens        bool           // they stay valid when they are used; never of a public client (RFC 9700 §2.2.2)
	RefreshOverlap           *time.Duration // in which a used refresh token gives its unused successor again; nil: the server's
	SessionRefreshTokens     bool           // it gets refresh tokens without offline_access, which end with the session
	RevokeOnSessionEnd       bool           // its access tokens end with the session, too, unless they came with offline_access
	GrantTypes               []string
	RedirectURIs             []string
	BackchannelLogoutURI     string      // where it hears of ended sessions (OpenID Connect Back-Channel Logout 1.0), empty: nowhere
	BackchannelLogoutPrivate bool        // that may be at a private address
	FrontchannelLogoutURI    string      // where browsers tell it of a sign-out (OpenID Connect Front-Channel Logout 1.0), empty: nowhere
	FrontchannelLogoutSID    bool        // and of which session: "frontchannel_logout_session_required"
	PostLogoutRedirectURIs   []string    // where users may go from a sign-out that the client asked for
	IDTokenAlg               string      // id_token_signed_response_alg: RS256, ES256 or EdDSA
	UserinfoAlg              string      // userinfo_signed_response_alg: as IDTokenAlg, empty: userinfo is plain JSON
	SubjectType              SubjectType // by which subject it knows users
	SectorIdentifier         string      // the host whose clients know a user by the same pairwise subject
	GroupNames               GroupNames  // how its ID tokens and userinfo name groups
	APIs                     []ClientAPI
	ClaimMappings            []ClaimMapping // of its ID tokens and userinfo
	Claims                   ClaimMapper    // these, compiled; nil: none, or the client is not from the cache
	Serves                   []string       // audiences whose tokens this client, as a resource server, may introspect
	ServesUserinfo           bool           // it may introspect the tokens too that are for Signet itself (userinfo)
	Secrets                  []ClientSecret
	JWKS                     string // its public keys, a JWK Set (RFC 7517 §5); empty: none are registered here
	JWKSURI                  string // where it publishes them; empty: nowhere
	JWKSURIPrivate           bool   // that may be at a private address
	Trusts                   []Trust
	EndpointAudience         bool // its assertions may name the token endpoint as their audience, in place of the issuer
	Origin                   ClientOrigin
	RegistrationTokenHash    string    // of the token by which it changes its own registration (RFC 7592), empty: it has none
	LastUsedAt               time.Time // when a client that registered itself last got a token, to the day; zero: never
	ManagedBy                string    // the set of files that it comes from; empty: none
	DisabledAt               time.Time // zero: enabled
	DisabledReason           string    // empty: none was given
	Version                  int64     // 1 at first; each update adds one
	CreatedAt                time.Time
	UpdatedAt                time.Time
}

// Client authentication methods (OpenID Connect Core §9).
const (
	SecretBasic   = "client_secret_basic"
	SecretPost    = "client_secret_post"
	PrivateKeyJWT = "private_key_jwt"
	None          = "none"
)

// AuthMethod is how the client authenticates (token_endpoint_auth_method): None, PrivateKeyJWT, or SecretBasic, which stands for
// SecretPost too.
func (c *Client) AuthMethod() string {
	switch {
	case c.Public:
		return None
	case c.JWKS != "" || c.JWKSURI != "":
		return PrivateKeyJWT
	}
	return SecretBasic
}

// SubjectType says by which subject ("sub") a client knows users (OpenID Connect Core §8); empty stands for SubjectTypePublic where a
// client is made.
type SubjectType string

// The types of subject.
const (
	SubjectTypePublic   SubjectType = "public"   // all clients by the same
	SubjectTypePairwise SubjectType = "pairwise" // clients of one sector by the same
)

// SubjectTypes are all of them.
var SubjectTypes = []SubjectType{SubjectTypePublic, SubjectTypePairwise}

// ClientOrigin says how a client came to be registered; empty stands for OriginAdministrator where one is made.
type ClientOrigin string

// The origins of clients.
const (
	OriginAdministrator ClientOrigin = "administrator"
	OriginRegistration  ClientOrigin = "registration" // by itself, at the registration endpoint (RFC 7591)
	OriginMetadata      ClientOrigin = "metadata"     // by itself: its client_id is the URL of a document that describes it
)

// ClientOrigins are all of them.
var ClientOrigins = []ClientOrigin{OriginAdministrator, OriginRegistration, OriginMetadata}

// SelfRegistered says whether nobody here knows more about the client than what it says of itself.
func (c *Client) SelfRegistered() bool {
	return c.Origin == OriginRegistration || c.Origin == OriginMetadata
}

// Impersonable says whether another program on the user's machine can pose as the client with this redirect URI: the client has no
// secret, and a loopback address or a private-use scheme is anybody's (RFC 8252 §8.6).
func (c *Client) Impersonable(redirectURI string) bool {
	return c.Public && !strings.HasPrefix(redirectURI, "https://")
}

// ClientAPI says which permissions of an API a client may ask for.
type ClientAPI struct {
	Audience    string
	Permissions []string // empty: all that the API has, now and later
	Default     bool     // requests that name no API, and no scope of another, are for this one
}

// ClientSecret is one of a client's secrets; several may be valid during a rotation.
type ClientSecret struct {
	ID        int64
	Hash      string // "hmac-sha256:…", never the secret
	Hint      string // the last four characters, to distinguish secrets
	CreatedAt time.Time
	ExpiresAt time.Time // zero: until removed
}

// API is a resource server's interface, named by its audience (RFC 8707 §2).
type API struct {
	ID             int64
	Audience       string
	Name           string
	SigningAlg     string         // of its access tokens: ES256, RS256 or EdDSA
	AccessTokenTTL time.Duration  // zero: the server's default
	NoUserinfo     bool           // its access tokens do not open userinfo
	Memberships    Memberships    // which roles and groups its access tokens name
	GroupNames     GroupNames     // how they name groups
	ClaimMappings  []ClaimMapping // of its access tokens
	Claims         ClaimMapper    // these, compiled; nil: none, or the API is not from the cache
	Encryption     Encryption
	Permissions    []Permission
	ManagedBy      string // the set of files that it comes from; empty: none
	Version        int64  // 1 at first; each update adds one
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Lacks are the permissions that the API had before and has no more.
func (a API) Lacks(before API) (names []string) {
	for _, had := range before.Permissions {
		if !slices.ContainsFunc(a.Permissions, func(p Permission) bool { return p.Name == had.Name }) {
			names = append(names, had.Name)
		}
	}
	return names
}

// Encryption says what of an API's access tokens is encrypted to it, and where its public keys are: here or at the URI, not both. Without
// keys nothing is encrypted.
type Encryption struct {
	JWKS           string   // a JWK Set, of which the first key counts
	JWKSURI        string   // where the API publishes its keys
	JWKSURIPrivate bool     // that may be at a private address
	Claims         []string // that alone are encrypted; empty: the whole token is
}

// WholeToken says whether whole tokens are encrypted.
func (e *Encryption) WholeToken() bool { return e.HasKeys() && len(e.Claims) == 0 }

// HasKeys says whether the API has registered its keys.
func (e *Encryption) HasKeys() bool { return e.JWKS != "" || e.JWKSURI != "" }

// Permission is something that can be allowed at an API; its name is the scope value that asks for it.
type Permission struct {
	Name        string
	Description string
}

// Has reports whether the API has a permission.
func (a *API) Has(permission string) bool {
	return slices.ContainsFunc(a.Permissions, func(p Permission) bool { return p.Name == permission })
}

// SameAudience reports whether two audiences are one: a slash at the end makes no difference.
func SameAudience(a, b string) bool { return strings.TrimSuffix(a, "/") == strings.TrimSuffix(b, "/") }

// MayUse reports whether the client may have tokens for an API at all.
func (c *Client) MayUse(audience string) bool {
	return slices.ContainsFunc(c.APIs, func(a ClientAPI) bool { return a.Audience == audience })
}

// DefaultAPI is the audience of the client's default API, empty if it has none.
func (c *Client) DefaultAPI() string {
	for _, api := range c.APIs {
		if api.Default {
			return api.Audience
		}
	}
	return ""
}

// Requestable are the permissions of an API that the client may ask for.
func (c *Client) Requestable(api *API) (names []string) {
	for _, p := range api.Permissions {
		if c.MayAsk(api.Audience, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

// MayAsk reports whether the client may ask for a permission of an API.
func (c *Client) MayAsk(audience, permission string) bool {
	for _, api := range c.APIs {
		if api.Audience == audience {
			return len(api.Permissions) == 0 || slices.Contains(api.Permissions, permission)
		}
	}
	return false
}
