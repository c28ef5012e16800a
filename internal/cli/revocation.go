package cli

import (
	"context"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
)

var revocations = layout[admin.Revocation]{
	[]string{"ID", "OF", "NAME", "TOKENS", "GRANTS", "BEGUN", "DONE"},
	func(v admin.Revocation) []any {
		return []any{v.ID, string(v.Of), v.Name, v.RevokedTokens, v.RevokedGrants, v.CreatedAt, v.DoneAt}
	},
}

func (a *app) revocationCommand() *cobra.Command {
	var pending bool
	list := &cobra.Command{
		Use:     "list",
		Short:   admin.OperationOf("revocation.list").Summary,
		Example: "  signet revocation list --pending",
		Args:    cobra.NoArgs,
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
			query := url.Values{}
			if pending {
				query.Set("done", "false")
			}
			list, err := all[admin.Revocation](ctx, c, "revocation.list", 0, query)
			return revocations.table(list), err
		}),
	}
	list.Flags().BoolVar(&pending, "pending", false, "those alone whose tokens are not all marked")
	return noun("revocation", "See how far revocations have come (signet token revoke begins one)", list)
}
