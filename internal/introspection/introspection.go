// Package introspection judges access tokens as of now: by the index, the pending revocations, and what their client, user, API and
// key still are.
package introspection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/token"
)

// Service judges access tokens.
type Service struct {
	minter      *token.Minter
	index       *index.Index
	revocations *revocation.Service
	keys        *keys.Keys
	registry    *registry.Registry
	directory   *directory.Directory
	cache       *cache.Cache
	issuer      string
	now         func() time.Time
}

// Config is what a Service is made of.
type Config struct {
	Minter      *token.Minter
	Index       *index.Index
	Revocations *revocation.Service
	Keys        *keys.Keys
	Registry    *registry.Registry
	Directory   *directory.Directory
	Cache       *cache.Cache
	Issuer      string
	Now         func() time.Time
}

// New makes a Service.
func New(c Config) *Service {
	return &Service{
		minter: c.Minter, index: c.Index, revocations: c.Revocations, keys: c.Keys, registry: c.Registry, directory: c.Directory,
		cache: c.Cache, issuer: c.Issuer, now: c.Now,
	}
}

// maxAttempts bounds how often a request is judged anew because something changed meanwhile.
const maxAttempts = 10

// errContention says that changes kept coming in faster than a request could be judged.
var errContention = fmt.Errorf("too many changes at once: %w", domain.ErrUnavailable)

// Active is a live access token: its claims, narrowed to what still holds, and its user.
type Active struct {
	Claims token.Claims
	Record domain.IssuedToken
	Client *domain.Client
	User   *domain.User   // nil: the client acts for itself
	Mapped map[string]any // claims that the mappings of the token's API gave it, and would now

	// Unreadable says that it has encrypted claims that cannot be read any more, so that decisions by its claims are not to be made.
	Unreadable bool

	revealed *token.Claims // nil: nothing is encrypted
	contents
}

// Revealed are the claims with roles and groups that are encrypted, for decisions: they are not to be answered.
func (a *Active) Revealed() token.Claims {
	if a.revealed != nil {
		return *a.revealed
	}
	return a.Claims
}

// Introspect judges an access token as of now. nil, nil: not a live token of this server, for whatever reason.
// Any error means that the answer is not known.
func (s *Service) Introspect(ctx context.Context, value string) (*Active, error) {
	value = s.minter.Open(value)
	for range maxAttempts {
		revision := s.cache.Revision()
		active, newest, err := s.introspect(ctx, value)
		if err != nil || judgedAt(newest, revision) {
			return active, err
		}
		if err := s.cache.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	return nil, errContention
}

// judgedAt says whether a token was judged by a cache of the revision that the index was asked at (0: it was not). The index may be behind, too:
// the cache may have what a promotion lost.
func judgedAt(asked, revision int64) bool { return asked == 0 || asked == revision }

// introspect judges a token by the index and the cache, and says at which revision the index was asked (0: it was not).
func (s *Service) introspect(ctx context.Context, value string) (*Active, int64, error) {
	record, claims, revision, err := s.locate(ctx, value)
	if err != nil || record == nil {
		return nil, revision, err
	}
	active, err := s.checkSubject(ctx, value, claims, *record)
	return active, revision, err
}

// locate finds an access token that was issued, has not expired and is not revoked, and says at which revision the index was asked (0: it
// was not). nil: it is none.
func (s *Service) locate(ctx context.Context, value string) (*domain.IssuedToken, token.Claims, int64, error) {
	pending, err := s.revocations.Pending(ctx) // before the index is asked
	if err != nil {
		return nil, token.Claims{}, 0, err
	}
	located, err := s.index.Locate(ctx, value)
	record := located.Token
	if err != nil || !located.Found || record.Kind != domain.TokenAccess || located.Claims.Issuer != s.issuer ||
		!s.now().Before(record.ExpiresAt) || !record.RevokedAt.IsZero() || !record.SuspendedAt.IsZero() || s.covered(pending, record, located.Claims) {
		return nil, token.Claims{}, located.Revision, err
	}
	return &record, located.Claims, located.Revision, nil
}

// covered reports whether a pending revocation takes a token back by what it carries, in clear or encrypted; or may: of what cannot be read
// nobody knows.
func (s *Service) covered(pending revocation.Pending, record domain.IssuedToken, claims token.Claims) bool {
	return len(pending) > 0 && (!s.minter.Reveal(&claims) || pending.Cover(record, claims))
}

// checkSubject checks that a token's key is not revoked, and that its client, user and API still exist and are enabled; and it
// narrows the claims to what the subject still has. nil, nil if the token is not active.
func (s *Service) checkSubject(ctx context.Context, value string, claims token.Claims, record domain.IssuedToken) (*Active, error) {
	published, err := s.keys.Published(ctx, record.KeyID)
	if err != nil || !published {
		return nil, err
	}
	client, err := s.registry.LookupClient(ctx, claims.ClientID)
	if errors.Is(err, domain.ErrNotFound) || err == nil && (client.ID != record.ClientID || !client.DisabledAt.IsZero()) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("find the token's client: %w", err)
	}
	active := &Active{Claims: claims, Record: record, Client: client, contents: contents{minter: s.minter, value: value}}
	subject := directory.Subject{Kind: domain.SubjectClient, ID: client.ID, Name: client.ClientID}
	if record.UserID != 0 {
		active.User, err = s.directory.ActiveUser(ctx, record.UserID)
		if errors.Is(err, domain.ErrRevoked) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		subject = directory.Subject{Kind: domain.SubjectUser, ID: record.UserID}
	}
	if record.APIID == 0 {
		return active, nil
	}
	api, err := s.registry.LookupAPI(ctx, claims.Audience)
	if errors.Is(err, domain.ErrNotFound) || err == nil && (api.ID != record.APIID || !client.MayUse(api.Audience)) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("find the token's API: %w", err)
	}
	access, err := s.directory.Access(ctx, subject, api.Audience)
	if err != nil {
		return nil, fmt.Errorf("find the subject's access: %w", err)
	}
	named, err := token.Memberships(ctx, s.directory, api, subject, access)
	if err != nil {
		return nil, err
	}
	if claims.Encrypted != "" {
		active.Unreadable = !s.minter.Reveal(&claims)
		claims.Narrow(client, api.Audience, access, named)
		active.revealed = &claims
	}
	active.Claims.Narrow(client, api.Audience, access, named)
	active.Mapped, err = s.minter.StillMapped(ctx, value, api, client, active.User, access.Roles)
	return active, err
}

// Inspection is all that is known of a token, for an administrator.
type Inspection struct {
	Claims  token.Claims
	Genuine bool   // signed by a published key of this server, as an access token
	Issuer  string // this server's; a token whose claims have another is not active
	Expired bool
	Pending bool               // a revocation that is under way takes it back
	Entry   *domain.TokenEntry // what the index says, nil: it is not there
	Active  bool               // what introspection answers
}

// pending are the revocations under way now.
func (s *Service) pending(ctx context.Context) (revocation.Pending, error) {
	if err := s.cache.Refresh(ctx); err != nil {
		return nil, err
	}
	return s.revocations.Pending(ctx)
}

// Inspect reports all about an access token.
func (s *Service) Inspect(ctx context.Context, value string) (Inspection, error) {
	var i Inspection
	value = s.minter.Open(value)
	claims, err := s.minter.Verify(ctx, value)
	if errors.Is(err, keys.ErrNotOurs) {
		return i, nil
	} else if err != nil {
		return i, err
	}
	i.Claims, i.Genuine, i.Issuer = claims, true, s.issuer
	i.Expired = !s.now().Before(time.Unix(claims.ExpiresAt, 0))
	if id, err := domain.ParseTokenID(claims.ID); err == nil {
		pending, err := s.pending(ctx) // before the index is asked
		if err != nil {
			return i, err
		}
		entry, err := s.index.Find(ctx, id)
		if err == nil {
			i.Entry, i.Pending = &entry, s.covered(pending, entry.IssuedToken, claims)
		} else if !errors.Is(err, domain.ErrNotFound) {
			return i, err
		}
	}
	active, err := s.Introspect(ctx, value)
	i.Active = active != nil
	return i, err
}

// contents is an access token that is in the index.
type contents struct {
	minter *token.Minter
	value  string
	all    map[string]any // nil: not read yet
}

// All are all its claims, whatever they are, also those that are encrypted.
func (c *contents) All() map[string]any {
	if c.all == nil {
		c.all = c.minter.AllClaims(c.value)
	}
	return c.all
}

// Sealed is what a live access token says.
type Sealed struct {
	Claims     token.Claims // with roles and groups that are encrypted
	Unreadable bool         // as of Active
	contents
}

// Sealed judges an access token by itself: that it was issued, and that neither it nor the key that signed it is revoked. What has become
// of its client and user, and of what the claims say, does not count. nil, nil: not a live token of this server, for whatever reason.
// Any error means that the answer is not known.
func (s *Service) Sealed(ctx context.Context, value string) (*Sealed, error) {
	value = s.minter.Open(value)
	for range maxAttempts {
		revision := s.cache.Revision()
		record, claims, newest, err := s.locate(ctx, value)
		active := false
		if err == nil && record != nil {
			active, err = s.keys.Published(ctx, record.KeyID)
		}
		switch {
		case err != nil || !active && judgedAt(newest, revision):
			return nil, err
		case judgedAt(newest, revision):
			unreadable := !s.minter.Reveal(&claims)
			return &Sealed{claims, unreadable, contents{minter: s.minter, value: value}}, nil
		}
		if err := s.cache.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	return nil, errContention
}
