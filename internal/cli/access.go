package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
)

// accessCommand makes the command that shows what an object of a kind may do.
func accessCommand[V any](a *app, k kind[V]) *cobra.Command {
	return k.command(a, "access", k.summary("access"), func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		access, err := call[admin.Access](ctx, c, k.noun+".access", nil, args[0])
		return view{access, func(w io.Writer) { showAccess(w, access) }}, err
	})
}

// showAccess has a line for each permission of each role that is held.
func showAccess(w io.Writer, access admin.Access) {
	var rows [][]any
	for _, held := range access.Roles {
		through := ""
		if held.Group != "" {
			through = "group " + held.Group
		}
		permissions := held.Permissions
		if len(permissions) == 0 {
			permissions = []admin.RolePermission{{}}
		}
		for _, p := range permissions {
			rows = append(rows, []any{p.Audience, p.Permission, held.Role, through, held.ExpiresAt})
		}
	}
	writeTable(w, []string{"AUDIENCE", "PERMISSION", "ROLE", "THROUGH", "EXPIRES"}, rows)
}
