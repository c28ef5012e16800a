package apply

import (
	"time"
)

// The objects that files describe, each named as the admin API names it. A member is left out where it is as it is by default.
//
// The tag file names the member; "key" marks the one that names the object, "given" required ones, "write" ones that are never shown or
// exported. The tag enum lists the allowed values.

// Attribute is a property that users may have.
type Attribute struct {
	Name        string `file:"name,key"`
	Type        string `file:"type" enum:"string,number,boolean,string_list" doc:"What its values are; it stays that. By default string"`
	Description string `file:"description" doc:"What it is, for people"`
}

// API is a resource server's interface.
type API struct {
	Audience                 string         `file:"audience,key" doc:"The aud of its access tokens, most often its URL"`
	Name                     string         `file:"name" doc:"Its name for people; by default the audience"`
	SigningAlg               string         `file:"signing_alg" enum:"ES256,RS256,EdDSA" doc:"By which its access tokens are signed; by default ES256"`
	AccessTokenTTL           time.Duration  `file:"access_token_ttl" doc:"The lifetime of its access tokens, as 15m; by default the server's"`
	NoUserinfo               bool           `file:"no_userinfo" doc:"Its access tokens do not open /oauth2/userinfo"`
	Memberships              string         `file:"memberships" enum:"relevant,all,none" doc:"Which roles and groups its access tokens name; by default relevant"`
	GroupNames               string         `file:"group_names" enum:"name,slash-name" doc:"How they name groups; by default name"`
	ClaimMappings            []ClaimMapping `file:"claim_mappings" doc:"Claims of its access tokens"`
	EncryptionJWKS           JSON           `file:"encryption_jwks" doc:"Its public keys that its access tokens are encrypted to (RFC 7517): the first counts"`
	EncryptionJWKSURI        string         `file:"encryption_jwks_uri" doc:"Where it publishes them"`
	EncryptionJWKSURIPrivate bool           `file:"encryption_jwks_uri_private" doc:"That may be at a private address"`
	EncryptedClaims          []string       `file:"encrypted_claims" doc:"Those that are encrypted; left out: whole tokens are, if there are keys"`
	Policy                   *string        `file:"policy" doc:"Its policy, a text in YAML; left out: files do not say whether it has one"`
	Resources                *[]Resource    `file:"resources" doc:"All its registered resources; left out: files do not say which it has"`
	Permissions              []Permission   `file:"permissions" doc:"What can be allowed at it; a name is the scope that asks for it"`
}

// Permission is one of an API; in a file it may be its name alone.
type Permission struct {
	Name        string `file:"name,given"`
	Description string `file:"description"`
}

// Resource is one of an API that is registered.
type Resource struct {
	Type       string `file:"type,given"`
	ID         string `file:"id,given"`
	Properties JSON   `file:"properties" doc:"An object that conditions of the policy read where a request gives no properties"`
}

// ClaimMapping gives a claim the value of a CEL expression.
type ClaimMapping struct {
	Claim      string `file:"claim,given"`
	Expression string `file:"expression,given" doc:"CEL over user, client, attributes, groups and roles"`
}

// Role is a named set of permissions.
type Role struct {
	Name        string   `file:"name,key"`
	Description string   `file:"description" doc:"What it is for"`
	Permissions []string `file:"permissions" doc:"What it gives, each as AUDIENCE#permission"`
}

// Group is a set of users.
type Group struct {
	Name        string    `file:"name,key"`
	Description string    `file:"description" doc:"What it is for"`
	Members     *[]string `file:"members" doc:"All its members, by username; left out: files do not say who is in it"`
}

// Client is an application.
type Client struct {
	ClientID                 string         `file:"client_id,key"`
	Name                     string         `file:"client_name" doc:"Its name for people; by default the client_id"`
	AuthMethod               string         `file:"token_endpoint_auth_method" enum:"client_secret_basic,private_key_jwt,none" doc:"How it authenticates; none: it is public. By default private_key_jwt with keys, client_secret_basic without"`
	GrantTypes               []string       `file:"grant_types"`
	RedirectURIs             []string       `file:"redirect_uris"`
	PostLogoutRedirectURIs   []string       `file:"post_logout_redirect_uris"`
	BackchannelLogoutURI     string         `file:"backchannel_logout_uri" doc:"Where it hears of ended sessions"`
	BackchannelLogoutPrivate bool           `file:"backchannel_logout_private" doc:"That may be at a private address"`
	FrontchannelLogoutURI    string         `file:"frontchannel_logout_uri" doc:"Where browsers tell it of a sign-out"`
	FrontchannelLogoutSID    bool           `file:"frontchannel_logout_session_required" doc:"And of which session"`
	IDTokenAlg               string         `file:"id_token_signed_response_alg" enum:"ES256,RS256,EdDSA" doc:"By default RS256"`
	UserinfoAlg              string         `file:"userinfo_signed_response_alg" enum:"ES256,RS256,EdDSA" doc:"Left out: userinfo is plain JSON"`
	SubjectType              string         `file:"subject_type" enum:"public,pairwise" doc:"By which sub it knows users; by default public"`
	SectorIdentifier         string         `file:"sector_identifier" doc:"The host whose clients know a user by the same pairwise sub; by default that of the redirect URIs"`
	GroupNames               string         `file:"group_names" enum:"name,slash-name" doc:"How its ID tokens and userinfo name groups; by default name"`
	JWKS                     JSON           `file:"jwks" doc:"Its public keys (RFC 7517)"`
	JWKSURI                  string         `file:"jwks_uri" doc:"Where it publishes them"`
	JWKSURIPrivate           bool           `file:"jwks_uri_private" doc:"That may be at a private address"`
	EndpointAudience         bool           `file:"endpoint_audience" doc:"Its assertions may name the token endpoint as their audience"`
	FirstParty               bool           `file:"first_party" doc:"Users are not asked for consent"`
	RequirePKCE              *bool          `file:"require_pkce" doc:"A code needs PKCE; by default true"`
	KeepRefreshTokens        bool           `file:"keep_refresh_tokens" doc:"A refresh token stays valid when it is used"`
	RefreshOverlap           *time.Duration `file:"refresh_overlap" doc:"In which a used refresh token gives its unused successor again, as 30s; by default the server's"`
	SessionRefreshTokens     bool           `file:"session_refresh_tokens" doc:"It gets refresh tokens without offline_access, which end with the session"`
	RevokeOnSessionEnd       bool           `file:"revoke_on_session_end" doc:"Its access tokens end with the session, unless they came with offline_access"`
	ClaimMappings            []ClaimMapping `file:"claim_mappings" doc:"Claims of its ID tokens and userinfo"`
	APIs                     []ClientAPI    `file:"apis" doc:"What it may ask for"`
	Serves                   []string       `file:"serves" doc:"Audiences whose tokens it may introspect"`
	ServesUserinfo           bool           `file:"serves_userinfo" doc:"It may introspect tokens for userinfo itself"`
	Secrets                  *[]Secret      `file:"secrets,write" doc:"All its secrets; left out: files do not say which it has"`
	Trusts                   []Trust        `file:"trusts" doc:"Other issuers whose JWTs authenticate it"`
	Disabled                 bool           `file:"disabled"`
}

// ClientAPI says what a client may ask for at an API; in a file it may be the audience alone.
type ClientAPI struct {
	Audience    string   `file:"audience,given"`
	Permissions []string `file:"permissions" doc:"Left out: all that the API has"`
	Default     bool     `file:"default" doc:"Requests that name no API are for this one"`
}

// Trust is another issuer whose JWTs authenticate a client.
type Trust struct {
	Issuer   string            `file:"issuer,given"`
	Subject  string            `file:"subject,given" doc:"A pattern: * stands for characters other than : and /, ** at the end for any"`
	Audience string            `file:"audience" doc:"The only one that a JWT names; by default this server's issuer"`
	Claims   map[string]string `file:"claims" doc:"Other claims that a JWT has with just these values"`
	JWKS     JSON              `file:"jwks" doc:"The issuer's public keys; left out: they are fetched"`
	JWKSURI  string            `file:"jwks_uri" doc:"From there; left out: from where the issuer's metadata says"`
	Private  bool              `file:"private" doc:"That may be at a private address"`
	Reusable bool              `file:"reusable" doc:"A JWT serves until it expires, not just once"`
}

// Assignment gives a role to a user, a group or a client, one of the three.
type Assignment struct {
	Role   string    `file:"role,key"`
	User   string    `file:"user,key" doc:"The username"`
	Group  string    `file:"group,key" doc:"The group's name"`
	Client string    `file:"client,key" doc:"The client_id"`
	Until  time.Time `file:"until" doc:"When it ends, as 2027-01-01 or 2027-01-01T12:00:00Z; left out: it does not"`
}

// Receiver is a client that gets security events.
type Receiver struct {
	ClientID     string   `file:"client_id,key"`
	Description  string   `file:"description"`
	Method       string   `file:"method,given" enum:"poll,push"`
	Endpoint     string   `file:"endpoint" doc:"Where events are pushed to"`
	BearerToken  *Secret  `file:"bearer_token,write" doc:"Sent with every push; left out: files do not say which"`
	AllowPrivate bool     `file:"allow_private" doc:"The endpoint may be at a private address"`
	Events       []string `file:"events" enum:"session-revoked,token-claims-change,credential-change,account-disabled,account-enabled,account-purged,policy-change" doc:"By default all; an empty list: none but those about the stream"`
	Paused       bool     `file:"paused" doc:"Its events are kept until it is resumed"`
}

// JSON is a JSON value in one spelling: members sorted, no blanks. Empty: none.
type JSON string

// Secret says where a secret is read from; a file never holds one itself.
type Secret struct {
	Env  string `file:"env" doc:"The environment variable that holds it"`
	File string `file:"file" doc:"The file that holds it, relative to this one"`
}

// Key names a secret, for the values that come with the files.
func (s Secret) Key() string {
	if s.Env != "" {
		return "env:" + s.Env
	}
	return "file:" + s.File
}
