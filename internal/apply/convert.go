package apply

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// canonical is a JSON text in the spelling of JSON.
func canonical(text string) JSON {
	var value domain.JSONObject
	if text == "" || json.Unmarshal([]byte(text), &value) != nil {
		return JSON(text)
	}
	same, err := json.Marshal(value)
	if err != nil {
		return JSON(text)
	}
	return JSON(same)
}

func mappings[To, From ClaimMapping | domain.ClaimMapping](from []From) []To {
	var to []To
	for _, m := range from {
		to = append(to, To(m))
	}
	return to
}

// AttributeOf describes an attribute.
func AttributeOf(a domain.Attribute) *Attribute {
	described := &Attribute{Name: a.Name, Type: string(a.Type), Description: a.Description}
	described.complete()
	return described
}

// APIOf describes an API with its policy, empty: it has none, and its registered resources.
func APIOf(a domain.API, policy string, resources []domain.Resource) *API {
	described := &API{
		Audience: a.Audience, Name: a.Name, SigningAlg: a.SigningAlg, AccessTokenTTL: a.AccessTokenTTL, NoUserinfo: a.NoUserinfo,
		Memberships: string(a.Memberships), GroupNames: string(a.GroupNames), ClaimMappings: mappings[ClaimMapping](a.ClaimMappings),
		EncryptionJWKS: canonical(a.Encryption.JWKS), EncryptionJWKSURI: a.Encryption.JWKSURI, EncryptionJWKSURIPrivate: a.Encryption.JWKSURIPrivate,
		EncryptedClaims: slices.Clone(a.Encryption.Claims),
	}
	if policy != "" {
		described.Policy = &policy
	}
	if len(resources) > 0 {
		all := make([]Resource, len(resources))
		for i, r := range resources {
			all[i] = Resource{r.Type, r.ID, canonical(r.Properties)}
		}
		described.Resources = &all
	}
	for _, p := range a.Permissions {
		described.Permissions = append(described.Permissions, Permission(p))
	}
	described.complete()
	return described
}

// Set makes an API what is described, but for its policy and its resources.
func (a *API) Set(api *domain.API) {
	api.Name, api.SigningAlg, api.AccessTokenTTL, api.NoUserinfo = a.Name, a.SigningAlg, a.AccessTokenTTL, a.NoUserinfo
	api.Memberships, api.GroupNames = domain.Memberships(a.Memberships), domain.GroupNames(a.GroupNames)
	api.ClaimMappings = mappings[domain.ClaimMapping](a.ClaimMappings)
	api.Encryption = domain.Encryption{
		JWKS: string(a.EncryptionJWKS), JWKSURI: a.EncryptionJWKSURI, JWKSURIPrivate: a.EncryptionJWKSURIPrivate, Claims: slices.Clone(a.EncryptedClaims),
	}
	api.Permissions = nil
	for _, p := range a.Permissions {
		api.Permissions = append(api.Permissions, domain.Permission(p))
	}
}

// ChangedResources are those of the described resources that differ from the ones that there are, and the ones that are not described.
func (a *API) ChangedResources(there []domain.Resource) (put []domain.Resource, remove []domain.ResourceName) {
	if a.Resources == nil {
		return nil, nil
	}
	was := map[domain.ResourceName]JSON{}
	for _, r := range there {
		was[r.Name()] = canonical(r.Properties)
	}
	for _, r := range *a.Resources {
		name := domain.ResourceName{Type: r.Type, ID: r.ID}
		if properties, ok := was[name]; !ok || properties != r.Properties {
			put = append(put, domain.Resource{Type: r.Type, ID: r.ID, Properties: string(r.Properties)})
		}
		delete(was, name)
	}
	for _, r := range there {
		if _, ok := was[r.Name()]; ok {
			remove = append(remove, r.Name())
		}
	}
	return put, remove
}

// RoleOf describes a role.
func RoleOf(r domain.Role) *Role {
	described := &Role{Name: r.Name, Description: r.Description}
	for _, p := range r.Permissions {
		described.Permissions = append(described.Permissions, p.Audience+"#"+p.Permission)
	}
	described.complete()
	return described
}

// Set makes a role what is described.
func (r *Role) Set(role *domain.Role) {
	role.Description, role.Permissions = r.Description, nil
	for _, p := range r.Permissions {
		audience, permission, _ := strings.Cut(p, "#")
		role.Permissions = append(role.Permissions, domain.RolePermission{Audience: audience, Permission: permission})
	}
}

// GroupOf describes a group with its members.
func GroupOf(g domain.Group, members []string) *Group {
	described := &Group{Name: g.Name, Description: g.Description, Members: &members}
	described.complete()
	return described
}

// ClientOf describes a client, without its secrets.
func ClientOf(c domain.Client) *Client {
	pkce := c.RequirePKCE
	described := &Client{
		ClientID: c.ClientID, Name: c.Name, AuthMethod: c.AuthMethod(), GrantTypes: slices.Clone(c.GrantTypes),
		RedirectURIs: slices.Clone(c.RedirectURIs), PostLogoutRedirectURIs: slices.Clone(c.PostLogoutRedirectURIs),
		BackchannelLogoutURI: c.BackchannelLogoutURI, BackchannelLogoutPrivate: c.BackchannelLogoutPrivate,
		FrontchannelLogoutURI: c.FrontchannelLogoutURI, FrontchannelLogoutSID: c.FrontchannelLogoutSID,
		IDTokenAlg: c.IDTokenAlg, UserinfoAlg: c.UserinfoAlg, SubjectType: string(c.SubjectType), SectorIdentifier: c.SectorIdentifier,
		GroupNames: string(c.GroupNames), JWKS: canonical(c.JWKS), JWKSURI: c.JWKSURI, JWKSURIPrivate: c.JWKSURIPrivate,
		EndpointAudience: c.EndpointAudience, FirstParty: c.FirstParty, RequirePKCE: &pkce, KeepRefreshTokens: c.KeepRefreshTokens,
		RefreshOverlap: c.RefreshOverlap, SessionRefreshTokens: c.SessionRefreshTokens, RevokeOnSessionEnd: c.RevokeOnSessionEnd,
		ClaimMappings: mappings[ClaimMapping](c.ClaimMappings), Serves: slices.Clone(c.Serves), ServesUserinfo: c.ServesUserinfo,
		Disabled: !c.DisabledAt.IsZero(),
	}
	for _, a := range c.APIs {
		described.APIs = append(described.APIs, ClientAPI{a.Audience, slices.Clone(a.Permissions), a.Default})
	}
	for _, t := range c.Trusts {
		described.Trusts = append(described.Trusts, TrustOf(t))
	}
	described.complete()
	return described
}

// TrustOf describes a trust.
func TrustOf(t domain.Trust) Trust {
	described := Trust{
		Issuer: t.Issuer, Subject: t.Subject, Audience: t.Audience, Claims: t.Claims, JWKS: canonical(t.JWKS), JWKSURI: t.JWKSURI,
		Private: t.Private, Reusable: t.Reusable,
	}
	if len(described.Claims) == 0 {
		described.Claims = nil
	}
	return described
}

// Is says whether a trust is what is described.
func (t Trust) Is(trust domain.Trust) bool { return t.key() == TrustOf(trust).key() }

// Trust is what is described.
func (t Trust) Trust() domain.Trust {
	return domain.Trust{
		Issuer: t.Issuer, Subject: t.Subject, Audience: t.Audience, Claims: t.Claims, JWKS: string(t.JWKS), JWKSURI: t.JWKSURI,
		Private: t.Private, Reusable: t.Reusable,
	}
}

// Set makes a client what is described, but for its secrets, its trusts and whether it is disabled.
func (c *Client) Set(client *domain.Client) {
	client.Name, client.Public = c.Name, c.AuthMethod == domain.None
	client.GrantTypes, client.RedirectURIs, client.PostLogoutRedirectURIs = c.GrantTypes, c.RedirectURIs, c.PostLogoutRedirectURIs
	client.BackchannelLogoutURI, client.BackchannelLogoutPrivate = c.BackchannelLogoutURI, c.BackchannelLogoutPrivate
	client.FrontchannelLogoutURI, client.FrontchannelLogoutSID = c.FrontchannelLogoutURI, c.FrontchannelLogoutSID
	client.IDTokenAlg, client.UserinfoAlg = c.IDTokenAlg, c.UserinfoAlg
	if !keepsSector(&Client{SubjectType: string(client.SubjectType)}, c) {
		client.SectorIdentifier = c.SectorIdentifier
	}
	client.SubjectType = domain.SubjectType(c.SubjectType)
	client.GroupNames, client.EndpointAudience = domain.GroupNames(c.GroupNames), c.EndpointAudience
	if canonical(client.JWKS) != c.JWKS {
		client.JWKS = string(c.JWKS)
	}
	client.JWKSURI, client.JWKSURIPrivate = c.JWKSURI, c.JWKSURIPrivate
	client.FirstParty, client.RequirePKCE = c.FirstParty, *c.RequirePKCE
	client.KeepRefreshTokens, client.RefreshOverlap = c.KeepRefreshTokens, c.RefreshOverlap
	client.SessionRefreshTokens, client.RevokeOnSessionEnd = c.SessionRefreshTokens, c.RevokeOnSessionEnd
	client.ClaimMappings = mappings[domain.ClaimMapping](c.ClaimMappings)
	client.Serves, client.ServesUserinfo = c.Serves, c.ServesUserinfo
	client.APIs = nil
	for _, a := range c.APIs {
		client.APIs = append(client.APIs, domain.ClientAPI{Audience: a.Audience, Permissions: a.Permissions, Default: a.Default})
	}
}

// AssignmentOf describes an assignment.
func AssignmentOf(a domain.Assignment) *Assignment {
	described := &Assignment{Role: a.Role, Until: a.ExpiresAt}
	switch a.SubjectKind {
	case domain.SubjectUser:
		described.User = a.Subject
	case domain.SubjectGroup:
		described.Group = a.Subject
	default:
		described.Client = a.Subject
	}
	described.complete()
	return described
}

// Assignment is what is described.
func (a *Assignment) Assignment() domain.Assignment {
	kind, subject := a.Subject()
	return domain.Assignment{Role: a.Role, SubjectKind: kind, Subject: subject, ExpiresAt: a.Until}
}

// Ended says whether the assignment is over at a time.
func (a *Assignment) Ended(now time.Time) bool { return !a.Until.IsZero() && !now.Before(a.Until) }

// ReceiverOf describes a receiver, without its bearer token.
func ReceiverOf(r domain.Receiver) *Receiver {
	described := &Receiver{
		ClientID: r.Client, Description: r.Description, Method: string(r.Method), Endpoint: r.Endpoint, AllowPrivate: r.AllowPrivate,
		Events: append([]string{}, r.Events...), // never nil, which is all
		Paused: !r.PausedAt.IsZero(),
	}
	described.complete()
	return described
}

// Receiver is what is described.
func (r *Receiver) Receiver() domain.Receiver {
	return domain.Receiver{
		Client: r.ClientID, Description: r.Description, Method: domain.Delivery(r.Method), Endpoint: r.Endpoint, AllowPrivate: r.AllowPrivate, Events: r.Events,
	}
}
