package directory

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const (
	maxNameBytes  = 200
	maxEmailBytes = 254 // RFC 5321 §4.5.3.1.3, less the angle brackets
)

var (
	usernameRule = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{0,63}$`)
	emailRule    = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)
)

// canonical is how a username is stored and compared.
func canonical(username string) string { return strings.ToLower(username) }

func checkUser(user domain.User) error {
	if !usernameRule.MatchString(user.Username) {
		return fmt.Errorf("%w username %q: use 1 to 64 letters, digits or . _ - @ +, beginning with a letter or digit",
			domain.ErrInvalid, user.Username)
	}
	if err := domain.CheckText("name", user.Name, maxNameBytes); err != nil {
		return err
	}
	if user.Email == "" {
		return nil
	}
	if err := domain.CheckText("email", user.Email, maxEmailBytes); err != nil {
		return err
	}
	if !emailRule.MatchString(user.Email) {
		return fmt.Errorf("%w email %q: write one address, like alice@example.com", domain.ErrInvalid, user.Email)
	}
	return nil
}

// CreateUser adds a user and returns it as stored, with a subject of its own. An empty password stands for none: the user
// cannot sign in with one. ErrInvalid if user or password break a rule, ErrExists if the username is taken.
func (d *Directory) CreateUser(ctx context.Context, user domain.User, password string) (domain.User, error) {
	user, err := d.newUser(ctx, user, password)
	if err != nil {
		return domain.User{}, err
	}
	var stored domain.User
	err = d.events.Change(ctx, event.UserCreated{Username: user.Username, UserDetails: userDetails(user)}, func(ctx context.Context) (err error) {
		stored, err = d.insertUser(ctx, user)
		return err
	})
	if err != nil {
		return domain.User{}, fmt.Errorf("user %q: %w", user.Username, err)
	}
	return stored, nil
}

// newUser checks and completes a user that is about to be stored. It hashes the password, so call it outside transactions.
func (d *Directory) newUser(ctx context.Context, user domain.User, password string) (domain.User, error) {
	user.Username = canonical(user.Username)
	if err := checkUser(user); err != nil {
		return domain.User{}, err
	}
	user.Subject = "usr_" + strings.ToLower(rand.Text())
	user.CreatedAt = d.now()
	user.UpdatedAt = user.CreatedAt
	user.DisabledAt = time.Time{}
	user.PasswordHash = ""
	if password == "" {
		return user, nil
	}
	if err := checkPassword(password, user.Username); err != nil {
		return domain.User{}, err
	}
	var err error
	user.PasswordHash, err = d.hasher.hash(ctx, password)
	return user, err
}

func (d *Directory) insertUser(ctx context.Context, user domain.User) (domain.User, error) {
	if _, err := d.store.InsertUser(ctx, user); err != nil {
		return domain.User{}, err
	}
	return d.store.FindUser(ctx, user.Username)
}

// UpdateUser sets name, email and whether the email is verified, and returns the user as stored.
// ErrInvalid if they break a rule, ErrNotFound if there is no such username.
func (d *Directory) UpdateUser(ctx context.Context, user domain.User) (domain.User, error) {
	user.Username = canonical(user.Username)
	if err := checkUser(user); err != nil {
		return domain.User{}, err
	}
	updated := func(subject string) event.Event {
		return event.UserUpdated{Username: user.Username, UserDetails: userDetails(user), Subject: subject}
	}
	return d.changeUser(ctx, user.Username, updated, func(ctx context.Context, current *domain.User) (err error) {
		current.Name, current.Email, current.EmailVerified = user.Name, user.Email, user.EmailVerified
		if err := d.store.UpdateUser(ctx, *current); err != nil {
			return err
		}
		*current, err = d.store.FindUser(ctx, current.Username)
		return err
	})
}

func userDetails(user domain.User) event.UserDetails {
	return event.UserDetails{Name: user.Name, Email: user.Email, EmailVerified: user.EmailVerified}
}

// SetPassword sets a user's password and ends the user's sessions, grants and tokens: whoever knew the old one may hold them.
// ErrInvalid if the password breaks a rule, ErrNotFound if there is no such username.
func (d *Directory) SetPassword(ctx context.Context, username, password string) error {
	username = canonical(username)
	if err := checkPassword(password, username); err != nil {
		return err
	}
	hash, err := d.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	set := func(subject string) event.Event { return event.UserPasswordSet{Username: username, Subject: subject} }
	_, err = d.changeUser(ctx, username, set, func(ctx context.Context, user *domain.User) error {
		user.PasswordHash = hash
		if err := d.store.UpdateUser(ctx, *user); err != nil {
			return err
		}
		return d.revokeAll(ctx, user.ID)
	})
	return err
}

// SetUserDisabled disables or enables a user. Disabling ends the user's sessions, grants and tokens; enabling does not bring them
// back. ErrInvalid for the last administrator, ErrNotFound if there is no such username.
func (d *Directory) SetUserDisabled(ctx context.Context, username string, disabled bool) error {
	username = canonical(username)
	changed := func(subject string) event.Event {
		if disabled {
			return event.UserDisabled{Username: username, Subject: subject}
		}
		return event.UserEnabled{Username: username, Subject: subject}
	}
	_, err := d.changeUser(ctx, username, changed, func(ctx context.Context, user *domain.User) error {
		if !disabled {
			user.DisabledAt = time.Time{}
			return d.store.UpdateUser(ctx, *user)
		}
		if user.DisabledAt.IsZero() {
			user.DisabledAt = d.now()
		}
		return d.keepAdministrator(ctx, func() error {
			if err := d.store.UpdateUser(ctx, *user); err != nil {
				return err
			}
			return d.revokeAll(ctx, user.ID)
		})
	})
	return err
}

// DeleteUser removes a user and ends the user's sessions, grants and tokens. ErrInvalid for the last administrator,
// ErrNotFound if there is no such username.
func (d *Directory) DeleteUser(ctx context.Context, username string) error {
	username = canonical(username)
	deleted := func(subject string) event.Event { return event.UserDeleted{Username: username, Subject: subject} }
	_, err := d.changeUser(ctx, username, deleted, func(ctx context.Context, user *domain.User) error {
		return d.keepAdministrator(ctx, func() error {
			if err := d.revokeAll(ctx, user.ID); err != nil {
				return err
			}
			return d.store.DeleteUser(ctx, user.Username)
		})
	})
	return err
}

func (d *Directory) revokeAll(ctx context.Context, userID int64) error {
	now := d.now()
	if _, err := d.revoker.Begin(ctx, domain.Revocation{Kind: domain.RevokeOfUser, TargetID: userID}); err != nil {
		return err
	}
	return d.store.EndUserSessions(ctx, userID, now)
}

// changeUser makes an audited change to a user that exists, given by canonical name, and returns the user as changed. The event
// names the subject too, which is stored nowhere else once the user is deleted.
func (d *Directory) changeUser(
	ctx context.Context, username string, changed func(subject string) event.Event, change func(context.Context, *domain.User) error,
) (domain.User, error) {
	before, err := d.FindUser(ctx, username)
	if err != nil {
		return domain.User{}, err
	}
	var user domain.User
	err = d.events.Change(ctx, changed(before.Subject), func(ctx context.Context) (err error) {
		if user, err = d.store.HoldUser(ctx, username); err != nil {
			return err
		}
		if user.ID != before.ID {
			return domain.ErrNotFound // deleted, and made anew, just now
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
	user, err := d.store.FindUser(ctx, canonical(username))
	if err != nil {
		return domain.User{}, fmt.Errorf("user %q: %w", username, err)
	}
	return user, nil
}

// FindUserByID reads a user from the database, past the snapshot. ErrNotFound if there is no such user.
func (d *Directory) FindUserByID(ctx context.Context, id int64) (domain.User, error) {
	user, err := d.store.FindUserByID(ctx, id)
	if err != nil {
		return domain.User{}, fmt.Errorf("user %d: %w", id, err)
	}
	return user, nil
}

// ListUsers returns users by username, those after the given one, at most limit.
func (d *Directory) ListUsers(ctx context.Context, after string, limit int) ([]domain.User, error) {
	return d.store.ListUsers(ctx, after, limit)
}

// LookupUser finds a user by database id in the snapshot, a disabled one too. The user is shared: do not change it.
// ErrNotFound if there is no such user.
func (d *Directory) LookupUser(ctx context.Context, id int64) (*domain.User, error) {
	user, err := cache.Get(ctx, d.cache, domain.ChangeUser, strconv.FormatInt(id, 10), func(ctx context.Context) (*domain.User, error) {
		user, err := d.store.FindUserByID(ctx, id)
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
