package cli

import (
	"cmp"
	"context"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
)

var revocations = kind[admin.Revocation]{
	noun: "revocation", key: "ID", example: "7", watched: true,
	layout: layout[admin.Revocation]{
		[]string{"ID", "OF", "NAME", "TOKENS", "GRANTS", "BEGUN", "DONE"},
		func(v admin.Revocation) []any {
			return []any{v.ID, string(v.Of), cmp.Or(v.Name, criteriaText(v.Criteria)), v.RevokedTokens, v.RevokedGrants, v.CreatedAt, v.DoneAt}
		},
	},
	details: func(w io.Writer, v admin.Revocation) {
		details(w, "id", v.ID, "of", string(v.Of), "name", v.Name, "criteria", criteriaText(v.Criteria), "issued_before", v.IssuedBefore, "revoked_tokens", v.RevokedTokens,
			"revoked_grants", v.RevokedGrants, "created_at", v.CreatedAt, "marked_until", v.MarkedUntil, "done_at", v.DoneAt)
	},
}

// criteriaText writes criteria in a line, as flags have them.
func criteriaText(k *admin.Criteria) string {
	if k == nil {
		return ""
	}
	var parts []string
	if k.GrantID != 0 {
		parts = append(parts, "grant="+strconv.FormatInt(k.GrantID, 10))
	}
	for _, c := range [][2]string{
		{"user", k.User}, {"client", k.Client}, {"api", k.API}, {"key", k.KID}, {"role", k.Role}, {"state", string(k.State)}, {"issued-since", instant(k.IssuedSince)},
	} {
		if c[1] != "" {
			parts = append(parts, c[0]+"="+c[1])
		}
	}
	return strings.Join(parts, " ")
}

func (a *app) revocationCommand() *cobra.Command {
	var pending bool
	var search string
	list := &cobra.Command{
		Use:     "list",
		Short:   revocations.summary("list"),
		Example: "  signet revocation list --pending --watch\n  signet revocation list --search alice",
		Args:    cobra.NoArgs,
	}
	list.Flags().BoolVar(&pending, "pending", false, "those alone whose tokens are not all marked")
	searchFlag(list, &search, "name of what they are of, or of what their criteria name,")
	a.watched(list, newestFirst, func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
		query := url.Values{"search": {search}}
		if pending {
			query.Set("done", "false")
		}
		found, err := all[admin.Revocation](ctx, c, "revocation.list", 0, query)
		return revocations.table(found), err
	})
	return noun("revocation", "See how far revocations have come (signet token revoke begins one)", list, revocations.showCommand(a))
}
