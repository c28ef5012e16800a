package signin

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/interaction"
	"github.com/signet-auth/signet/internal/secrethash"
)

// Store keeps credentials.
type Store interface {
	// PutCredential stores the password of a user, or replaces the data of the one that the user has. ErrReferenced if there is no
	// such user.
	PutCredential(ctx context.Context, credential domain.Credential) error
	// FindCredential returns ErrNotFound if the user has no credential of the kind.
	FindCredential(ctx context.Context, userID int64, kind domain.CredentialKind) (domain.Credential, error)
	// UsersWithCredential returns those of the users that have a credential of the kind.
	UsersWithCredential(ctx context.Context, kind domain.CredentialKind, userIDs []int64) ([]int64, error)
	// ListCredentials returns those of a user, the oldest first.
	ListCredentials(ctx context.Context, userID int64) ([]domain.Credential, error)
	// DeleteCredential returns what it deleted. ErrNotFound if the user has none of the id.
	DeleteCredential(ctx context.Context, userID, id int64) (domain.Credential, error)
	// NoteCredentialUse notes when a credential of a kind signed the user in, once an hour at most.
	NoteCredentialUse(ctx context.Context, userID int64, kind domain.CredentialKind, now time.Time) error
}

// Passwords is the Method of signing in with a password, and sets passwords.
type Passwords struct {
	store     Store
	directory *directory.Directory
	hasher    *hasher
	minLength int
	now       func() time.Time
	changing  sync.Map // the database ids of users whose own change is under way
}

// NewPasswords makes it. New passwords have at least minLength characters.
func NewPasswords(store Store, directory *directory.Directory, minLength int, now func() time.Time) *Passwords {
	return &Passwords{store: store, directory: directory, hasher: newHasher(hashesAtOnce()), minLength: minLength, now: now}
}

// Hashing says how many passwords this replica is hashing, and how many wait for it.
func (p *Passwords) Hashing() (running, waiting int) { return p.hasher.slots.load() }

// MinLength is the least length of new passwords, in characters.
func (p *Passwords) MinLength() int { return p.minLength }

// New is a password for a user who is about to be added.
func (p *Passwords) New(password string) directory.Credential {
	return &newPassword{passwords: p, typed: password}
}

type newPassword struct {
	passwords   *Passwords
	typed, hash string
}

// Prepare implements [directory.Credential].
func (n *newPassword) Prepare(ctx context.Context, user domain.User) (err error) {
	if n.hash == "" {
		n.hash, err = n.passwords.hash(ctx, n.typed, user)
	}
	return err
}

// Store implements [directory.Credential].
func (n *newPassword) Store(ctx context.Context, userID int64) error {
	return n.passwords.put(ctx, userID, n.hash)
}

// Import is the password of a user who is about to be added, by its hash in another system. The first sign-in puts one of Signet's own in
// its place.
func (p *Passwords) Import(hash string) directory.Credential {
	return &importedPassword{p, hash}
}

type importedPassword struct {
	passwords *Passwords
	hash      string
}

// Prepare implements [directory.Credential].
func (i *importedPassword) Prepare(context.Context, domain.User) error {
	if _, err := secrethash.Parse(i.hash); err != nil {
		return domain.Invalid("password_hash", domain.RuleFormat, "password hash: %w", err)
	}
	return nil
}

// Store implements [directory.Credential].
func (i *importedPassword) Store(ctx context.Context, userID int64) error {
	return i.passwords.put(ctx, userID, i.hash)
}

// Set sets a user's password and ends the user's sessions, grants and tokens: they may belong to somebody who had the old one.
// ErrInvalid if the password breaks a rule, ErrNotFound if there is no such username.
func (p *Passwords) Set(ctx context.Context, username, password string) error {
	current, err := p.directory.FindUser(ctx, username)
	if err != nil {
		return err
	}
	return p.set(ctx, current, password, "", func(context.Context, domain.User) error { return nil })
}

// Change is Set by the user, who is signed in. signedIn says whether that is still so in the transaction of the change: what it fails with
// ends the change. ErrNotFound if the user is disabled or deleted by then, ErrBusy if too many hash passwords, or the user's own change is
// under way: one person must not take the turns of all.
func (p *Passwords) Change(ctx context.Context, user domain.User, password string, signedIn func(ctx context.Context) error) error {
	if _, underWay := p.changing.LoadOrStore(user.ID, true); underWay {
		return domain.ErrBusy
	}
	defer p.changing.Delete(user.ID)
	return p.set(event.WithActor(ctx, event.User(user.Username)), user, password, "account", func(ctx context.Context, current domain.User) error {
		if current.ID != user.ID || !current.DisabledAt.IsZero() {
			return domain.ErrNotFound
		}
		return signedIn(ctx)
	})
}

// set sets a user's password, unless the user, as that is in the transaction of the change, is refused. via is how, for the audit log.
func (p *Passwords) set(
	ctx context.Context, current domain.User, password, via string, refuse func(ctx context.Context, user domain.User) error,
) error {
	hash, err := p.hash(ctx, password, current)
	if err != nil {
		return err
	}
	return p.directory.ChangeCredential(ctx, current.Username, func(ctx context.Context, user domain.User) (event.Event, error) {
		if err := refuse(ctx, user); err != nil {
			return nil, err
		}
		had, err := p.Of(ctx, user)
		if err != nil {
			return nil, err
		}
		if err := p.put(ctx, user.ID, hash); err != nil {
			return nil, err
		}
		set := event.UserPasswordSet{Username: user.Username, Subject: user.Subject, UserID: user.ID, First: !had[user.ID], Via: via}
		return set, p.directory.EndAll(ctx, user.ID)
	})
}

// Of returns, by database id, which of the users have a password.
func (p *Passwords) Of(ctx context.Context, users ...domain.User) (map[int64]bool, error) {
	ids := make([]int64, len(users))
	for i, user := range users {
		ids[i] = user.ID
	}
	with, err := p.store.UsersWithCredential(ctx, domain.CredentialPassword, ids)
	if err != nil {
		return nil, fmt.Errorf("look for passwords: %w", err)
	}
	have := make(map[int64]bool, len(with))
	for _, id := range with {
		have[id] = true
	}
	return have, nil
}

// hash prepares, checks and hashes a new password of a user. It takes its time: call it outside transactions.
func (p *Passwords) hash(ctx context.Context, password string, user domain.User) (string, error) {
	if len(password) > maxPasswordBytes {
		return "", domain.Invalid("password", domain.RuleLength, "password: use at most %d bytes", maxPasswordBytes)
	}
	if password == "" {
		return "", checkPassword(password, user, p.minLength)
	}
	prepared, err := preparePassword(password)
	if err != nil {
		return "", err
	}
	if err := checkPassword(prepared, user, p.minLength); err != nil {
		return "", err
	}
	return p.hasher.hash(ctx, prepared)
}

func (p *Passwords) put(ctx context.Context, userID int64, hash string) error {
	now := p.now()
	return p.store.PutCredential(ctx, domain.Credential{
		UserID: userID, Kind: domain.CredentialPassword, Data: hash, CreatedAt: now, UpdatedAt: now,
	})
}

// Name implements Method.
func (p *Passwords) Name() string { return "password" }

// Follows implements Method: a password comes first, and names the user.
func (p *Passwords) Follows(_ context.Context, a domain.Authentication) (bool, error) {
	return a.User.ID == 0, nil
}

// Verify implements Method. The name is a username, or an e-mail address that no other enabled user has.
func (p *Passwords) Verify(ctx context.Context, _ domain.Authentication, a Attempt) (interaction.Step, error) {
	user, err := p.directory.UserNamed(ctx, a.Username)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return interaction.Step{}, fmt.Errorf("sign in: %w", err)
	}
	stored, hash, err := p.find(ctx, user.ID) // nobody's too, which takes as long
	if err != nil {
		return interaction.Step{}, fmt.Errorf("sign in user %q: %w", user.Username, err)
	}
	match, raw, err := p.matches(ctx, a.Answer, stored)
	if err != nil {
		return interaction.Step{}, fmt.Errorf("sign in: %w", err)
	}
	if !match || hash == "" || !user.DisabledAt.IsZero() {
		return interaction.Step{}, errNoMatch
	}
	if !secrethash.IsCurrent(stored) || raw {
		if hash, err = p.rehash(ctx, user, hash, a.Answer); err != nil {
			return interaction.Step{}, err
		}
	}
	return interaction.Step{UserID: user.ID, AMR: []string{"pwd"}, ACR: domain.ACRPassword, Proof: proofOf(hash)}, nil
}

var errNoMatch = fmt.Errorf("%w username or password", domain.ErrInvalid)

// Confirm implements Method.
func (p *Passwords) Confirm(ctx context.Context, step interaction.Step) error {
	_, hash, err := p.find(ctx, step.UserID)
	if err == nil && proofOf(hash) != step.Proof {
		err = domain.Invalid("password", domain.RuleState, "password: it was changed meanwhile")
	}
	return err
}

// Used implements Method.
func (p *Passwords) Used(ctx context.Context, step interaction.Step) error {
	return p.store.NoteCredentialUse(ctx, step.UserID, domain.CredentialPassword, step.At)
}

// proofOf names a hash without revealing it.
func proofOf(hash string) string {
	sum := sha256.Sum256([]byte(hash))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// find reads the hash of a user's password; secrethash.None and "" if the user has none.
func (p *Passwords) find(ctx context.Context, userID int64) (secrethash.Hash, string, error) {
	credential, err := p.store.FindCredential(ctx, userID, domain.CredentialPassword)
	if errors.Is(err, domain.ErrNotFound) {
		return secrethash.None, "", nil
	}
	if err != nil {
		return nil, "", err
	}
	stored, err := secrethash.Parse(credential.Data)
	return stored, credential.Data, err
}

// matches says whether a typed password is the hashed one: as prepared, or raw, as passwords were hashed before they were prepared.
func (p *Passwords) matches(ctx context.Context, typed string, stored secrethash.Hash) (match, raw bool, err error) {
	if len(typed) > maxPasswordBytes {
		typed = "" // no password is so long; do not hash it all
	}
	prepared, err := preparePassword(typed)
	if err != nil {
		prepared = typed
	}
	if match, err = p.hasher.matches(ctx, prepared, stored); match || err != nil || prepared == typed {
		return match, false, err
	}
	match, err = p.hasher.matches(ctx, typed, stored)
	return match, true, err
}

// rehash replaces a hash of an older cost or form, unless the password was changed in between.
func (p *Passwords) rehash(ctx context.Context, user domain.User, old, password string) (string, error) {
	if prepared, err := preparePassword(password); err == nil {
		password = prepared
	}
	hash, err := p.hasher.hash(ctx, password)
	if err != nil {
		return "", fmt.Errorf("sign in: %w", err)
	}
	ctx = event.WithActor(ctx, event.System) // whoever signs in did not ask for it
	err = p.directory.ChangeCredential(ctx, user.Username, func(ctx context.Context, current domain.User) (event.Event, error) {
		credential, err := p.store.FindCredential(ctx, current.ID, domain.CredentialPassword)
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
			return nil, err
		}
		if credential.Data != old || !current.DisabledAt.IsZero() {
			return nil, errNoMatch
		}
		return event.UserPasswordRehashed{Username: user.Username, Subject: user.Subject}, p.put(ctx, user.ID, hash)
	})
	if errors.Is(err, domain.ErrNotFound) { // deleted meanwhile
		err = errNoMatch
	}
	return hash, err
}
