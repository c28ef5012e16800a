package token

import (
	"context"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
)

// Claims are the claims of an access token (RFC 9068 §2.2). Times are seconds since 1970.
type Claims struct {
	Issuer       string   `json:"iss"`
	Subject      string   `json:"sub"`
	Audience     string   `json:"aud"`
	ClientID     string   `json:"client_id"`
	IssuedAt     int64    `json:"iat"`
	ExpiresAt    int64    `json:"exp"`
	ID           string   `json:"jti"`
	Scope        string   `json:"scope,omitempty"`
	Roles        []string `json:"roles,omitempty"`
	Groups       []string `json:"groups,omitempty"`
	Entitlements []string `json:"entitlements,omitempty"`
	AuthTime     int64    `json:"auth_time,omitempty"`
	ACR          string   `json:"acr,omitempty"`
	AMR          []string `json:"amr,omitempty"`
	Session      string   `json:"sid,omitempty"` // that it was given in, if the grant ends with that
	Status       *Status  `json:"status,omitempty"`
	Encrypted    string   `json:"encrypted_claims,omitempty"` // claims that the API alone can read, a JWE
}

// Status says where a token's status is to be looked up (Token Status List §6.2).
type Status struct {
	List struct {
		Index int32  `json:"idx"`
		URI   string `json:"uri"`
	} `json:"status_list"`
}

// Ref is where the index would have a token with these claims. false if their jti is not one of ours.
func (c *Claims) Ref() (domain.TokenRef, bool) {
	id, err := domain.ParseTokenID(c.ID)
	return domain.TokenRef{ID: id, ExpiresAt: time.Unix(c.ExpiresAt, 0)}, err == nil
}

// MaxNames is how many roles, or groups, a token may name.
const MaxNames = 1000

// Memberships are the roles and groups that access tokens for an API may name of a subject that has this access there.
func Memberships(ctx context.Context, d *directory.Directory, api *domain.API, subject directory.Subject, access directory.Access) (directory.Memberships, error) {
	switch api.Memberships {
	case domain.MembershipsAll:
		return d.Memberships(ctx, subject)
	case domain.MembershipsNone:
		return directory.Memberships{}, nil
	default:
		return directory.Memberships{Roles: access.Roles, Groups: access.Groups}, nil
	}
}

// Narrow reduces the scopes of a token for an API to what its client and subject still have, and roles and groups to those that tokens
// for the API may name now, however the token names groups. What is encrypted is left out: it cannot be narrowed for those who read it.
func (c *Claims) Narrow(client *domain.Client, audience string, access directory.Access, named directory.Memberships) {
	scopes, entitlements := narrow(SplitScopes(c.Scope), client, audience, access)
	c.Scope, c.Entitlements = joinScopes(scopes), entitlements
	c.Roles = intersect(c.Roles, named.Roles)
	c.Encrypted = ""
	c.Groups = intersect(c.Groups, slices.Concat(named.Groups, domain.GroupsBySlashName.Of(named.Groups)))
}

// narrow keeps the identity scopes, and those permissions that both the client may ask for and the subject has;
// entitlements are the latter alone.
func narrow(scopes []string, client *domain.Client, audience string, access directory.Access) (kept, entitlements []string) {
	for _, s := range scopes {
		switch {
		case IsIdentityScope(s):
			kept = append(kept, s)
		case client.MayAsk(audience, s) && slices.Contains(access.Permissions, s):
			kept = append(kept, s)
			entitlements = append(entitlements, s)
		}
	}
	return kept, entitlements
}

func intersect(had, has []string) []string {
	var both []string
	for _, s := range had {
		if slices.Contains(has, s) {
			both = append(both, s)
		}
	}
	return both
}
