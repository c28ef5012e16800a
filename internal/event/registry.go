package event

import (
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// ClientDetails is what a client's events say.
type ClientDetails struct {
	APIs                     []domain.ClientAPI    `json:"apis"`
	AuthMethod               string                `json:"auth_method"`
	BackchannelLogoutURI     string                `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutPrivate bool                  `json:"backchannel_logout_private,omitempty"`
	FrontchannelLogoutURI    string                `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelLogoutSID    bool                  `json:"frontchannel_logout_session_required,omitempty"`
	ClaimMappings            []domain.ClaimMapping `json:"claim_mappings,omitempty"`
	EndpointAudience         bool                  `json:"endpoint_audience,omitempty"`
	FirstParty               bool                  `json:"first_party"`
	GrantTypes               []string              `json:"grant_types"`
	GroupNames               domain.GroupNames     `json:"group_names,omitempty"`
	IDTokenAlg               string                `json:"id_token_signed_response_alg"`
	JWKS                     string                `json:"jwks,omitempty"`
	JWKSURI                  string                `json:"jwks_uri,omitempty"`
	JWKSURIPrivate           bool                  `json:"jwks_uri_private,omitempty"`
	KeepRefreshTokens        bool                  `json:"keep_refresh_tokens,omitempty"`
	Name                     string                `json:"name"`
	Origin                   domain.ClientOrigin   `json:"origin,omitempty"`
	PostLogoutRedirectURIs   []string              `json:"post_logout_redirect_uris"`
	Public                   bool                  `json:"public"`
	RedirectURIs             []string              `json:"redirect_uris"`
	RefreshOverlap           string                `json:"refresh_overlap,omitempty"`
	RequirePKCE              bool                  `json:"require_pkce"`
	RevokeOnSessionEnd       bool                  `json:"revoke_on_session_end,omitempty"`
	SectorIdentifier         string                `json:"sector_identifier,omitempty"`
	Serves                   []string              `json:"serves"`
	ServesUserinfo           bool                  `json:"serves_userinfo,omitempty"`
	SessionRefreshTokens     bool                  `json:"session_refresh_tokens,omitempty"`
	SubjectType              domain.SubjectType    `json:"subject_type,omitempty"`
	UserinfoAlg              string                `json:"userinfo_signed_response_alg,omitempty"`
}

// APIDetails is what an API's events say.
type APIDetails struct {
	AccessTokenTTL           string                `json:"access_token_ttl"`
	ClaimMappings            []domain.ClaimMapping `json:"claim_mappings,omitempty"`
	EncryptedClaims          []string              `json:"encrypted_claims,omitempty"`
	EncryptionJWKS           string                `json:"encryption_jwks,omitempty"`
	EncryptionJWKSURI        string                `json:"encryption_jwks_uri,omitempty"`
	EncryptionJWKSURIPrivate bool                  `json:"encryption_jwks_uri_private,omitempty"`
	GroupNames               domain.GroupNames     `json:"group_names,omitempty"`
	Memberships              domain.Memberships    `json:"memberships,omitempty"`
	Name                     string                `json:"name"`
	NoUserinfo               bool                  `json:"no_userinfo,omitempty"`
	Permissions              []string              `json:"permissions"`
	SigningAlg               string                `json:"signing_alg"`
}

// ClientCreated says: a client was registered.
type ClientCreated struct {
	ClientID string `json:"-"`
	ClientDetails
}

// Kind implements Event.
func (ClientCreated) Kind() string { return "client.create" }

// Object implements Event.
func (e ClientCreated) Object() string { return "client:" + e.ClientID }

// ClientUpdated says: a client was changed; Shrunk are the audiences at which it may ask for less than before.
type ClientUpdated struct {
	ClientID string   `json:"-"`
	Shrunk   []string `json:"-"`
	ClientDetails
}

// Kind implements Event.
func (ClientUpdated) Kind() string { return "client.update" }

// Object implements Event.
func (e ClientUpdated) Object() string { return "client:" + e.ClientID }

// Signals implements ForServices.
func (e ClientUpdated) Signals() []domain.SecurityEvent {
	var about []domain.Concerned
	for _, audience := range e.Shrunk {
		about = append(about, domain.Concerned{Kind: domain.ConcernsClient, Name: e.ClientID, Audience: audience})
	}
	return changed("The client may ask for fewer permissions.", about...)
}

// ClientDisabled says: a client was disabled; its grants and tokens ended.
type ClientDisabled struct {
	ClientID string `json:"-"`
	Reason   string `json:"reason,omitempty"`
}

// Kind implements Event.
func (ClientDisabled) Kind() string { return "client.disable" }

// Object implements Event.
func (e ClientDisabled) Object() string { return "client:" + e.ClientID }

// Signals implements ForServices.
func (e ClientDisabled) Signals() []domain.SecurityEvent {
	return revoked("The client was disabled.", domain.Concerned{Kind: domain.ConcernsClient, Name: e.ClientID})
}

// ClientEnabled says: a client was enabled again.
type ClientEnabled struct {
	ClientID string `json:"-"`
}

// Kind implements Event.
func (ClientEnabled) Kind() string { return "client.enable" }

// Object implements Event.
func (e ClientEnabled) Object() string { return "client:" + e.ClientID }

// ClientDeleted says: a client was deleted; its grants and tokens ended.
type ClientDeleted struct {
	ClientID string `json:"-"`
}

// Kind implements Event.
func (ClientDeleted) Kind() string { return "client.delete" }

// Object implements Event.
func (e ClientDeleted) Object() string { return "client:" + e.ClientID }

// Signals implements ForServices.
func (e ClientDeleted) Signals() []domain.SecurityEvent {
	return revoked("The client was deleted.", domain.Concerned{Kind: domain.ConcernsClient, Name: e.ClientID})
}

// ClientExpired says: a client that registered itself was deleted because nobody uses it; its grants and tokens ended.
type ClientExpired struct {
	ClientID   string    `json:"-"`
	LastUsedAt time.Time `json:"last_used_at,omitzero"`
}

// Kind implements Event.
func (ClientExpired) Kind() string { return "client.expire" }

// Object implements Event.
func (e ClientExpired) Object() string { return "client:" + e.ClientID }

// Signals implements ForServices.
func (e ClientExpired) Signals() []domain.SecurityEvent {
	return revoked("The client was not used for long, and deleted.", domain.Concerned{Kind: domain.ConcernsClient, Name: e.ClientID})
}

// SecretAdded says: a client was given another secret; the hint is its last characters.
type SecretAdded struct {
	ClientID string `json:"-"`
	Hint     string `json:"hint"`
}

// Kind implements Event.
func (SecretAdded) Kind() string { return "client.add_secret" }

// Object implements Event.
func (e SecretAdded) Object() string { return "client:" + e.ClientID }

// SecretRehashed says: the hash of a secret from another system was replaced by one of Signet's own, when it was first used.
type SecretRehashed struct {
	ClientID string `json:"-"`
	ID       int64  `json:"id"`
}

// Kind implements Event.
func (SecretRehashed) Kind() string { return "client.rehash_secret" }

// Object implements Event.
func (e SecretRehashed) Object() string { return "client:" + e.ClientID }

// SecretRemoved says: one of a client's secrets was removed.
type SecretRemoved struct {
	ClientID string `json:"-"`
	ID       int64  `json:"id"`
}

// Kind implements Event.
func (SecretRemoved) Kind() string { return "client.remove_secret" }

// Object implements Event.
func (e SecretRemoved) Object() string { return "client:" + e.ClientID }

// TrustAdded says: JWTs of another issuer may authenticate a client.
type TrustAdded struct {
	ClientID string            `json:"-"`
	Audience string            `json:"audience,omitempty"`
	Claims   map[string]string `json:"claims,omitempty"`
	Issuer   string            `json:"issuer"`
	JWKS     string            `json:"jwks,omitempty"`
	JWKSURI  string            `json:"jwks_uri,omitempty"`
	Private  bool              `json:"private,omitempty"`
	Reusable bool              `json:"reusable,omitempty"`
	Subject  string            `json:"subject"`
}

// Kind implements Event.
func (TrustAdded) Kind() string { return "client.add_trust" }

// Object implements Event.
func (e TrustAdded) Object() string { return "client:" + e.ClientID }

// TrustRemoved says: JWTs of another issuer may not authenticate a client any more.
type TrustRemoved struct {
	ClientID string `json:"-"`
	ID       int64  `json:"id"`
}

// Kind implements Event.
func (TrustRemoved) Kind() string { return "client.remove_trust" }

// Object implements Event.
func (e TrustRemoved) Object() string { return "client:" + e.ClientID }

// AssertionRefused says: a JWT that was to authenticate a client was refused. Omitted is how many such events were left out since the last.
type AssertionRefused struct {
	ClientID string `json:"-"`
	Issuer   string `json:"issuer"`
	Omitted  int64  `json:"omitted,omitempty"`
	Reason   string `json:"reason"`
	Subject  string `json:"subject"`
}

// Kind implements Event.
func (AssertionRefused) Kind() string { return "client.refuse_assertion" }

// Object implements Event.
func (e AssertionRefused) Object() string { return "client:" + e.ClientID }

// APICreated says: an API was registered.
type APICreated struct {
	Audience string `json:"-"`
	APIDetails
}

// Kind implements Event.
func (APICreated) Kind() string { return "api.create" }

// Object implements Event.
func (e APICreated) Object() string { return "api:" + e.Audience }

// APIUpdated says: an API was changed; Shrunk, that it has lost permissions. Lost are roles and clients that lost these with it, the first
// of them, and LostMore is how many others did.
type APIUpdated struct {
	Audience string `json:"-"`
	Shrunk   bool   `json:"-"`
	APIDetails
	Lost     []domain.PermissionLoss `json:"lost,omitempty"`
	LostMore int                     `json:"lost_more,omitempty"`
}

// Kind implements Event.
func (APIUpdated) Kind() string { return "api.update" }

// Object implements Event.
func (e APIUpdated) Object() string { return "api:" + e.Audience }

// Signals implements ForServices.
func (e APIUpdated) Signals() []domain.SecurityEvent {
	if !e.Shrunk {
		return nil
	}
	return changed("The API has fewer permissions.", domain.Concerned{Kind: domain.ConcernsAPI, Name: e.Audience, Audience: e.Audience})
}

// APIDeleted says: an API was deleted; its tokens ended. Record it before the deletion, after which nobody serves the API any more.
type APIDeleted struct {
	Audience string `json:"-"`
}

// Kind implements Event.
func (APIDeleted) Kind() string { return "api.delete" }

// Object implements Event.
func (e APIDeleted) Object() string { return "api:" + e.Audience }

// Signals implements ForServices.
func (e APIDeleted) Signals() []domain.SecurityEvent {
	return revoked("The API was deleted, and all tokens for it were revoked.", domain.Concerned{Kind: domain.ConcernsDeletedAPI, Name: e.Audience})
}
