package admin

import (
	"context"
	"maps"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// User is a person who signs in; what OpenID Connect has a claim for is named as that is (Core §5.1).
type User struct {
	Username       string         `json:"username"`
	Subject        string         `json:"sub"`
	Name           string         `json:"name,omitempty"`
	Email          string         `json:"email,omitempty"`
	EmailVerified  bool           `json:"email_verified"`
	Attributes     map[string]any `json:"attributes,omitempty" doc:"By name, each of the attribute's type"`
	HasPassword    bool           `json:"has_password"`
	Disabled       bool           `json:"disabled"`
	DisabledAt     time.Time      `json:"disabled_at,omitzero"`
	DisabledReason string         `json:"disabled_reason,omitempty" doc:"What whoever disabled the user gave as the reason"`
	CreatedAt      time.Time      `json:"created_at"`
	UpdatedAt      time.Time      `json:"updated_at"`
	Warnings       []string       `json:"warnings,omitempty" doc:"What is to be considered about the user; not in lists"`
	Version        int64          `json:"-"`
}

// showUsers shows users, with a look at which of them have a password.
func (s *Service) showUsers(ctx context.Context, users ...domain.User) ([]User, error) {
	passwords, err := s.config.Passwords.Of(ctx, users...)
	return list(users, err, func(u domain.User) User {
		return User{
			Username: u.Username, Subject: u.Subject, Name: u.Name, Email: u.Email, EmailVerified: u.EmailVerified,
			Attributes: u.Attributes, HasPassword: passwords[u.ID], Disabled: !u.DisabledAt.IsZero(), DisabledAt: u.DisabledAt, DisabledReason: u.DisabledReason,
			CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, Version: u.Version,
		}
	})
}

func (s *Service) showUser(ctx context.Context, user domain.User, err error) (User, error) {
	if err != nil {
		return User{}, err
	}
	shown, err := s.showUsers(ctx, user)
	if err != nil {
		return User{}, err
	}
	shares, err := s.config.Directory.SharesEmail(ctx, user)
	if shares {
		shown[0].Warnings = []string{"Another enabled user has this e-mail address: they can sign in by username alone."}
	}
	return shown[0], err
}

// NewUser is the user that CreateUser adds. Without a password the user cannot sign in with one.
type NewUser struct {
	Username      string
	Name          string
	Email         string
	EmailVerified bool
	Attributes    map[string]any
	Password      string
	PasswordHash  string // that the user has in another system, in place of the password: argon2id, bcrypt or PBKDF2
}

// CreateUser adds a user. domain.ErrInvalid if it breaks a rule, domain.ErrExists if the username is taken.
func (s *Service) CreateUser(ctx context.Context, caller authn.Caller, n NewUser) (User, error) {
	prepared, err := s.PrepareUser(ctx, caller, n)
	if err != nil {
		return User{}, err
	}
	return s.CreatePreparedUser(ctx, caller, prepared)
}

// PreparedUser is a user who can be added, with a hash of the password.
type PreparedUser struct {
	user       domain.User
	credential directory.Credential
}

// PrepareUser is the part of CreateUser that takes its time, and is not for a transaction.
func (s *Service) PrepareUser(ctx context.Context, caller authn.Caller, n NewUser) (PreparedUser, error) {
	ctx, err := s.authorize(ctx, caller, "user.create")
	if err != nil {
		return PreparedUser{}, err
	}
	p := PreparedUser{user: domain.User{
		Username: n.Username, Name: n.Name, Email: n.Email, EmailVerified: n.EmailVerified, Attributes: n.Attributes,
	}}
	switch {
	case n.Password != "" && n.PasswordHash != "":
		return PreparedUser{}, domain.Invalid("password_hash", domain.RuleConflict, "password: give it, or its hash")
	case n.Password != "":
		p.credential = s.config.Passwords.New(n.Password)
	case n.PasswordHash != "":
		p.credential = s.config.Passwords.Import(n.PasswordHash)
	}
	return p, s.config.Directory.PrepareUser(ctx, p.user, p.credential)
}

// CreatePreparedUser is the other part of CreateUser.
func (s *Service) CreatePreparedUser(ctx context.Context, caller authn.Caller, p PreparedUser) (User, error) {
	const operation = "user.create"
	return s.writeUser(ctx, caller, operation, func(ctx context.Context) error {
		return s.coversNamesakes(ctx, caller, operation, p.user)
	}, func(ctx context.Context) (domain.User, error) {
		return s.config.Directory.CreateUser(ctx, p.user, p.credential)
	})
}

// FindUser shows a user. domain.ErrNotFound if there is none of the name.
func (s *Service) FindUser(ctx context.Context, caller authn.Caller, username string) (User, error) {
	ctx, err := s.authorize(ctx, caller, "user.find")
	if err != nil {
		return User{}, err
	}
	user, err := s.config.Directory.FindUser(ctx, username)
	return s.showUser(ctx, user, err)
}

// ListUsers lists the users that a filter chooses, by username. ErrCursor for that of another list.
func (s *Service) ListUsers(ctx context.Context, caller authn.Caller, filter domain.UserFilter, q Query) (Page[User], error) {
	const operation = "user.list"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Page[User]{}, err
	}
	return page(ctx, s, operation+" "+either(filter.Disabled), q, func(ctx context.Context, p domain.Page) ([]domain.User, error) {
		return s.config.Directory.ListUsers(ctx, filter, p)
	}, username, func(users []domain.User) ([]User, error) { return s.showUsers(ctx, users...) })
}

func username(u domain.User) string { return u.Username }

// UpdateUser changes a user's name, e-mail address and attributes as edit does. domain.ErrConflict if the user is not of the version, unless
// that is nil; otherwise the errors of directory.UpdateUser.
func (s *Service) UpdateUser(ctx context.Context, caller authn.Caller, username string, version *int64, edit func(*domain.User) error) (User, error) {
	const operation = "user.update"
	return s.writeUser(ctx, caller, operation, func(ctx context.Context) error {
		if err := s.covers(ctx, caller, operation, username); err != nil {
			return err
		}
		return s.coversAddress(ctx, caller, username, edit)
	}, func(ctx context.Context) (domain.User, error) {
		return s.config.Directory.UpdateUser(ctx, username, func(user *domain.User) error {
			if err := sameVersion(version, user.Version); err != nil {
				return err
			}
			return edit(user)
		})
	})
}

// SetPassword sets a user's password and ends the user's sessions, grants and tokens.
func (s *Service) SetPassword(ctx context.Context, caller authn.Caller, username, password string) error {
	return s.changeUser(ctx, caller, "user.set_password", username, func(ctx context.Context) error {
		return s.config.Passwords.Set(ctx, username, password)
	})
}

// DisableUser disables a user, for a reason that may be empty, and ends the user's sessions, grants and tokens.
func (s *Service) DisableUser(ctx context.Context, caller authn.Caller, username, reason string) error {
	return s.changeUser(ctx, caller, "user.disable", username, func(ctx context.Context) error {
		return s.config.Directory.DisableUser(ctx, username, reason)
	})
}

// EnableUser enables a disabled user again.
func (s *Service) EnableUser(ctx context.Context, caller authn.Caller, username string) (User, error) {
	const operation = "user.enable"
	return s.writeUser(ctx, caller, operation, func(ctx context.Context) error {
		if err := s.covers(ctx, caller, operation, username); err != nil {
			return err
		}
		disabled, err := s.config.Directory.FindUser(ctx, username)
		if err != nil {
			return err
		}
		return s.coversNamesakes(ctx, caller, operation, disabled)
	}, func(ctx context.Context) (domain.User, error) {
		if err := s.config.Directory.EnableUser(ctx, username); err != nil {
			return domain.User{}, err
		}
		return s.config.Directory.FindUser(ctx, username)
	})
}

// DeleteUser deletes a user and ends the user's sessions, grants and tokens.
func (s *Service) DeleteUser(ctx context.Context, caller authn.Caller, username string) error {
	return s.changeUser(ctx, caller, "user.delete", username, func(ctx context.Context) error {
		return s.config.Directory.DeleteUser(ctx, username)
	})
}

func (s *Service) changeUser(ctx context.Context, caller authn.Caller, operation, username string, change func(ctx context.Context) error) error {
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.covers(ctx, caller, operation, username)
	}
	if err != nil {
		return err
	}
	return change(ctx)
}

// writeUser creates or changes a user in a transaction in which check allows that and nobody else changes anything. check
// runs before it too, which fills the cache, so that others wait for less.
func (s *Service) writeUser(
	ctx context.Context, caller authn.Caller, operation string,
	check func(ctx context.Context) error, change func(ctx context.Context) (domain.User, error),
) (User, error) {
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return User{}, err
	}
	alone, revision := !isWithin(ctx), int64(0)
	if alone {
		err := s.config.Cache.Refresh(ctx)
		revision = s.config.Cache.Revision()
		if err == nil {
			err = check(within(ctx))
		}
		if err != nil {
			return User{}, s.recordDenied(ctx, caller, err)
		}
	}
	var user domain.User
	err = s.config.Events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		ctx = within(ctx)
		if alone {
			held, err := s.config.Files.HoldChanges(ctx)
			if err != nil {
				return nil, err
			}
			ctx = context.WithValue(ctx, movedKey{}, held != revision)
		}
		err := check(ctx)
		if err == nil {
			user, err = change(ctx)
		}
		return nil, err
	})
	return s.showUser(ctx, user, s.recordDenied(ctx, caller, err))
}

// movedKey marks a ctx within a transaction whether others changed something since the cache was refreshed.
type movedKey struct{}

// covers refuses a caller who lacks an administrative permission that a user has: who changes a user could become that user.
// domain.ErrNotFound if there is no such user.
func (s *Service) covers(ctx context.Context, caller authn.Caller, operation, username string) error {
	user, err := s.config.Directory.FindUser(ctx, username)
	if err != nil {
		return err
	}
	return s.coversSubjects(ctx, caller, operation, directory.Subject{Kind: domain.SubjectUser, ID: user.ID})
}

// coversAddress is coversNamesakes of a user as edit would leave it, if that gives it another address, or says that its address is verified.
func (s *Service) coversAddress(ctx context.Context, caller authn.Caller, username string, edit func(*domain.User) error) error {
	user, err := s.config.Directory.FindUser(ctx, username)
	if err != nil {
		return err
	}
	before := user
	user.Attributes = maps.Clone(user.Attributes)
	if edit(&user) != nil || user.Email == before.Email && (before.EmailVerified || !user.EmailVerified) {
		return nil // what is wrong with the edit, who makes the change says
	}
	return s.coversNamesakes(ctx, caller, "user.update", user)
}

const maxNamesakes = 100

// coversNamesakes refuses a caller who lacks an administrative permission of somebody whom a user could be taken for: applications may know
// people by their e-mail address, and people sign in by it.
func (s *Service) coversNamesakes(ctx context.Context, caller authn.Caller, operation string, user domain.User) error {
	others, err := s.config.Directory.Namesakes(ctx, user, maxNamesakes)
	if err != nil {
		return err
	}
	if len(others) == maxNamesakes { // there may be more
		return s.require(ctx, caller, operation, PermissionNames()...)
	}
	subjects := make([]directory.Subject, len(others))
	for i, other := range others {
		subjects[i] = directory.Subject{Kind: domain.SubjectUser, ID: other.ID}
	}
	return s.coversSubjects(ctx, caller, operation, subjects...)
}

// coversSubjects refuses a caller who lacks an administrative permission that one of the subjects has.
func (s *Service) coversSubjects(ctx context.Context, caller authn.Caller, operation string, subjects ...directory.Subject) error {
	if len(subjects) > 0 && !isWithin(ctx) {
		if err := s.config.Cache.Refresh(ctx); err != nil {
			return err
		}
	}
	source := s.config.Directory
	if moved, _ := ctx.Value(movedKey{}).(bool); moved {
		source = source.Uncached()
	}
	for _, subject := range subjects {
		access, err := source.Access(ctx, subject, domain.AdminAudience)
		if err != nil {
			return err
		}
		if err := s.require(ctx, caller, operation, access.Permissions...); err != nil {
			return err
		}
	}
	return nil
}
