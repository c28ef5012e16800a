package cli

import (
	"context"
	"io"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
)

var revocations = kind[admin.Revocation]{
	noun: "revocation", key: "ID", example: "7", watched: true,
	layout: layout[admin.Revocation]{
		[]string{"ID", "OF", "NAME", "TOKENS", "GRANTS", "BEGUN", "DONE"},
		func(v admin.Revocation) []any {
			return []any{v.ID, string(v.Of), v.Name, v.RevokedTokens, v.RevokedGrants, v.CreatedAt, v.DoneAt}
		},
	},
	details: func(w io.Writer, v admin.Revocation) {
		details(w, "id", v.ID, "of", string(v.Of), "name", v.Name, "issued_before", v.IssuedBefore, "revoked_tokens", v.RevokedTokens,
			"revoked_grants", v.RevokedGrants, "created_at", v.CreatedAt, "marked_until", v.MarkedUntil, "done_at", v.DoneAt)
	},
}

func (a *app) revocationCommand() *cobra.Command {
	var pending bool
	list := &cobra.Command{
		Use:     "list",
		Short:   revocations.summary("list"),
		Example: "  signet revocation list --pending --watch",
		Args:    cobra.NoArgs,
	}
	list.Flags().BoolVar(&pending, "pending", false, "those alone whose tokens are not all marked")
	a.watched(list, newestFirst, func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
		query := url.Values{}
		if pending {
			query.Set("done", "false")
		}
		found, err := all[admin.Revocation](ctx, c, "revocation.list", 0, query)
		return revocations.table(found), err
	})
	return noun("revocation", "See how far revocations have come (signet token revoke begins one)", list, revocations.showCommand(a))
}
