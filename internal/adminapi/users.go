package adminapi

import (
	"context"
	"net/http"
	"net/url"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountUsers() {
	register(s, http.MethodGet, "/users", "user.list", s.listUsers)
	registerOnce(s, s.operation(http.MethodPost, "/users", "user.create"), http.StatusCreated, s.createUser)
	register(s, http.MethodGet, "/users/{name}", "user.find", func(ctx context.Context, caller authn.Caller, in *NamedInput) (*objectOutput[admin.User], error) {
		user, err := s.Admin.FindUser(ctx, caller, in.Name)
		return shown(user, user.Version, err)
	})
	register(s, http.MethodPatch, "/users/{name}", "user.update", s.updateUser)
	register(s, http.MethodDelete, "/users/{name}", "user.delete", act(s.Admin.DeleteUser))
	register(s, http.MethodPut, "/users/{name}/password", "user.set_password", s.setPassword)
	creating(s, http.StatusOK, "/users/{name}/password-link", "user.link", s.linkPassword)
	register(s, http.MethodPost, "/users/{name}/disable", "user.disable", disable(s.Admin.DisableUser))
	register(s, http.MethodPost, "/users/{name}/enable", "user.enable", func(ctx context.Context, caller authn.Caller, in *NamedInput) (*objectOutput[admin.User], error) {
		user, err := s.Admin.EnableUser(ctx, caller, in.Name)
		return shown(user, user.Version, err)
	})
}

type listUsersInput struct {
	PageInput
	Disabled Choice `query:"disabled" doc:"Those that are disabled, or those that are not; left out: both"`
}

func (s *surface) listUsers(ctx context.Context, caller authn.Caller, in *listUsersInput) (*pageOutput[admin.User], error) {
	page, err := s.Admin.ListUsers(ctx, caller, domain.UserFilter{Disabled: in.Disabled.Given}, in.query())
	return &pageOutput[admin.User]{page}, err
}

// NewUser is what a user is added with.
type NewUser struct {
	Username      string         `json:"username" minLength:"1"`
	Name          string         `json:"name,omitempty" doc:"Empty: none"`
	Email         string         `json:"email,omitempty" doc:"Empty: none"`
	EmailVerified bool           `json:"email_verified,omitempty"`
	Attributes    map[string]any `json:"attributes,omitempty" maxProperties:"300" doc:"By name, each of the attribute's type"`
	Password      string         `json:"password,omitempty" minLength:"1" doc:"Left out: the user cannot sign in with one"`
	PasswordHash  string         `json:"password_hash,omitempty" minLength:"1" maxLength:"512" doc:"Of the one that the user has in another system, in its place: argon2id (PHC), bcrypt or PBKDF2 ($pbkdf2-sha512$...)"`
}

type createUserInput struct {
	Body NewUser
}

func (s *surface) createUser(ctx context.Context, caller authn.Caller, in *createUserInput, m making[objectOutput[admin.User]]) (*objectOutput[admin.User], error) {
	prepared, err := s.Admin.PrepareUser(ctx, caller, admin.NewUser(in.Body))
	if err != nil {
		return nil, err
	}
	return m.in(ctx, func(ctx context.Context) (*objectOutput[admin.User], error) {
		user, err := s.Admin.CreatePreparedUser(ctx, caller, prepared)
		return created(user, user.Version, "/users/"+url.PathEscape(user.Username), err)
	})
}

type updateUserInput struct {
	EditInput
	Body struct {
		Name          *string        `json:"name,omitempty" doc:"Empty: none from now on"`
		Email         *string        `json:"email,omitempty" doc:"Empty: none from now on. A new address counts as not verified, unless email_verified is given"`
		EmailVerified *bool          `json:"email_verified,omitempty"`
		Attributes    map[string]any `json:"attributes,omitempty" maxProperties:"300" doc:"Those to change, by name; null removes one. A new phone_number counts as not verified, unless phone_number_verified is given"`
	}
}

func (s *surface) updateUser(ctx context.Context, caller authn.Caller, in *updateUserInput) (*objectOutput[admin.User], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	user, err := s.Admin.UpdateUser(ctx, caller, in.Name, version, func(user *domain.User) error {
		set(&user.Name, in.Body.Name)
		if in.Body.Email != nil && *in.Body.Email != user.Email {
			user.Email, user.EmailVerified = *in.Body.Email, false
		}
		set(&user.EmailVerified, in.Body.EmailVerified)
		user.SetAttributes(in.Body.Attributes)
		return nil
	})
	return shown(user, user.Version, err)
}

type setPasswordInput struct {
	NamedInput
	Body struct {
		Password string `json:"password" minLength:"1"`
	}
}

func (s *surface) setPassword(ctx context.Context, caller authn.Caller, in *setPasswordInput) (*done, error) {
	return nil, s.Admin.SetPassword(ctx, caller, in.Name, in.Body.Password)
}

func (s *surface) linkPassword(ctx context.Context, caller authn.Caller, in *NamedInput) (*objectOutput[admin.PasswordLink], error) {
	link, err := s.Admin.LinkPassword(ctx, caller, in.Name)
	return shown(link, 0, err)
}
