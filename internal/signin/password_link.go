package signin

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Links keeps the links with which users set their passwords, by hash: one of a user at most. Its methods join the transaction that ctx
// carries.
type Links interface {
	// PutPasswordLink stores a user's link, in place of the one from before.
	PutPasswordLink(ctx context.Context, link domain.PasswordLink) error
	// FindPasswordLink returns a link. ErrNotFound if there is none, or it has expired.
	FindPasswordLink(ctx context.Context, hash []byte, now time.Time) (domain.PasswordLink, error)
	// UsePasswordLink lets the link open nothing any more. ErrNotFound if there is none, or it has expired: one of many callers succeeds.
	UsePasswordLink(ctx context.Context, hash []byte, now time.Time) error
}

// PasswordLinks let users set their passwords, once, whatever the one from before was.
type PasswordLinks struct {
	links     Links
	passwords *Passwords
	cache     *cache.Cache
	ttl       time.Duration
}

// NewPasswordLinks makes it. The cache is that of the passwords' directory. Links are valid for ttl.
func NewPasswordLinks(links Links, passwords *Passwords, cache *cache.Cache, ttl time.Duration) *PasswordLinks {
	return &PasswordLinks{links, passwords, cache, ttl}
}

const linkTokenBytes = 32

// New makes the token of a link, 256 random bits in base64url, of which the store keeps the SHA-256. A link from before opens nothing any
// more. The maker's permissions must cover the user's, now, which the caller of New checks, and when the link is used: the maker has the
// link too. ErrInvalid for a disabled user, ErrNotFound if there is no such username.
func (l *PasswordLinks) New(ctx context.Context, username string, maker domain.AdminPermissions) (token string, expires time.Time, err error) {
	secret := make([]byte, linkTokenBytes)
	rand.Read(secret) // never fails
	token = base64.RawURLEncoding.EncodeToString(secret)
	err = l.passwords.directory.ChangeCredential(ctx, username, func(ctx context.Context, user domain.User) (event.Event, error) {
		if !user.DisabledAt.IsZero() {
			return nil, domain.Invalid("", domain.RuleState, "link: the user is disabled")
		}
		now := l.passwords.now()
		expires = now.Add(l.ttl)
		made := event.PasswordLinkMade{Username: user.Username, Subject: user.Subject, ExpiresAt: expires.UTC().Format(time.RFC3339)}
		return made, l.links.PutPasswordLink(ctx, domain.PasswordLink{
			UserID: user.ID, Hash: hashLink(token), Maker: maker, CreatedAt: now, ExpiresAt: expires,
		})
	})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("make a link to set a password: %w", err)
	}
	return token, expires, nil
}

// Check returns whose link it is. ErrNotFound if it opens nothing: it is unknown, was used or replaced, has expired, the user is
// disabled, or has got an administrative permission that whoever made the link lacked.
func (l *PasswordLinks) Check(ctx context.Context, token string) (domain.User, error) {
	link, err := l.links.FindPasswordLink(ctx, hashLink(token), l.passwords.now())
	if err == nil {
		err = l.cache.Refresh(ctx)
	}
	var user domain.User
	if err == nil {
		user, err = l.passwords.directory.FindUserByID(ctx, link.UserID)
	}
	if err == nil {
		err = l.judge(ctx, link, user)
	}
	if err != nil {
		return domain.User{}, fmt.Errorf("check a link to set a password: %w", err)
	}
	return user, nil
}

// judge is ErrNotFound if the link, as it is stored, opens nothing because of what its user has become.
func (l *PasswordLinks) judge(ctx context.Context, link domain.PasswordLink, user domain.User) error {
	if user.ID != link.UserID || !user.DisabledAt.IsZero() {
		return domain.ErrNotFound
	}
	access, err := l.passwords.directory.Access(ctx, directory.Subject{Kind: domain.SubjectUser, ID: user.ID}, domain.AdminAudience)
	if err == nil && !link.Maker.Cover(access.Permissions) {
		err = domain.ErrNotFound
	}
	return err
}

// Set sets the password of a link's user, once, as Passwords.Set does. ErrNotFound as Check's, ErrInvalid if the password breaks a rule:
// then the link stays. ErrBusy if too many hash passwords.
func (l *PasswordLinks) Set(ctx context.Context, token, password string) (domain.User, error) {
	user, err := l.Check(ctx, token) // whoever has no link must not make the server hash
	if err != nil {
		return domain.User{}, err
	}
	err = l.passwords.set(stranger(event.WithActor(ctx, event.User(user.Username))), user, password, "link", func(ctx context.Context, current domain.User) error {
		now := l.passwords.now()
		link, err := l.links.FindPasswordLink(ctx, hashLink(token), now)
		if err == nil {
			err = l.judge(ctx, link, current) // again: to hash takes time
		}
		if err != nil {
			return err
		}
		return l.links.UsePasswordLink(ctx, hashLink(token), now)
	})
	if err != nil {
		return domain.User{}, fmt.Errorf("set a password by a link: %w", err)
	}
	return user, nil
}

func hashLink(token string) []byte {
	sum := sha256.Sum256([]byte("password link " + token))
	return sum[:]
}
