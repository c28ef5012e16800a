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
	"github.com/signet-auth/signet/internal/authn"
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
			"created_at", v.CreatedAt, "updated_at", v.UpdatedAt)
		showClaims(w, v.ClaimMappings)
		for _, p := range v.Permissions {
			details(w, "permission", strings.TrimSuffix(p.Name+"\t"+p.Description, "\t"))
		}
	},
	list: (*admin.Service).ListAPIs,
	find: (*admin.Service).FindAPI,
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
		apis.change(a, "delete", (*admin.Service).DeleteAPI))
}

// apiFlags are what create and update share.
type apiFlags struct {
	name, signingAlg        string
	memberships, groupNames string
	accessTokenTTL          time.Duration
	noUserinfo              bool
	permissions             []domain.Permission
	claims                  []domain.ClaimMapping
}

func (f *apiFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "call it `TEXT` for people")
	flags.StringVar(&f.signingAlg, "signing-alg", domain.ES256, "sign its access tokens with `ALG`: ES256, RS256 or EdDSA")
	flags.DurationVar(&f.accessTokenTTL, "access-token-ttl", 0, "the lifetime of its access tokens; 0 for the server's default")
	flags.BoolVar(&f.noUserinfo, "no-userinfo", false, "its access tokens do not open /oauth2/userinfo")
	flags.StringVar(&f.memberships, "memberships", string(domain.MembershipsRelevant), "`WHICH` roles and groups its access tokens name, as far as they may: relevant, all or none")
	flags.StringVar(&f.groupNames, "group-names", string(domain.GroupsByName), "`HOW` its access tokens name groups: name, or slash-name for /name")
	flags.Func("permission", "a permission as `NAME[=description]`; may be repeated", func(text string) error {
		name, description, _ := strings.Cut(text, "=")
		f.permissions = append(f.permissions, domain.Permission{Name: name, Description: description})
		return nil
	})
	claims(flags, &f.claims, "its access tokens")
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
	cmd.RunE = a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, args []string) (view, error) {
		api := domain.API{Audience: args[0]}
		if err := f.apply(&api, cmd.Flags().Changed, nil, nil); err != nil {
			return view{}, err
		}
		created, err := s.CreateAPI(ctx, caller, api)
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
--remove-permission removes one, from roles and clients too.`,
		Example: `  signet api update https://orders.example --permission orders:refund --remove-permission orders:write
  signet api update https://orders.example --claim 'department=attributes.department'`,
		Args: cobra.ExactArgs(1),
	}
	f.add(cmd)
	removeClaims(cmd.Flags(), &noClaims)
	cmd.Flags().StringArrayVar(&remove, "remove-permission", nil, "remove the permission `NAME`; may be repeated")
	cmd.RunE = a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, args []string) (view, error) {
		api, err := s.UpdateAPI(ctx, caller, args[0], nil, func(api *domain.API) error {
			return f.apply(api, cmd.Flags().Changed, remove, noClaims)
		})
		return apis.show(api), err
	})
	return cmd
}

// apply changes an API as the flags that were given say, once the permissions and claims to be removed are gone.
func (f *apiFlags) apply(api *domain.API, given func(flag string) bool, remove, noClaims []string) (err error) {
	for flag, change := range map[string]func(){
		"name":             func() { api.Name = f.name },
		"signing-alg":      func() { api.SigningAlg = f.signingAlg },
		"access-token-ttl": func() { api.AccessTokenTTL = f.accessTokenTTL },
		"no-userinfo":      func() { api.NoUserinfo = f.noUserinfo },
		"memberships":      func() { api.Memberships = domain.Memberships(f.memberships) },
		"group-names":      func() { api.GroupNames = domain.GroupNames(f.groupNames) },
	} {
		if given(flag) {
			change()
		}
	}
	if api.ClaimMappings, err = editClaims(api.ClaimMappings, noClaims, f.claims); err != nil {
		return err
	}
	api.Permissions, err = editPermissions(api.Permissions, remove, f.permissions)
	return err
}

func editPermissions(permissions []domain.Permission, remove []string, add []domain.Permission) ([]domain.Permission, error) {
	named := func(name string) func(domain.Permission) bool {
		return func(p domain.Permission) bool { return p.Name == name }
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
