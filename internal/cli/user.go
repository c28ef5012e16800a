package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminclient"
)

var users = kind[admin.User]{
	noun: "user", key: "NAME", example: "alice",
	layout: layout[admin.User]{
		[]string{"USERNAME", "NAME", "EMAIL", "VERIFIED", "SUB", "DISABLED"},
		func(v admin.User) []any {
			return []any{v.Username, v.Name, v.Email, v.EmailVerified, v.Subject, v.DisabledAt}
		},
	},
	details: func(w io.Writer, v admin.User) {
		details(w, "username", v.Username, "sub", v.Subject, "name", v.Name, "email", v.Email,
			"email_verified", v.EmailVerified, "has_password", v.HasPassword,
			"disabled_at", v.DisabledAt, "disabled_reason", v.DisabledReason, "created_at", v.CreatedAt, "updated_at", v.UpdatedAt)
		showAttributes(w, v.Attributes)
	},
}

func (a *app) userCommand() *cobra.Command {
	return noun("user", "Manage users: the people who sign in",
		a.userCreate(), users.listCommand(a), users.showCommand(a), a.userUpdate(), a.userSetPassword(), a.userLink(),
		accessCommand(a, users),
		alias(users.disable(a), "lock"),
		alias(a.userEnable(), "unlock"),
		users.change(a, "delete"))
}

// userFlags are what create and update share.
type userFlags struct {
	name, email   string
	emailVerified bool
	attributes    map[string][]string
}

func (f *userFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "the user's full `NAME`")
	flags.StringVar(&f.email, "email", "", "the user's `ADDRESS`, to sign in by, too, while no other enabled user has it")
	flags.BoolVar(&f.emailVerified, "email-verified", false, "the address is known to be the user's")
	pairs(flags, &f.attributes, "attribute", "give the user an attribute, `NAME=VALUE`; may be repeated, also for the texts of a list")
}

func (a *app) userCreate() *cobra.Command {
	var f userFlags
	var password, hash bool
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Add a user",
		Long: `Adds a user. --password-stdin reads the password from stdin, so that it is in no shell history or process list.
--password-hash-stdin takes the password over from another system by its hash. Without a password the user cannot sign in with one.`,
		Example: `  signet user create alice --email a@x.example --name "Alice Adams" --password-stdin < password
  signet user create bob --attribute given_name=Bob --attribute locale=de-CH`,
		Args: cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			secret, err := a.readIf(password, "password")
			if err != nil {
				return view{}, err
			}
			hashed, err := a.readIf(hash, "hash of the password")
			if err != nil {
				return view{}, err
			}
			attributes, err := parseAttributes(ctx, c, f.attributes, nil)
			if err != nil {
				return view{}, err
			}
			user, err := call[admin.User](ctx, c, "user.create", adminapi.NewUser{
				Username: args[0], Name: f.name, Email: f.email, EmailVerified: f.emailVerified, Attributes: attributes, Password: secret, PasswordHash: hashed,
			})
			a.warn(user.Warnings)
			return users.show(user), err
		}),
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&password, "password-stdin", false, "read the password from stdin")
	cmd.Flags().BoolVar(&hash, "password-hash-stdin", false, "read the hash of the password that the user has in another system from stdin: argon2id, bcrypt or PBKDF2")
	cmd.MarkFlagsMutuallyExclusive("password-stdin", "password-hash-stdin")
	return cmd
}

func (a *app) userUpdate() *cobra.Command {
	var f userFlags
	var remove []string
	cmd := &cobra.Command{
		Use:   "update NAME",
		Short: "Change a user's name, email and attributes",
		Long: `Changes what the flags name and leaves the rest. A new address counts as not verified, unless --email-verified, and a new
telephone number unless --attribute phone_number_verified=true.`,
		Example: `  signet user update alice --email alice@x.example --email-verified
  signet user update alice --attribute nickname=Al --remove-attribute website`,
		Args: cobra.ExactArgs(1),
	}
	f.add(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&remove, "remove-attribute", nil, "take the attribute `NAME` from the user; may be repeated")
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		changes, err := parseAttributes(ctx, c, f.attributes, remove)
		if err != nil {
			return view{}, err
		}
		user, err := change(ctx, c, "user.update", args[0], func(admin.User) (any, error) {
			body := members{"attributes": changes}
			for flag, member := range map[string]any{"name": f.name, "email": f.email, "email-verified": f.emailVerified} {
				if flags.Changed(flag) {
					body[strings.ReplaceAll(flag, "-", "_")] = member
				}
			}
			return body, nil
		})
		a.warn(user.Warnings)
		return users.show(user), err
	})
	return cmd
}

// enabledUser is done with what is to be considered about the user.
type enabledUser struct {
	done
	Warnings []string `json:"warnings,omitempty"`
}

func (a *app) userEnable() *cobra.Command {
	return users.command(a, "enable", users.summary("enable"), func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		user, err := call[admin.User](ctx, c, "user.enable", nil, args[0])
		a.warn(user.Warnings)
		return answer(enabledUser{done{"enabled", "user", args[0]}, user.Warnings}), err
	})
}

func (a *app) userSetPassword() *cobra.Command {
	var password bool
	cmd := &cobra.Command{
		Use:     "set-password NAME --password-stdin",
		Short:   "Set a user's password and end the user's sessions, grants and tokens",
		Example: "  signet user set-password alice --password-stdin < password",
		Args:    cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			if !password {
				return view{}, usagef("a password is read from stdin alone: add --password-stdin")
			}
			secret, err := a.readLine("password")
			if err != nil {
				return view{}, err
			}
			return answer(done{"set", "password of", args[0]}), setPassword(ctx, c, args[0], secret)
		}),
		DisableFlagsInUseLine: true,
	}
	cmd.Flags().BoolVar(&password, "password-stdin", false, "read the password from stdin")
	return cmd
}

func setPassword(ctx context.Context, c *adminclient.Client, name, password string) error {
	_, err := c.Call(ctx, adminclient.Request{Operation: "user.set_password", Path: []string{name}, Body: members{"password": password}}, nil)
	return err
}
