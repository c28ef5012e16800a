package token

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

// maxIDTokenNames bounds the claims "groups" and "roles" of an ID token; in userinfo MaxNames does. A longer list is left out whole: a part
// of it would look complete.
const maxIDTokenNames = 200

// Identity is what a client gets about a user, in an ID token or from userinfo.
type Identity struct {
	Claims  map[string]any
	LeftOut []domain.ClaimFailure // claims of the client's mappings, and why

	optional []string // claims to drop, in this order, if the ID token is too large
}

// Userinfo is what userinfo says to a client about a user: what the scopes ask for, and claims that were asked for one by one.
func (m *Minter) Userinfo(ctx context.Context, client *domain.Client, user *domain.User, scopes, single []string) (Identity, error) {
	return m.identity(ctx, map[string]any{}, client, user, scopes, single, MaxNames)
}

// identity adds to claims what a client gets about a user; lists have at most limit names.
func (m *Minter) identity(
	ctx context.Context, claims map[string]any, client *domain.Client, user *domain.User, scopes, single []string, limit int,
) (Identity, error) {
	claims["sub"] = m.SubjectOf(client, user)
	attributes := AddUserClaims(claims, user, scopes, single)
	i := Identity{Claims: claims}
	// The claims "groups" and "roles" are named as their scopes.
	var err error
	if i.optional, err = m.addNames(ctx, claims, client, user, slices.Concat(scopes, single), limit); err != nil {
		return Identity{}, err
	}
	i.optional = append(i.optional, attributes...)
	if client.Claims == nil {
		return i, nil
	}
	known := *user // to the client
	known.Subject = m.SubjectOf(client, user)
	mapped, failures, err := m.MapClaims(ctx, client.Claims, client, &known, nil)
	if err != nil {
		return Identity{}, err
	}
	i.LeftOut = failures
	for name, value := range mapped {
		if _, said := claims[name+"_verified"]; said && claims[name] != value {
			claims[name+"_verified"] = false // what was verified is the user's own address or number
		}
		claims[name] = value
		i.optional = append(i.optional, name)
	}
	return i, nil
}

// addNames adds the names of the user's groups, as the client has them, and roles, of whichever API, as far as the scopes ask for
// them and the lists have at most limit names. It returns the names of the claims that it added, the one with the most text first.
func (m *Minter) addNames(ctx context.Context, claims map[string]any, c *domain.Client, user *domain.User, scopes []string, limit int) ([]string, error) {
	var added []string
	size := make(map[string]int)
	for _, list := range []struct {
		claim, scope string
		names        func(context.Context, int64) ([]string, error)
	}{
		{"groups", domain.ScopeGroups, m.directory.UserGroupNames},
		{"roles", domain.ScopeRoles, m.directory.UserRoleNames},
	} {
		if !slices.Contains(scopes, list.scope) {
			continue
		}
		names, err := list.names(ctx, user.ID)
		if err != nil {
			return nil, err
		}
		if list.scope == domain.ScopeGroups {
			names = c.GroupNames.Of(names)
		}
		if len(names) <= limit {
			claims[list.claim], size[list.claim] = names, len(strings.Join(names, `","`))
			added = append(added, list.claim)
		}
	}
	slices.SortStableFunc(added, func(a, b string) int { return size[b] - size[a] })
	return added, nil
}

// IDTokenRequest asks for an ID token (OpenID Connect Core §2).
type IDTokenRequest struct {
	Client     *domain.Client
	User       *domain.User
	Grant      *domain.Grant
	Scopes     []string
	AccessHash string // "at_hash": of the access token that comes with it
	Nonce      string
	Expires    time.Time
}

// decideID decides what an ID token says, all but its jti.
func (m *Minter) decideID(ctx context.Context, r IDTokenRequest) (Identity, error) {
	claims := map[string]any{
		"iss": m.issuer, "aud": r.Client.ClientID, "auth_time": r.Grant.AuthTime.Unix(), "acr": r.Grant.ACR, "amr": r.Grant.AMR,
		"at_hash": r.AccessHash, "exp": r.Expires.Unix(),
	}
	if r.Grant.SID != "" {
		claims["sid"] = r.Grant.SID
	}
	if r.Nonce != "" {
		claims["nonce"] = r.Nonce
	}
	return m.identity(ctx, claims, r.Client, r.User, r.Scopes, r.Grant.Claims.IDToken, maxIDTokenNames)
}

// MintID decides and signs an ID token, which is not yet in the index. While it is too large, optional claims are dropped, the longest
// first.
func (m *Minter) MintID(ctx context.Context, r IDTokenRequest) (token string, record domain.IssuedToken, leftOut []domain.ClaimFailure, err error) {
	i, err := m.decideID(ctx, r)
	if err != nil {
		return "", domain.IssuedToken{}, nil, err
	}
	record = domain.IssuedToken{
		ID: newTokenID(m.now()), Kind: domain.TokenIdentity, ClientID: r.Client.ID, UserID: r.Grant.UserID, GrantID: r.Grant.ID,
		ExpiresAt: r.Expires.Truncate(time.Second),
	}
	payload, _, err := m.fit(i, r.Client, record)
	if err != nil {
		return "", record, nil, err
	}
	signed, keyID, err := m.keys.Sign(ctx, r.Client.IDTokenAlg, keys.TypeJWT, payload)
	record.KeyID = keyID
	return string(signed), record, i.LeftOut, err
}

// fit makes the payload of an ID token, and takes out what it can do without while it is too large. It returns the size of the token.
func (m *Minter) fit(i Identity, client *domain.Client, record domain.IssuedToken) (payload []byte, size int, err error) {
	i.Claims["jti"], i.Claims["iat"] = record.ID.String(), record.IssuedAt().Unix()
	for optional := i.optional; ; optional = optional[1:] {
		if payload, err = json.Marshal(i.Claims); err != nil {
			return nil, 0, fmt.Errorf("write the claims: %w", err)
		}
		if size = keys.SignedSize(client.IDTokenAlg, keys.TypeJWT, payload); size <= m.maxSize || len(optional) == 0 {
			return payload, size, nil
		}
		delete(i.Claims, optional[0])
	}
}
