package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const (
	maxUsernameBytes = 64 // of one that is no e-mail address
	maxNameBytes     = 200
	maxEmailBytes    = 254 // RFC 5321 §4.5.3.1.3, less the angle brackets
)

var (
	emailRule = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)
)

// canonical is how a username is stored and compared.
func canonical(username string) string { return strings.ToLower(username) }

// Canonical is how a username is stored and compared. ErrInvalid if no user can have it.
func Canonical(username string) (string, error) {
	username = canonical(username)
	if err := checkUsername(username); err != nil {
		return "", domain.Invalid("username", domain.RuleFormat, "username %q: %w", shorten(username), err)
	}
	return username, nil
}

// shorten keeps a message readable when the input is huge.
func shorten(text string) string {
	if len(text) <= maxEmailBytes {
		return text
	}
	return text[:maxEmailBytes] + "…"
}

// checkUsername says what is wrong with a canonical username.
func checkUsername(username string) error {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	limit := maxUsernameBytes
	if emailRule.MatchString(username) {
		limit = maxEmailBytes
	}
	strange := strings.TrimLeft(username, alphabet+"._-@+")
	switch {
	case username == "":
		return errors.New("it is empty")
	case strange != "":
		return fmt.Errorf("it has the character %q; use letters from a to z, digits or . _ - @ +", []rune(strange)[0])
	case !strings.Contains(alphabet, username[:1]):
		return fmt.Errorf("it begins with %q; begin with a letter or digit", username[0])
	case len(username) > limit:
		return fmt.Errorf("it has %d characters; use at most %d, or %d for an e-mail address", len(username), maxUsernameBytes, maxEmailBytes)
	}
	return nil
}

func checkUser(user domain.User) error {
	if err := checkUsername(user.Username); err != nil {
		return domain.Invalid("username", domain.RuleFormat, "username %q: %w", shorten(user.Username), err)
	}
	if err := domain.CheckText("name", "name", user.Name, maxNameBytes); err != nil {
		return err
	}
	if user.Email == "" {
		return nil
	}
	if err := domain.CheckText("email", "email", user.Email, maxEmailBytes); err != nil {
		return err
	}
	if !emailRule.MatchString(user.Email) {
		return domain.Invalid("email", domain.RuleFormat, "email %q: write one address, like alice@example.com", user.Email)
	}
	return nil
}

// Credential is what a user who is about to be added will sign in with (internal/signin).
type Credential interface {
	// Prepare checks it for the user. It may take its time, once, and comes before the transaction. ErrInvalid if it breaks a rule.
	Prepare(ctx context.Context, user domain.User) error
	// Store stores it in the transaction that adds the user.
	Store(ctx context.Context, userID int64) error
}

// CreateUser adds a user and returns it as stored, with a subject of its own. Without a credential, which may be nil, the user
// cannot sign in. ErrInvalid if user or credential break a rule, ErrExists if the username is taken.
func (d *Directory) CreateUser(ctx context.Context, user domain.User, credential Credential) (domain.User, error) {
	user, err := d.newUser(ctx, user, credential)
	if err != nil {
		return domain.User{}, err
	}
	var stored domain.User
	err = d.events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		if stored, err = d.insertUser(ctx, user, credential); err != nil {
			return nil, err
		}
		return event.UserCreated{Username: user.Username, UserDetails: userDetails(user, stored.Attributes)}, nil
	})
	if err != nil {
		return domain.User{}, fmt.Errorf("user %q: %w", user.Username, err)
	}
	return stored, nil
}

// PrepareUser is the part of CreateUser that takes its time: it checks the user, and prepares the credential for being stored.
func (d *Directory) PrepareUser(ctx context.Context, user domain.User, credential Credential) error {
	_, err := d.newUser(ctx, user, credential)
	return err
}

// newUser checks and completes a user that is about to be stored, and prepares the credential.
func (d *Directory) newUser(ctx context.Context, user domain.User, credential Credential) (domain.User, error) {
	user.Username = canonical(user.Username)
	if err := checkUser(user); err != nil {
		return domain.User{}, err
	}
	user.Subject = "usr_" + strings.ToLower(rand.Text())
	user.CreatedAt = d.now()
	user.UpdatedAt = user.CreatedAt
	user.DisabledAt, user.DisabledReason = time.Time{}, ""
	if credential == nil {
		return user, nil
	}
	return user, credential.Prepare(ctx, user)
}

func (d *Directory) insertUser(ctx context.Context, user domain.User, credential Credential) (domain.User, error) {
	id, err := d.users.InsertUser(ctx, user)
	if err != nil {
		return domain.User{}, err
	}
	if credential != nil {
		if err := credential.Store(ctx, id); err != nil {
			return domain.User{}, err
		}
	}
	if _, err := d.putAttributes(ctx, id, nil, user.Attributes); err != nil {
		return domain.User{}, err
	}
	return d.users.FindUser(ctx, user.Username)
}

// UpdateUser changes a user as edit does, and returns the user as stored; only Name, Email, EmailVerified and Attributes count. edit gets the
// user as it is in the transaction of the change, and may run again; what it fails with ends the change. ErrInvalid if the result
// breaks a rule, ErrNotFound if there is no such username.
func (d *Directory) UpdateUser(ctx context.Context, username string, edit func(*domain.User) error) (domain.User, error) {
	return d.changeUser(ctx, username, func(ctx context.Context, user *domain.User) (event.Event, error) {
		edited := *user
		if err := edit(&edited); err != nil {
			return nil, err
		}
		user.Name, user.Email, user.EmailVerified = edited.Name, edited.Email, edited.EmailVerified
		if err := checkUser(*user); err != nil {
			return nil, err
		}
		if err := d.users.UpdateUser(ctx, *user); err != nil {
			return nil, err
		}
		changed, err := d.putAttributes(ctx, user.ID, user.Attributes, edited.Attributes)
		if err != nil {
			return nil, err
		}
		if *user, err = d.users.FindUserByID(ctx, user.ID); err != nil {
			return nil, err
		}
		return event.UserUpdated{Username: user.Username, UserDetails: userDetails(*user, changed), Subject: user.Subject}, nil
	})
}

// userDetails are what the event of a change to a user says; attributes are those that were changed.
func userDetails(user domain.User, attributes map[string]any) event.UserDetails {
	return event.UserDetails{Attributes: attributes, Name: user.Name, Email: user.Email, EmailVerified: user.EmailVerified}
}

// ChangeCredential runs change in a transaction in which nobody else changes the user or the user's credentials, and records the event
// that change returns. Of the user itself only UpdatedAt and Version change. ErrNotFound if there is no such username.
func (d *Directory) ChangeCredential(
	ctx context.Context, username string, change func(ctx context.Context, user domain.User) (event.Event, error),
) error {
	_, err := d.changeUser(ctx, username, func(ctx context.Context, user *domain.User) (event.Event, error) {
		if err := d.users.UpdateUser(ctx, *user); err != nil {
			return nil, err
		}
		return change(ctx, *user)
	})
	return err
}

// DisableUser disables a user, for a reason that may be empty, and ends the user's sessions, grants and tokens. ErrInvalid for the last
// administrator and for a reason that breaks a rule, ErrNotFound if there is no such username.
func (d *Directory) DisableUser(ctx context.Context, username, reason string) error {
	if err := domain.CheckReason(reason); err != nil {
		return err
	}
	_, err := d.changeUser(ctx, username, func(ctx context.Context, user *domain.User) (event.Event, error) {
		if user.DisabledAt.IsZero() {
			user.DisabledAt = d.now()
		}
		user.DisabledReason = reason
		disabled := event.UserDisabled{Username: user.Username, Reason: reason, Subject: user.Subject, UserID: user.ID}
		return disabled, d.KeepAdministrator(ctx, func() error {
			if err := d.users.UpdateUser(ctx, *user); err != nil {
				return err
			}
			return d.EndAll(ctx, user.ID)
		})
	})
	return err
}

// EnableUser enables a disabled user again, which brings nothing back that has ended. ErrNotFound if there is no such username.
func (d *Directory) EnableUser(ctx context.Context, username string) error {
	_, err := d.changeUser(ctx, username, func(ctx context.Context, user *domain.User) (event.Event, error) {
		user.DisabledAt, user.DisabledReason = time.Time{}, ""
		return event.UserEnabled{Username: user.Username, Subject: user.Subject, UserID: user.ID}, d.users.UpdateUser(ctx, *user)
	})
	return err
}

// DeleteUser removes a user and ends the user's sessions, grants and tokens. ErrInvalid for the last administrator,
// ErrNotFound if there is no such username.
func (d *Directory) DeleteUser(ctx context.Context, username string) error {
	_, err := d.changeUser(ctx, username, func(ctx context.Context, user *domain.User) (event.Event, error) {
		// It is recorded first: whom it concerns is found by the user's grants and tokens.
		err := d.events.Record(ctx, event.UserDeleted{Username: user.Username, Subject: user.Subject, UserID: user.ID})
		if err != nil {
			return nil, err
		}
		return nil, d.KeepAdministrator(ctx, func() error {
			if err := d.EndAll(ctx, user.ID); err != nil {
				return err
			}
			return d.users.DeleteUser(ctx, user.Username)
		})
	})
	return err
}

// EndAll ends a user's sessions, grants, tokens and the link to set a password, in the transaction that ctx carries.
func (d *Directory) EndAll(ctx context.Context, userID int64) error {
	now := d.now()
	if _, err := d.revoker.Begin(ctx, domain.Revocation{Kind: domain.RevokeOfUser, TargetID: userID}); err != nil {
		return err
	}
	if err := d.sessions.DeletePasswordLink(ctx, userID); err != nil {
		return err
	}
	return d.sessions.EndUserSessions(ctx, userID, now)
}

// changeUser makes a change to a user that exists and records the event that the change returns.
func (d *Directory) changeUser(
	ctx context.Context, username string, change func(context.Context, *domain.User) (event.Event, error),
) (user domain.User, err error) {
	err = d.events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		if user, err = d.users.HoldUser(ctx, canonical(username)); err != nil {
			return nil, err
		}
		user.UpdatedAt = d.now()
		return change(ctx, &user)
	})
	if err != nil {
		return domain.User{}, fmt.Errorf("user %q: %w", username, err)
	}
	return user, nil
}

// FindUser reads a user from the database. ErrNotFound if there is no such username.
func (d *Directory) FindUser(ctx context.Context, username string) (domain.User, error) {
	user, err := d.users.FindUser(ctx, canonical(username))
	if err != nil {
		return domain.User{}, fmt.Errorf("user %q: %w", username, err)
	}
	return user, nil
}

// UserNamed reads from the database the user who signs in by a name: a username, or where no enabled user has that, an e-mail address that
// no other enabled user has. ErrNotFound if there is none. Where the name is no address, its user may be disabled.
func (d *Directory) UserNamed(ctx context.Context, name string) (domain.User, error) {
	user, err := d.users.FindUser(ctx, canonical(name))
	free := errors.Is(err, domain.ErrNotFound) || err == nil && !user.DisabledAt.IsZero()
	if !free || !strings.Contains(name, "@") {
		return user, err
	}
	users, err := d.enabledByEmail(ctx, name)
	if err == nil && len(users) != 1 {
		err = domain.ErrNotFound
	}
	if err != nil {
		return domain.User{}, err
	}
	return users[0], nil
}

// SharesEmail reports whether another enabled user has a user's e-mail address, as one or as a username, so that the user cannot sign in
// by it. Not for a disabled user.
func (d *Directory) SharesEmail(ctx context.Context, user domain.User) (bool, error) {
	if user.Email == "" || !user.DisabledAt.IsZero() {
		return false, nil
	}
	users, err := d.enabledByEmail(ctx, user.Email)
	if err != nil || len(users) > 1 {
		return len(users) > 1, err
	}
	called, err := d.calledByEmail(ctx, user)
	if errors.Is(err, domain.ErrNotFound) {
		return false, nil
	}
	return err == nil && called.DisabledAt.IsZero(), err
}

// enabledByEmail returns enabled users that have an e-mail address, at most two.
func (d *Directory) enabledByEmail(ctx context.Context, email string) ([]domain.User, error) {
	users, err := d.users.UsersByEmail(ctx, email, 2)
	return slices.DeleteFunc(users, func(user domain.User) bool { return !user.DisabledAt.IsZero() }), err
}

// Namesakes returns the other users, at most limit, whom a user could be taken for: those that have the user's e-mail address, as one or
// as their username, and those whose address is the user's username. Disabled ones too: applications know them by the address still, and
// they may be enabled again.
func (d *Directory) Namesakes(ctx context.Context, user domain.User, limit int) (others []domain.User, err error) {
	for _, address := range []string{user.Email, user.Username} {
		if !strings.Contains(address, "@") {
			continue
		}
		users, err := d.users.UsersByEmail(ctx, address, limit+1) // the user may be among them
		if err != nil {
			return nil, err
		}
		others = append(others, slices.DeleteFunc(users, func(other domain.User) bool { return other.ID == user.ID })...)
	}
	called, err := d.calledByEmail(ctx, user)
	switch {
	case err == nil:
		others = append(others, called)
	case !errors.Is(err, domain.ErrNotFound):
		return nil, err
	}
	return others[:min(len(others), limit)], nil
}

// calledByEmail returns the other user whose username is a user's e-mail address. ErrNotFound if there is none.
func (d *Directory) calledByEmail(ctx context.Context, user domain.User) (domain.User, error) {
	if !strings.Contains(user.Email, "@") { // none, or one that is still to be refused
		return domain.User{}, domain.ErrNotFound
	}
	other, err := d.users.FindUser(ctx, canonical(user.Email))
	if err == nil && other.ID == user.ID {
		err = domain.ErrNotFound
	}
	return other, err
}

// FindUserByID reads a user from the database, not from the cache. ErrNotFound if there is no such user.
func (d *Directory) FindUserByID(ctx context.Context, id int64) (domain.User, error) {
	user, err := d.users.FindUserByID(ctx, id)
	if err != nil {
		return domain.User{}, fmt.Errorf("user %d: %w", id, err)
	}
	return user, nil
}

// ListUsers returns the users that a filter chooses, by username; a page of them.
func (d *Directory) ListUsers(ctx context.Context, f domain.UserFilter, p domain.Page) ([]domain.User, error) {
	return d.users.ListUsers(ctx, f, p)
}

// LookupUser finds a user by database id in the cache, a disabled one too. The user is shared: do not change it.
// ErrNotFound if there is no such user.
func (d *Directory) LookupUser(ctx context.Context, id int64) (*domain.User, error) {
	user, err := cache.Get(ctx, d.cache, domain.ChangeUser, strconv.FormatInt(id, 10), func(ctx context.Context) (*domain.User, error) {
		user, err := d.users.FindUserByID(ctx, id)
		if err != nil {
			return nil, err
		}
		return &user, nil
	})
	if err != nil {
		return nil, fmt.Errorf("look up user %d: %w", id, err)
	}
	return user, nil
}
