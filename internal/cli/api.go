package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/domain"
)

var apis = kind[admin.API]{
	noun: "api", key: "AUDIENCE", example: "https://orders.example",
	layout: layout[admin.API]{
		[]string{"AUDIENCE", "NAME", "ALG", "ACCESS TOKEN TTL", "PERMISSIONS"},
		func(v admin.API) []any { return []any{v.Audience, v.Name, v.SigningAlg, apiTTL(v), apiPermissions(v)} },
	},
	details: func(w io.Writer, v admin.API) {
		details(w, "audience", v.Audience, "name", v.Name, "signing_alg", v.SigningAlg, "access_token_ttl", apiTTL(v),
			"no_userinfo", v.NoUserinfo, "memberships", v.Memberships, "group_names", v.GroupNames,
			"managed_by", v.ManagedBy, "created_at", v.CreatedAt, "updated_at", v.UpdatedAt)
		showEncryption(w, v)
		showClaims(w, v.ClaimMappings)
		for _, p := range v.Permissions {
			fmt.Fprintln(w, strings.TrimSuffix("permission\t"+cell(p.Name)+"\t"+cell(p.Description), "\t"))
		}
		for _, l := range v.Lost {
			fmt.Fprintln(w, "lost\t"+cell(domain.PermissionLoss(l).String()))
		}
		if v.LostMore > 0 {
			fmt.Fprintf(w, "lost\t%d more roles and clients lose permissions\n", v.LostMore)
		}
	},
}

func apiTTL(v admin.API) string {
	if v.AccessTokenTTL == 0 {
		return ""
	}
	return (time.Duration(v.AccessTokenTTL) * time.Second).String()
}

func apiPermissions(v admin.API) []string {
	var names []string
	for _, p := range v.Permissions {
		names = append(names, p.Name)
	}
	return names
}

func (a *app) apiCommand() *cobra.Command {
	return noun("api", "Manage APIs: the audiences of tokens, and their permissions",
		a.apiCreate(), apis.listCommand(a), apis.showCommand(a), a.apiUpdate(),
		apis.change(a, "delete"))
}

// apiFlags are what create and update share.
type apiFlags struct {
	name, signingAlg        string
	memberships, groupNames string
	accessTokenTTL          int64 // seconds
	noUserinfo              bool
	permissions             []admin.APIPermission
	claims                  []admin.ClaimMapping
	encryption              encryptionFlags
}

func (f *apiFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "call it `TEXT` for people")
	flags.StringVar(&f.signingAlg, "signing-alg", domain.ES256, "sign its access tokens with `ALG`: ES256, RS256 or EdDSA")
	secondsFlag(flags, &f.accessTokenTTL, "access-token-ttl", "the `LIFETIME` of its access tokens; 0 for the server's default")
	flags.BoolVar(&f.noUserinfo, "no-userinfo", false, "its access tokens do not open /oauth2/userinfo")
	flags.StringVar(&f.memberships, "memberships", string(domain.MembershipsRelevant), "`WHICH` roles and groups its access tokens name, as far as they may: relevant, all or none")
	flags.StringVar(&f.groupNames, "group-names", string(domain.GroupsByName), "`HOW` its access tokens name groups: name, or slash-name for /name")
	flags.Func("permission", "a permission as `NAME[=description]`; may be repeated", func(text string) error {
		name, description, _ := strings.Cut(text, "=")
		f.permissions = append(f.permissions, admin.APIPermission{Name: name, Description: description})
		return nil
	})
	claims(flags, &f.claims, "its access tokens")
	f.encryption.add(cmd)
}

func (a *app) apiCreate() *cobra.Command {
	var f apiFlags
	cmd := &cobra.Command{
		Use:   "create AUDIENCE",
		Short: "Register an API",
		Long: `Registers an API under its audience: the "aud" of its access tokens, most often the API's URL; a slash at its end
makes no difference.
The name of a permission is the scope value that asks for it.`,
		Example: `  signet api create https://orders.example --permission orders:read --permission "orders:write=Change orders"`,
		Args:    cobra.ExactArgs(1),
	}
	f.add(cmd)
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		settings, err := f.settings(admin.API{}, cmd.Flags().Changed, nil, nil)
		if err != nil {
			return view{}, err
		}
		created, err := call[admin.API](ctx, c, "api.create", adminapi.NewAPI{Audience: args[0], APISettings: settings})
		return apis.show(created), err
	})
	return cmd
}

func (a *app) apiUpdate() *cobra.Command {
	var f apiFlags
	var remove, noClaims []string
	cmd := &cobra.Command{
		Use:   "update AUDIENCE",
		Short: "Change an API",
		Long: `Changes what the flags name and leaves the rest. --permission adds a permission, or changes its description;
--remove-permission removes one, from roles and clients too: the answer names those that lose it.`,
		Example: `  signet api update https://orders.example --permission orders:refund --remove-permission orders:write
  signet api update https://orders.example --claim 'department=attributes.department'
  signet api update https://orders.example --encryption-jwks-uri https://orders.example/keys.json`,
		Args: cobra.ExactArgs(1),
	}
	f.add(cmd)
	removeClaims(cmd.Flags(), &noClaims)
	f.encryption.addUpdate(cmd)
	cmd.Flags().StringArrayVar(&remove, "remove-permission", nil, "remove the permission `NAME`; may be repeated")
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		api, err := change(ctx, c, "api.update", args[0], func(now admin.API) (any, error) {
			return f.settings(now, cmd.Flags().Changed, remove, noClaims)
		})
		return apis.show(api), err
	})
	return cmd
}

// settings are what the flags that were given change of an API, once the permissions and claims to be removed are gone.
func (f *apiFlags) settings(now admin.API, given func(flag string) bool, remove, noClaims []string) (s adminapi.APISettings, err error) {
	memberships, groupNames := domain.Memberships(f.memberships), domain.GroupNames(f.groupNames)
	for flag, change := range map[string]func(){
		"name":             func() { s.Name = &f.name },
		"signing-alg":      func() { s.SigningAlg = &f.signingAlg },
		"access-token-ttl": func() { s.AccessTokenTTL = &f.accessTokenTTL },
		"no-userinfo":      func() { s.NoUserinfo = &f.noUserinfo },
		"memberships":      func() { s.Memberships = &memberships },
		"group-names":      func() { s.GroupNames = &groupNames },
	} {
		if given(flag) {
			change()
		}
	}
	if s.EncryptionSettings, err = f.encryption.settings(now, given); err != nil {
		return s, err
	}
	if s.ClaimMappings, err = edited(now.ClaimMappings, noClaims, f.claims, editClaims); err != nil {
		return s, err
	}
	s.Permissions, err = edited(now.Permissions, remove, f.permissions, editPermissions)
	return s, err
}

func editPermissions(permissions []admin.APIPermission, remove []string, add []admin.APIPermission) ([]admin.APIPermission, error) {
	named := func(name string) func(admin.APIPermission) bool {
		return func(p admin.APIPermission) bool { return p.Name == name }
	}
	for _, name := range remove {
		if !slices.ContainsFunc(permissions, named(name)) {
			return nil, fmt.Errorf("permission %q: %w", name, domain.ErrNotFound)
		}
		permissions = slices.DeleteFunc(permissions, named(name))
	}
	for _, p := range add {
		permissions = append(slices.DeleteFunc(permissions, named(p.Name)), p)
	}
	return permissions, nil
}
