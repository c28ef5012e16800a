package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/server"
)

type roleView struct {
	Name        string               `json:"name"`
	Description string               `json:"description,omitempty"`
	Permissions []rolePermissionView `json:"permissions"`
	CreatedAt   time.Time            `json:"created_at"`
	UpdatedAt   time.Time            `json:"updated_at"`
}

type rolePermissionView struct {
	Audience   string `json:"audience"`
	Permission string `json:"permission"`
}

func viewRole(r domain.Role) roleView {
	v := roleView{
		Name: r.Name, Description: r.Description, Permissions: []rolePermissionView{},
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt,
	}
	for _, p := range r.Permissions {
		v.Permissions = append(v.Permissions, rolePermissionView(p))
	}
	return v
}

var roles = kind[roleView]{
	noun: "role", key: "NAME", example: "clerk",
	layout: layout[roleView]{
		[]string{"NAME", "DESCRIPTION", "PERMISSIONS"},
		func(v roleView) []any { return []any{v.Name, v.Description, v.permissions()} },
	},
	details: func(w io.Writer, v roleView) {
		details(w, "name", v.Name, "description", v.Description, "created_at", v.CreatedAt, "updated_at", v.UpdatedAt)
		for _, p := range v.permissions() {
			details(w, "permission", p)
		}
	},
	name: func(v roleView) string { return v.Name },
	list: func(ctx context.Context, s *server.Services, after string, limit int) ([]roleView, error) {
		list, err := s.Directory.ListRoles(ctx, after, limit)
		return viewed(list, viewRole), err
	},
	find: func(ctx context.Context, s *server.Services, name string) (roleView, error) {
		role, err := s.Directory.FindRole(ctx, name)
		return viewRole(role), err
	},
}

func (v roleView) permissions() []string {
	var list []string
	for _, p := range v.Permissions {
		list = append(list, reference{p.Audience, p.Permission}.String())
	}
	return list
}

func (a *app) roleCommand() *cobra.Command {
	return noun("role", "Manage roles: named sets of permissions",
		a.roleCreate(), roles.listCommand(a, "List the roles by name"), roles.showCommand(a, "Show a role"), a.roleUpdate(),
		roles.change(a, "delete", "Delete a role and its assignments", func(ctx context.Context, s *server.Services, name string) error {
			return s.Directory.DeleteRole(ctx, name)
		}))
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
		RunE: a.manage(func(ctx context.Context, s *server.Services, args []string) (view, error) {
			role.Name = args[0]
			created, err := s.Directory.CreateRole(ctx, role)
			return roles.show(viewRole(created)), err
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
	cmd.RunE = a.manage(func(ctx context.Context, s *server.Services, args []string) (view, error) {
		role, err := s.Directory.UpdateRole(ctx, args[0], func(role *domain.Role) (err error) {
			if flags.Changed("description") {
				role.Description = description
			}
			role.Permissions, err = edit("permission", role.Permissions, revoke, grant)
			return err
		})
		return roles.show(viewRole(role)), err
	})
	return cmd
}
