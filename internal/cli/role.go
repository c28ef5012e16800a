package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

var roles = kind[admin.Role]{
	noun: "role", key: "NAME", example: "clerk",
	layout: layout[admin.Role]{
		[]string{"NAME", "DESCRIPTION", "PERMISSIONS"},
		func(v admin.Role) []any { return []any{v.Name, v.Description, rolePermissions(v)} },
	},
	details: func(w io.Writer, v admin.Role) {
		details(w, "name", v.Name, "description", v.Description, "created_at", v.CreatedAt, "updated_at", v.UpdatedAt)
		for _, p := range rolePermissions(v) {
			details(w, "permission", p)
		}
	},
	list: (*admin.Service).ListRoles,
	find: (*admin.Service).FindRole,
}

func rolePermissions(v admin.Role) []string {
	var list []string
	for _, p := range v.Permissions {
		list = append(list, reference{p.Audience, p.Permission}.String())
	}
	return list
}

func (a *app) roleCommand() *cobra.Command {
	return noun("role", "Manage roles: named sets of permissions",
		a.roleCreate(), roles.listCommand(a), roles.showCommand(a), a.roleUpdate(),
		roles.change(a, "delete", (*admin.Service).DeleteRole))
}

// permissionFlag makes a flag of AUDIENCE#permission that may be repeated.
func permissionFlag(flags *pflag.FlagSet, into *[]domain.RolePermission, name, usage string) {
	flags.Func(name, usage, func(text string) error {
		r, err := parseReference(text)
		if err == nil && r.permission == "" {
			err = fmt.Errorf("write AUDIENCE#permission")
		}
		*into = append(*into, domain.RolePermission{Audience: r.audience, Permission: r.permission})
		return err
	})
}

func (a *app) roleCreate() *cobra.Command {
	var role domain.Role
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Make a role",
		Example: "  signet role create clerk --grant https://orders.example#orders:read",
		Args:    cobra.ExactArgs(1),
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, args []string) (view, error) {
			role.Name = args[0]
			created, err := s.CreateRole(ctx, caller, role)
			return roles.show(created), err
		}),
	}
	cmd.Flags().StringVar(&role.Description, "description", "", "say in `TEXT` what the role is for")
	permissionFlag(cmd.Flags(), &role.Permissions, "grant", "a permission that the role gives, as `AUDIENCE#permission`; may be repeated")
	return cmd
}

func (a *app) roleUpdate() *cobra.Command {
	var description string
	var grant, revoke []domain.RolePermission
	cmd := &cobra.Command{
		Use:     "update NAME",
		Short:   "Change what a role gives",
		Long:    "Changes what the flags name and leaves the rest: --grant adds a permission, --revoke takes one away.",
		Example: "  signet role update clerk --grant https://orders.example#orders:write --revoke https://orders.example#orders:read",
		Args:    cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&description, "description", "", "say in `TEXT` what the role is for")
	permissionFlag(flags, &grant, "grant", "let the role give `AUDIENCE#permission`; may be repeated")
	permissionFlag(flags, &revoke, "revoke", "let the role not give `AUDIENCE#permission` any more; may be repeated")
	cmd.RunE = a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, args []string) (view, error) {
		role, err := s.UpdateRole(ctx, caller, args[0], nil, func(role *domain.Role) (err error) {
			if flags.Changed("description") {
				role.Description = description
			}
			role.Permissions, err = edit("permission", role.Permissions, revoke, grant)
			return err
		})
		return roles.show(role), err
	})
	return cmd
}
