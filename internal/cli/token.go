package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/domain"
)

const listedTokens = 100

var tokens = layout[admin.Token]{
	[]string{"JTI", "KIND", "SUBJECT", "CLIENT_ID", "AUDIENCE", "ISSUED", "EXPIRES", "STATUS"},
	func(v admin.Token) []any {
		return []any{v.ID, v.Kind, cmp.Or(v.Username, v.Subject), v.ClientID, v.Audience, v.IssuedAt, v.ExpiresAt, v.Status}
	},
}

func (a *app) tokenCommand() *cobra.Command {
	return noun("token", "List, count, inspect, revoke and suspend tokens",
		a.tokenList(), a.tokenCount(), a.tokenInspect(), a.tokenPreview(), a.tokenRevoke(), a.tokenPurge(), a.tokenSuspend(), a.tokenResume())
}

// tokenFilterFlags adds the flags that choose tokens, and returns how to read what they chose.
func tokenFilterFlags(flags *pflag.FlagSet) func() (url.Values, error) {
	var filter admin.TokenFilter
	var state string
	flags.StringVar(&filter.User, "user", "", "those of the user `NAME`")
	flags.StringVar(&filter.Client, "client", "", "those of the client `CLIENT_ID`")
	flags.StringVar(&filter.API, "api", "", "those for the API `AUDIENCE`")
	flags.StringVar(&filter.KID, "key", "", "those that the key `KID` signed")
	flags.StringVar(&filter.Role, "role", "", "those of users and clients that hold the role `ROLE` now")
	flags.Int64Var(&filter.GrantID, "grant", 0, "those of the grant `ID`")
	flags.StringVar(&state, "state", "", "those that are `STATE`: live, suspended, expired or revoked")
	instantFlag(flags, &filter.IssuedSince, "issued-since", "those issued at `TIME` (2026-11-01 or 2026-11-01T12:00:00Z) or later")
	instantFlag(flags, &filter.IssuedBefore, "issued-before", "those issued before `TIME`")
	flags.StringVar(&filter.Search, "search", "", "those with a jti that begins with `TEXT`")
	return func() (url.Values, error) {
		if state != "" && !slices.Contains(domain.TokenStates, domain.TokenState(state)) {
			return nil, usagef("--state %q is none of %v", state, domain.TokenStates)
		}
		query := url.Values{
			"user": {filter.User}, "client": {filter.Client}, "api": {filter.API}, "kid": {filter.KID}, "role": {filter.Role}, "state": {state}, "search": {filter.Search},
			"issued_since": {instant(filter.IssuedSince)}, "issued_before": {instant(filter.IssuedBefore)},
		}
		if filter.GrantID != 0 {
			query.Set("grant_id", strconv.FormatInt(filter.GrantID, 10))
		}
		return query, nil
	}
}

func (a *app) tokenList() *cobra.Command {
	var filter func() (url.Values, error)
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List issued tokens, the newest first",
		Long: `Lists the index of issued tokens, the newest first. Tokens that expired a while ago are not in it any more.
Signed by a key, of a grant and of who holds a role, tokens are looked for one by one: name their user too.`,
		Example: `  signet token list --user alice --state live
  signet token list --api https://orders.example --issued-since 2026-11-01 --issued-before 2026-11-02
  signet token list --client reporting --limit 1000 -o json
  signet token list --client reporting --watch`,
		Args: cobra.NoArgs,
	}
	filter = tokenFilterFlags(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", listedTokens, "show at most `N`; 0 for all")
	return a.watched(cmd, newestFirst, func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
		chosen, err := filter()
		if err != nil {
			return view{}, err
		}
		list, err := all[admin.Token](ctx, c, "token.list", limit, chosen)
		return tokens.table(list), err
	})
}

// countView is a number of tokens.
type countView admin.Count

func (v countView) text(w io.Writer) {
	if v.More {
		fmt.Fprint(w, "at least ")
	}
	fmt.Fprintln(w, count(int64(v.Count), "token"))
}

func (a *app) tokenCount() *cobra.Command {
	var filter func() (url.Values, error)
	cmd := &cobra.Command{
		Use:     "count",
		Short:   "Count issued tokens, up to 10,000",
		Example: "  signet token count --user alice --state live",
		Args:    cobra.NoArgs,
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
			chosen, err := filter()
			if err != nil {
				return view{}, err
			}
			var n countView
			_, err = c.Call(ctx, adminclient.Request{Operation: "token.count", Query: chosen}, &n)
			return answer(n), err
		}),
	}
	filter = tokenFilterFlags(cmd.Flags())
	return cmd
}
