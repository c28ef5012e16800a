package cli

import (
	"cmp"
	"context"
	"slices"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/index"
	"github.com/spf13/cobra"
)

const listedTokens = 100

var tokens = layout[admin.Token]{
	[]string{"JTI", "KIND", "SUBJECT", "CLIENT_ID", "AUDIENCE", "ISSUED", "EXPIRES", "STATUS"},
	func(v admin.Token) []any {
		return []any{v.ID, v.Kind, cmp.Or(v.Username, v.Subject), v.ClientID, v.Audience, v.IssuedAt, v.ExpiresAt, v.Status}
	},
}

func (a *app) tokenCommand() *cobra.Command {
	return noun("token", "List, inspect, revoke and suspend tokens",
		a.tokenList(), a.tokenInspect(), a.tokenRevoke(), a.tokenPurge(), a.tokenSuspend(), a.tokenResume())
}

func (a *app) tokenList() *cobra.Command {
	var names index.Names
	var filter domain.TokenFilter
	var state, after string
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List issued tokens, the newest first",
		Long: `Lists the index of issued tokens, the newest first. Tokens that expired a while ago are not in it any more.
To see the next page, pass the JTI of the last one with --after.`,
		Example: `  signet token list --user alice --state live
  signet token list --api https://orders.example --issued-since 2026-11-01 --issued-before 2026-11-02
  signet token list --client reporting --limit 1000 -o json`,
		Args: cobra.NoArgs,
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, _ []string) (view, error) {
			if filter.State = domain.TokenState(state); state != "" && !slices.Contains(domain.TokenStates, filter.State) {
				return view{}, usagef("--state %q is none of %v", state, domain.TokenStates)
			}
			if after != "" {
				ids, err := parseTokenIDs([]string{after})
				if err != nil {
					return view{}, err
				}
				filter.Before = ids[0]
			}
			list, err := listTokens(ctx, s, caller, names, filter, limit)
			return tokens.table(list), err
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&names.User, "user", "", "those of the user `NAME`")
	flags.StringVar(&names.Client, "client", "", "those of the client `CLIENT_ID`")
	flags.StringVar(&names.API, "api", "", "those for the API `AUDIENCE`")
	flags.StringVar(&state, "state", "", "those that are `STATE`: live, suspended, expired or revoked")
	instantFlag(flags, &filter.IssuedSince, "issued-since", "those issued at `TIME` (2026-11-01 or 2026-11-01T12:00:00Z) or later")
	instantFlag(flags, &filter.IssuedBefore, "issued-before", "those issued before `TIME`")
	flags.StringVar(&after, "after", "", "those after the token `JTI` in this order")
	flags.IntVar(&limit, "limit", listedTokens, "show at most `N`; 0 for all")
	return cmd
}

// listTokens reads page by page until there are as many as the limit, 0: all.
func listTokens(
	ctx context.Context, s *admin.Service, caller authn.Caller, names index.Names, filter domain.TokenFilter, limit int,
) (all []admin.Token, err error) {
	if limit < 0 {
		return nil, usagef("--limit must not be negative")
	}
	for {
		filter.Limit = pageSize
		if limit > 0 {
			filter.Limit = min(pageSize, limit-len(all))
		}
		page, next, err := s.ListTokens(ctx, caller, names, filter)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == (domain.TokenID{}) || limit > 0 && len(all) == limit {
			return all, nil
		}
		filter.Before = next
	}
}
