package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/server"
)

// userView names what OpenID Connect has a claim for as that does (Core §5.1).
type userView struct {
	Username      string    `json:"username"`
	Subject       string    `json:"sub"`
	Name          string    `json:"name,omitempty"`
	Email         string    `json:"email,omitempty"`
	EmailVerified bool      `json:"email_verified"`
	HasPassword   bool      `json:"has_password"`
	Disabled      bool      `json:"disabled"`
	DisabledAt    time.Time `json:"disabled_at,omitzero"`
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
}

func viewUser(u domain.User) userView {
	return userView{
		Username: u.Username, Subject: u.Subject, Name: u.Name, Email: u.Email, EmailVerified: u.EmailVerified,
		HasPassword: u.PasswordHash != "", Disabled: !u.DisabledAt.IsZero(), DisabledAt: u.DisabledAt,
		CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
	}
}

var users = kind[userView]{
	noun: "user", key: "NAME", example: "alice",
	layout: layout[userView]{
		[]string{"USERNAME", "NAME", "EMAIL", "VERIFIED", "SUB", "DISABLED"},
		func(v userView) []any {
			return []any{v.Username, v.Name, v.Email, v.EmailVerified, v.Subject, v.DisabledAt}
		},
	},
	details: func(w io.Writer, v userView) {
		details(w, "username", v.Username, "sub", v.Subject, "name", v.Name, "email", v.Email,
			"email_verified", v.EmailVerified, "has_password", v.HasPassword,
			"disabled_at", v.DisabledAt, "created_at", v.CreatedAt, "updated_at", v.UpdatedAt)
	},
	name: func(v userView) string { return v.Username },
	list: func(ctx context.Context, s *server.Services, after string, limit int) ([]userView, error) {
		list, err := s.Directory.ListUsers(ctx, after, limit)
		return viewed(list, viewUser), err
	},
	find: func(ctx context.Context, s *server.Services, name string) (userView, error) {
		user, err := s.Directory.FindUser(ctx, name)
		return viewUser(user), err
	},
}

func (a *app) userCommand() *cobra.Command {
	return noun("user", "Manage users: the people who sign in",
		a.userCreate(), users.listCommand(a, "List the users by username"), users.showCommand(a, "Show a user"), a.userUpdate(), a.userSetPassword(),
		users.change(a, "disable", "Disable a user and end the user's sessions, grants and tokens", setUserDisabled(true)),
		users.change(a, "enable", "Enable a disabled user again", setUserDisabled(false)),
		users.change(a, "delete", "Delete a user and end the user's sessions, grants and tokens", func(ctx context.Context, s *server.Services, name string) error {
			return s.Directory.DeleteUser(ctx, name)
		}))
}

func setUserDisabled(disabled bool) func(context.Context, *server.Services, string) error {
	return func(ctx context.Context, s *server.Services, name string) error {
		return s.Directory.SetUserDisabled(ctx, name, disabled)
	}
}

// userFlags are what create and update share.
type userFlags struct {
	name, email   string
	emailVerified bool
}

func (f *userFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "the user's full `NAME`")
	flags.StringVar(&f.email, "email", "", "the user's `ADDRESS`")
	flags.BoolVar(&f.emailVerified, "email-verified", false, "the address is known to be the user's")
}

func (a *app) userCreate() *cobra.Command {
	var f userFlags
	var password bool
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Add a user",
		Long: `Adds a user. --password-stdin reads the password from stdin, so that it is in no shell history or process list.
Without a password the user cannot sign in with one.`,
		Example: `  signet user create alice --email a@x.example --name "Alice Adams" --password-stdin < password`,
		Args:    cobra.ExactArgs(1),
		RunE: a.manage(func(ctx context.Context, s *server.Services, args []string) (view, error) {
			var secret string
			if password {
				var err error
				if secret, err = a.readLine("password"); err != nil {
					return view{}, err
				}
			}
			user, err := s.Directory.CreateUser(ctx, domain.User{
				Username: args[0], Name: f.name, Email: f.email, EmailVerified: f.emailVerified,
			}, secret)
			return users.show(viewUser(user)), err
		}),
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&password, "password-stdin", false, "read the password from stdin")
	return cmd
}

func (a *app) userUpdate() *cobra.Command {
	var f userFlags
	cmd := &cobra.Command{
		Use:     "update NAME",
		Short:   "Change a user's name and email",
		Long:    "Changes what the flags name and leaves the rest. A new address counts as not verified, unless --email-verified.",
		Example: "  signet user update alice --email alice@x.example --email-verified",
		Args:    cobra.ExactArgs(1),
	}
	f.add(cmd)
	flags := cmd.Flags()
	cmd.RunE = a.manage(func(ctx context.Context, s *server.Services, args []string) (view, error) {
		user, err := s.Directory.UpdateUser(ctx, args[0], func(user *domain.User) error {
			if flags.Changed("name") {
				user.Name = f.name
			}
			if flags.Changed("email") && user.Email != f.email {
				user.Email, user.EmailVerified = f.email, false
			}
			if flags.Changed("email-verified") {
				user.EmailVerified = f.emailVerified
			}
			return nil
		})
		return users.show(viewUser(user)), err
	})
	return cmd
}

func (a *app) userSetPassword() *cobra.Command {
	var password bool
	cmd := &cobra.Command{
		Use:     "set-password NAME --password-stdin",
		Short:   "Set a user's password and end the user's sessions, grants and tokens",
		Example: "  signet user set-password alice --password-stdin < password",
		Args:    cobra.ExactArgs(1),
		RunE: a.manage(func(ctx context.Context, s *server.Services, args []string) (view, error) {
			if !password {
				return view{}, usagef("a password is read from stdin alone: add --password-stdin")
			}
			secret, err := a.readLine("password")
			if err != nil {
				return view{}, err
			}
			return answer(done{"set", "password of", args[0]}), s.Directory.SetPassword(ctx, args[0], secret)
		}),
		DisableFlagsInUseLine: true,
	}
	cmd.Flags().BoolVar(&password, "password-stdin", false, "read the password from stdin")
	return cmd
}
