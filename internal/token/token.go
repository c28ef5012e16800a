// Package token issues access and ID tokens, keeps the index of all that were issued, introspects and revokes them.
package token

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/audit"
	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/registry"
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
	Status       *Status  `json:"status,omitempty"`
}

// Status says where a token's status is to be looked up (Token Status List §6.2).
type Status struct {
	List struct {
		Index int32  `json:"idx"`
		URI   string `json:"uri"`
	} `json:"status_list"`
}

// Tokens issues tokens and keeps the index.
type Tokens struct {
	store     Store
	keys      *keys.Keys
	registry  *registry.Registry
	directory *directory.Directory
	cache     *cache.Cache
	log       *audit.Log
	issuer    string
	accessTTL time.Duration
	now       func() time.Time

	writes   *batcher[entry, int64]
	reads    *batcher[domain.TokenRef, lookup]
	deaths   *batcher[death, struct{}]
	places   *places
	statuses *publisher
}

// Config is what Tokens is made of.
type Config struct {
	Store     Store
	Keys      *keys.Keys
	Registry  *registry.Registry
	Directory *directory.Directory
	Cache     *cache.Cache
	Log       *audit.Log
	Issuer    string
	AccessTTL time.Duration // where an API sets none
	StatusTTL time.Duration // for how long a verifier may use a status list
	StatusKey []byte        // 32 bytes; scatters tokens over their status list
	Now       func() time.Time
}

// New makes Tokens; its grouped reads and writes end with ctx.
func New(ctx context.Context, c Config) *Tokens {
	t := &Tokens{
		store: c.Store, keys: c.Keys, registry: c.Registry, directory: c.Directory, cache: c.Cache, log: c.Log,
		issuer: c.Issuer, accessTTL: c.AccessTTL, now: c.Now,
	}
	t.writes = newBatcher(ctx, 2, t.writeBatch)
	t.reads = newBatcher(ctx, 1, t.readBatch)    // nothing is committed: what gathers meanwhile costs the database less
	t.deaths = newBatcher(ctx, 1, t.revokeBatch) // they would only wait for each other's lock
	t.places = newPlaces(c.Store, c.StatusKey, c.Now)
	t.statuses = newPublisher(c.Store, c.Keys, c.Issuer, c.StatusTTL, c.Now)
	return t
}

// Order asks for an access token.
type Order struct {
	Client *domain.Client
	API    *domain.API   // nil: the audience is Signet itself (userinfo)
	Grant  *domain.Grant // nil: the client acts for itself
	Scopes []string      // what the client was granted: OpenID scopes and permissions of the API
}

// Minted is a signed access token that is not yet in the index.
type Minted struct {
	Token     string
	Record    domain.IssuedToken
	Scopes    []string // those of the order that the subject's roles bear out
	ExpiresAt time.Time
}

// Mint decides and signs an access token. A permission is in it only if it was granted to the client and a role gives it to
// the subject. domain.ErrRevoked if the user may not have tokens any more.
func (t *Tokens) Mint(ctx context.Context, o Order) (Minted, error) {
	now := t.now()
	claims := Claims{Issuer: t.issuer, Subject: o.Client.ClientID, Audience: t.issuer, ClientID: o.Client.ClientID}
	id := newTokenID(now)
	record := domain.IssuedToken{
		ID: id, Kind: domain.TokenAccess, ClientID: o.Client.ID,
	}
	subject := directory.Subject{Kind: domain.SubjectClient, ID: o.Client.ID, Name: o.Client.ClientID}
	if o.Grant != nil {
		user, err := t.activeUser(ctx, o.Grant.UserID)
		if err != nil {
			return Minted{}, err
		}
		subject = directory.Subject{Kind: domain.SubjectUser, ID: user.ID}
		record.UserID, record.GrantID = user.ID, o.Grant.ID
		claims.Subject = user.Subject
		claims.AuthTime, claims.ACR, claims.AMR = o.Grant.AuthTime.Unix(), o.Grant.ACR, o.Grant.AMR
	}
	alg, ttl, until := domain.ES256, t.accessTTL, time.Time{}
	scopes := o.Scopes
	if o.API != nil {
		access, err := t.directory.Access(ctx, subject, o.API.Audience)
		if err != nil {
			return Minted{}, fmt.Errorf("find the subject's access: %w", err)
		}
		record.APIID, claims.Audience, alg = o.API.ID, o.API.Audience, o.API.SigningAlg
		if o.API.AccessTokenTTL > 0 {
			ttl = o.API.AccessTokenTTL
		}
		until = access.Until
		scopes, claims.Entitlements = narrow(o.Scopes, o.Client, o.API.Audience, access)
		claims.Roles, claims.Groups = access.Roles, access.Groups
	}
	claims.Scope = joinScopes(scopes)
	expires := now.Add(ttl)
	if !until.IsZero() && until.Before(expires) {
		expires = until // a token does not outlive the assignment that it rests on
	}
	// Whole seconds, as in the token; never a token that is dead on arrival.
	record.ExpiresAt = expires.Truncate(time.Second)
	if !record.ExpiresAt.After(record.IssuedAt()) {
		record.ExpiresAt = record.IssuedAt().Add(time.Second)
	}
	claims.ID, claims.IssuedAt, claims.ExpiresAt = id.String(), record.IssuedAt().Unix(), record.ExpiresAt.Unix()
	place, err := t.places.take(ctx, record.ExpiresAt)
	if err != nil {
		return Minted{}, err
	}
	record.Status = place
	claims.Status = &Status{}
	claims.Status.List.Index, claims.Status.List.URI = place.Index, listURI(t.issuer, place.List)

	token, keyID, err := t.sign(ctx, alg, keys.TypeAccessToken, claims)
	if err != nil {
		return Minted{}, err
	}
	record.KeyID, record.Digest = keyID, digest(token)
	return Minted{Token: token, Record: record, Scopes: scopes, ExpiresAt: record.ExpiresAt}, nil
}

// MintID signs an ID token for a client (OpenID Connect Core §2). The claims "jti", "iat" and "exp" are set here. It is not yet
// in the index.
func (t *Tokens) MintID(ctx context.Context, client *domain.Client, grant *domain.Grant, claims map[string]any, expires time.Time) (string, domain.IssuedToken, error) {
	record := domain.IssuedToken{
		ID: newTokenID(t.now()), Kind: domain.TokenIdentity, ClientID: client.ID, UserID: grant.UserID, GrantID: grant.ID,
		ExpiresAt: expires.Truncate(time.Second),
	}
	claims["jti"], claims["iat"], claims["exp"] = record.ID.String(), record.IssuedAt().Unix(), record.ExpiresAt.Unix()
	token, keyID, err := t.sign(ctx, client.IDTokenAlg, keys.TypeJWT, claims)
	record.KeyID = keyID
	return token, record, err
}

func (t *Tokens) sign(ctx context.Context, alg, typ string, claims any) (string, int64, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", 0, fmt.Errorf("write the claims: %w", err)
	}
	token, keyID, err := t.keys.Sign(ctx, alg, typ, payload)
	return string(token), keyID, err
}

// activeUser returns a user who may have tokens; domain.ErrRevoked if there is none.
func (t *Tokens) activeUser(ctx context.Context, id int64) (*domain.User, error) {
	user, err := t.directory.LookupUser(ctx, id)
	switch {
	case isNotFound(err):
		return nil, fmt.Errorf("user %d is gone: %w", id, domain.ErrRevoked)
	case err != nil:
		return nil, fmt.Errorf("find user %d: %w", id, err)
	case !user.DisabledAt.IsZero():
		return nil, fmt.Errorf("user %d is disabled: %w", id, domain.ErrRevoked)
	}
	return user, nil
}

// narrow keeps the OpenID scopes, and those permissions that both the client may ask for and the subject has;
// entitlements are the latter alone.
func narrow(scopes []string, client *domain.Client, audience string, access directory.Access) (kept, entitlements []string) {
	for _, s := range scopes {
		switch {
		case IsOpenIDScope(s):
			kept = append(kept, s)
		case client.MayAsk(audience, s) && slices.Contains(access.Permissions, s):
			kept = append(kept, s)
			entitlements = append(entitlements, s)
		}
	}
	return kept, entitlements
}

func digest(token string) domain.TokenDigest {
	sum := sha256.Sum256([]byte(token))
	return domain.TokenDigest(sum[:len(domain.TokenDigest{})])
}

// newTokenID makes a jti: milliseconds first, then 80 random bits.
func newTokenID(now time.Time) domain.TokenID {
	var id domain.TokenID
	rand.Read(id[:]) //nolint:errcheck // never fails (Go 1.24)
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(id[:6], ms[2:])
	return id
}
