package cli

import (
	"context"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
)

var (
	consents = layout[admin.Consent]{
		[]string{"CLIENT_ID", "AUDIENCE", "SCOPES", "GRANTED"},
		func(v admin.Consent) []any { return []any{v.ClientID, v.Audience, v.Scopes, v.GrantedAt} },
	}
	grants = layout[admin.Grant]{
		[]string{"ID", "CLIENT_ID", "APIS", "CREATED", "LAST USED", "EXPIRES"},
		func(v admin.Grant) []any {
			var apis []string
			for _, api := range v.APIs {
				apis = append(apis, api.Audience)
			}
			return []any{v.ID, v.ClientID, apis, v.CreatedAt, v.LastUsedAt, v.ExpiresAt}
		},
	}
	credentials = layout[admin.Credential]{
		[]string{"ID", "KIND", "CREATED", "SET", "LAST USED"},
		func(v admin.Credential) []any { return []any{v.ID, v.Kind, v.CreatedAt, v.UpdatedAt, v.LastUsedAt} },
	}
)

func (a *app) consentCommand() *cobra.Command {
	var search string
	list := users.command(a, "list", admin.OperationOf("consent.list").Summary, func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		all, err := all[admin.Consent](ctx, c, "consent.list", 0, url.Values{"search": {search}}, args[0])
		return consents.table(all), err
	})
	list.Example = "  signet consent list alice\n  signet consent list alice --search shop"
	searchFlag(list, &search, "CLIENT_ID, client's name or audience")
	return noun("consent", "See what users allowed clients, and take it back", list, &cobra.Command{
		Use:     "withdraw NAME CLIENT_ID",
		Short:   admin.OperationOf("consent.withdraw").Summary,
		Example: "  signet consent withdraw alice shop",
		Args:    cobra.ExactArgs(2),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			return answer(done{"withdrawn", "consent to", args[1]}), act(ctx, c, "consent.withdraw", args[0], args[1])
		}),
	})
}

func (a *app) grantCommand() *cobra.Command {
	var client, search string
	list := users.command(a, "list", admin.OperationOf("grant.list").Summary, func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		list, err := all[admin.Grant](ctx, c, "grant.list", 0, url.Values{"client": {client}, "search": {search}}, args[0])
		return grants.table(list), err
	})
	list.Example = "  signet grant list alice\n  signet grant list alice --client shop"
	list.Flags().StringVar(&client, "client", "", "show those of the client `CLIENT_ID`")
	searchFlag(list, &search, "CLIENT_ID, client's name or SID")
	return noun("grant", "See what clients may get tokens for (signet token revoke --grant ends one)", list)
}

func (a *app) credentialCommand() *cobra.Command {
	list := users.command(a, "list", admin.OperationOf("credential.list").Summary, func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		all, err := few[admin.Credential](ctx, c, "credential.list", args[0])
		return credentials.table(all), err
	})
	list.Example = "  signet credential list alice"
	return noun("credential", "See what users sign in with, and remove it", list, &cobra.Command{
		Use:     "remove NAME ID",
		Short:   admin.OperationOf("credential.remove").Summary,
		Example: "  signet credential remove alice 7",
		Args:    cobra.ExactArgs(2),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			if _, err := strconv.ParseInt(args[1], 10, 64); err != nil {
				return view{}, usagef("ID %q is no number", args[1])
			}
			return answer(done{"removed", "credential", args[1]}), act(ctx, c, "credential.remove", args[0], args[1])
		}),
	})
}
