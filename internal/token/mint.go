// Package token decides what access and ID tokens say, and signs them.
package token

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/keysource"
	"github.com/signet-auth/signet/internal/status"
)

// Minter decides and signs tokens. What it signs is not yet issued: internal/index records it first.
type Minter struct {
	keys      *keys.Keys
	directory *directory.Directory
	statuses  *status.Allocator
	subjects  Subjects
	issuer    string
	accessTTL time.Duration
	maxSize   int
	now       func() time.Time

	encryptionKeys *keysource.Cache[keys.EncryptionKey] // that APIs publish
}

// Config is what a Minter is made of.
type Config struct {
	Keys      *keys.Keys
	Directory *directory.Directory
	Statuses  *status.Allocator
	Subjects  Subjects
	Issuer    string
	AccessTTL time.Duration // where an API sets none
	MaxSize   int           // of a token in bytes, at most domain.MaxTokenSize
	Now       func() time.Time
}

// New makes a Minter.
func New(c Config) *Minter {
	return &Minter{
		keys: c.Keys, directory: c.Directory, statuses: c.Statuses, subjects: c.Subjects, issuer: c.Issuer, accessTTL: c.AccessTTL,
		maxSize: min(c.MaxSize, domain.MaxTokenSize), now: c.Now,
		encryptionKeys: keysource.New(c.Now, keys.ReadEncryptionKeys),
	}
}

// AccessTokenRequest asks for an access token.
type AccessTokenRequest struct {
	Client *domain.Client
	API    *domain.API   // nil: the audience is Signet itself (userinfo)
	Grant  *domain.Grant // nil: the client acts for itself
	Scopes []string      // what the client was granted: OpenID scopes and permissions of the API
}

// discloses reports whether the token may name the subject's roles or groups: those of a client that acts for itself, of a user
// of a first-party client, and otherwise of a user who was asked for the scope.
func (r AccessTokenRequest) discloses(scope string) bool {
	return r.Grant == nil || r.Client.FirstParty || slices.Contains(r.Scopes, scope)
}

// SignedToken is a signed access token that is not yet in the index.
type SignedToken struct {
	Token     string
	Record    domain.IssuedToken
	Scopes    []string // those of the request that the subject's roles give
	ExpiresAt time.Time
	LeftOut   []domain.ClaimFailure // claims of the API's mappings, and why
}

// TooLargeError says that an access token would be larger than is allowed. Sizes are in bytes.
type TooLargeError struct {
	Size, Limit int
	Named       bool // by the names of roles and groups more than by scopes
	Names       int  // of roles or groups, if they are too many, whatever their size
}

func (e *TooLargeError) Error() string {
	if e.Names > 0 {
		return fmt.Sprintf("the access token would name %d roles or groups; the limit is %d", e.Names, MaxNames)
	}
	return fmt.Sprintf("the access token would have %d bytes; the limit is %d", e.Size, e.Limit)
}

// Mint decides and signs an access token, and encrypts it if its API asks for that. It has only permissions that are granted to the client
// and that a role gives to the subject, and expires no later than these do. TooLargeError if it exceeds the limit, domain.ErrRevoked if
// the user may have no more tokens, EncryptionError if there is no key to encrypt it to.
func (m *Minter) Mint(ctx context.Context, r AccessTokenRequest) (SignedToken, error) {
	d, err := m.decide(ctx, r)
	if err != nil {
		return SignedToken{}, err
	}
	said := d.claims
	if err := m.encryptClaims(ctx, r.API, d); err != nil {
		return SignedToken{}, err
	}
	if d.record.Status, err = m.statuses.Allocate(ctx, d.record.ExpiresAt); err != nil {
		return SignedToken{}, err
	}
	token, keyID, err := m.sign(ctx, d.alg, keys.TypeAccessToken, d.payload(m.issuer))
	if err != nil {
		return SignedToken{}, err
	}
	d.record.KeyID, d.record.Digest = keyID, Digest(token)
	if token, err = m.encrypt(ctx, r.API, token); err != nil {
		return SignedToken{}, err
	}
	if err := m.checkSize(len(token), said); err != nil {
		return SignedToken{}, err
	}
	return SignedToken{Token: token, Record: d.record, Scopes: d.scopes, ExpiresAt: d.record.ExpiresAt, LeftOut: d.failures}, nil
}

// checkSize is a TooLargeError for a token of too many bytes.
func (m *Minter) checkSize(size int, claims Claims) error {
	if size <= m.maxSize {
		return nil
	}
	return &TooLargeError{
		Size: size, Limit: m.maxSize,
		Named: len(strings.Join(claims.Roles, `","`))+len(strings.Join(claims.Groups, `","`)) > len(claims.Scope)+len(strings.Join(claims.Entitlements, `","`)),
	}
}

// decided is what an access token says, all but its place in a status list.
type decided struct {
	claims   Claims
	mapped   map[string]any
	hidden   map[string]any // claims that are encrypted
	failures []domain.ClaimFailure
	record   domain.IssuedToken
	scopes   []string
	alg      string
}

// payload is what is signed.
func (d *decided) payload(issuer string) any {
	d.claims.Status = &Status{}
	d.claims.Status.List.Index, d.claims.Status.List.URI = d.record.Status.Index, status.URI(issuer, d.record.Status.List)
	return WithMapped(d.claims, d.mapped)
}

// decide decides what an access token says, with the errors of Mint.
func (m *Minter) decide(ctx context.Context, r AccessTokenRequest) (*decided, error) {
	now := m.now()
	d := &decided{
		claims: Claims{Issuer: m.issuer, Subject: r.Client.ClientID, Audience: m.issuer, ClientID: r.Client.ClientID},
		record: domain.IssuedToken{ID: newTokenID(now), Kind: domain.TokenAccess, ClientID: r.Client.ID},
		scopes: r.Scopes, alg: domain.ES256,
	}
	subject := directory.Subject{Kind: domain.SubjectClient, ID: r.Client.ID, Name: r.Client.ClientID}
	var user *domain.User // nil: the client acts for itself
	var ends []time.Time
	if r.Grant != nil {
		var err error
		user, err = m.directory.ActiveUser(ctx, r.Grant.UserID)
		if err != nil {
			return nil, err
		}
		subject = directory.Subject{Kind: domain.SubjectUser, ID: user.ID}
		d.record.UserID, d.record.GrantID = user.ID, r.Grant.ID
		d.claims.Subject = user.Subject
		if r.API == nil {
			d.claims.Subject = m.SubjectOf(r.Client, user)
		}
		ends = append(ends, r.Grant.ExpiresAt)
		d.claims.AuthTime, d.claims.ACR, d.claims.AMR = r.Grant.AuthTime.Unix(), r.Grant.ACR, r.Grant.AMR
		if r.Grant.EndsWithSession && r.API != nil { // services get events of sessions that end
			d.claims.Session = r.Grant.SID
		}
	}
	ttl := m.accessTTL
	if r.API != nil {
		access, err := m.directory.Access(ctx, subject, r.API.Audience)
		if err != nil {
			return nil, fmt.Errorf("find the subject's access: %w", err)
		}
		d.record.APIID, d.claims.Audience, d.alg = r.API.ID, r.API.Audience, r.API.SigningAlg
		if r.API.AccessTokenTTL > 0 {
			ttl = r.API.AccessTokenTTL
		}
		ends = append(ends, access.Until)
		d.scopes, d.claims.Entitlements = narrow(r.Scopes, r.Client, r.API.Audience, access)
		named, err := m.addMemberships(ctx, &d.claims, r, subject, access)
		if err != nil {
			return nil, err
		}
		ends = append(ends, named)
		if r.API.Claims != nil {
			if d.mapped, d.failures, err = m.MapClaims(ctx, r.API.Claims, r.Client, user, access.Roles); err != nil {
				return nil, err
			}
		}
	}
	d.claims.Scope = joinScopes(d.scopes)
	d.record.ExpiresAt = expiry(d.record.IssuedAt(), now.Add(ttl), ends)
	d.claims.ID, d.claims.IssuedAt, d.claims.ExpiresAt = d.record.ID.String(), d.record.IssuedAt().Unix(), d.record.ExpiresAt.Unix()
	return d, nil
}

// addMemberships adds the roles and groups that an access token may name, as its API wants them, and says until when they hold.
func (m *Minter) addMemberships(ctx context.Context, claims *Claims, r AccessTokenRequest, subject directory.Subject, access directory.Access) (time.Time, error) {
	roles, groups := r.discloses(domain.ScopeRoles), r.discloses(domain.ScopeGroups)
	if !roles && !groups {
		return time.Time{}, nil
	}
	named, err := Memberships(ctx, m.directory, r.API, subject, access)
	if err != nil {
		return time.Time{}, err
	}
	if roles {
		claims.Roles = named.Roles
	}
	if groups {
		claims.Groups = r.API.GroupNames.Of(named.Groups)
	}
	if names := max(len(claims.Roles), len(claims.Groups)); names > MaxNames {
		return time.Time{}, &TooLargeError{Names: names}
	}
	return named.Until, nil
}

// expiry is the earliest of the time that a lifetime gives and the ends of what the token rests on, its grant and assignments, in
// whole seconds as in the token; a zero end is none. It is never one at which the token is issued already expired.
func expiry(issued, expires time.Time, ends []time.Time) time.Time {
	for _, end := range ends {
		if !end.IsZero() && end.Before(expires) {
			expires = end
		}
	}
	if expires = expires.Truncate(time.Second); !expires.After(issued) {
		expires = issued.Add(time.Second)
	}
	return expires
}

func (m *Minter) sign(ctx context.Context, alg, typ string, claims any) (string, int64, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", 0, fmt.Errorf("write the claims: %w", err)
	}
	token, keyID, err := m.keys.Sign(ctx, alg, typ, payload)
	return string(token), keyID, err
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
