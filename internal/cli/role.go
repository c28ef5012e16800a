package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminclient"
)

var roles = kind[admin.Role]{
	noun: "role", key: "NAME", example: "clerk",
	layout: layout[admin.Role]{
		[]string{"NAME", "DESCRIPTION", "PERMISSIONS"},
		func(v admin.Role) []any { return []any{v.Name, v.Description, rolePermissions(v)} },
	},
	details: func(w io.Writer, v admin.Role) {
		details(w, "name", v.Name, "description", v.Description, "managed_by", v.ManagedBy, "created_at", v.CreatedAt, "updated_at", v.UpdatedAt)
		for _, p := range rolePermissions(v) {
			details(w, "permission", p)
		}
	},
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
		deleteWithEffect(a, roles, adminapi.NewRoleEffect{Delete: true}))
}

// permissionFlag makes a flag of AUDIENCE#permission that may be repeated.
func permissionFlag(flags *pflag.FlagSet, into *[]admin.RolePermission, name, usage string) {
	flags.Func(name, usage, func(text string) error {
		r, err := parseReference(text)
		if err == nil && r.permission == "" {
			err = fmt.Errorf("write AUDIENCE#permission")
		}
		*into = append(*into, admin.RolePermission{Audience: r.audience, Permission: r.permission})
		return err
	})
}

func (a *app) roleCreate() *cobra.Command {
	var description string
	permissions := []admin.RolePermission{}
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Make a role",
		Example: "  signet role create clerk --grant https://orders.example#orders:read",
		Args:    cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			created, err := call[admin.Role](ctx, c, "role.create", members{"name": args[0], "description": description, "permissions": permissions})
			return roles.show(created), err
		}),
	}
	cmd.Flags().StringVar(&description, "description", "", "say in `TEXT` what the role is for")
	permissionFlag(cmd.Flags(), &permissions, "grant", "a permission that the role gives, as `AUDIENCE#permission`; may be repeated")
	return cmd
}

func (a *app) roleUpdate() *cobra.Command {
	var description string
	var grant, revoke []admin.RolePermission
	var effect effectFlags
	cmd := &cobra.Command{
		Use:   "update NAME",
		Short: "Change what a role gives",
		Long:  "Changes what the flags name and leaves the rest: --grant adds a permission, --revoke takes one away.\n" + effectHelp,
		Example: `  signet role update clerk --grant https://orders.example#orders:write --revoke https://orders.example#orders:read
  signet role update clerk --revoke https://orders.example#orders:read --effect
  signet role update clerk --revoke https://orders.example#orders:read --revoke-tokens`,
		Args: cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&description, "description", "", "say in `TEXT` what the role is for")
	permissionFlag(flags, &grant, "grant", "let the role give `AUDIENCE#permission`; may be repeated")
	permissionFlag(flags, &revoke, "revoke", "let the role not give `AUDIENCE#permission` any more; may be repeated")
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		if effect.only {
			now, err := call[admin.Role](ctx, c, "role.find", nil, args[0])
			if err != nil {
				return view{}, err
			}
			permissions, err := edit("permission", now.Permissions, revoke, grant)
			if err != nil {
				return view{}, err
			}
			given := array(permissions)
			return effectOf(ctx, c, "role", args[0], adminapi.NewRoleEffect{Permissions: &given})
		}
		updated, err := change(ctx, c, "role.update", args[0], func(now adminapi.UpdatedRole) (any, error) {
			body := members{}
			if effect.revoke {
				body["revoke_tokens"] = true
			}
			if flags.Changed("description") {
				body["description"] = description
			}
			permissions, err := edit("permission", now.Permissions, revoke, grant)
			if len(revoke)+len(grant) > 0 {
				body["permissions"] = array(permissions)
			}
			return body, err
		})
		if err != nil || !effect.revoke {
			return roles.show(updated.Role), err
		}
		return a.withRevocation(ctx, c, roles.show(updated.Role), updated.Revocation)
	})
	effect.add(cmd)
	return cmd
}
