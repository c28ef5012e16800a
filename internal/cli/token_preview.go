package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/token"
)

type previewView admin.TokenPreview

func (v previewView) text(w io.Writer) {
	if claims, err := json.MarshalIndent(v.Claims, "", "  "); err == nil {
		fmt.Fprintln(w, string(claims))
	}
	fmt.Fprintf(w, "%d bytes, at most %d\n", v.Size, v.Limit)
	if v.Large {
		fmt.Fprintln(w, "some servers refuse headers of more than 4,096 bytes")
	}
	var rows [][]any
	for _, e := range v.Entitlements {
		var through []string
		for _, held := range e.Through {
			name := held.Role
			if held.Group != "" {
				name += "@" + held.Group
			}
			through = append(through, name)
		}
		rows = append(rows, []any{e.Permission, e.Reason, through})
	}
	writeTable(w, []string{"PERMISSION", "REASON", "THROUGH"}, rows)
}

func (a *app) tokenPreview() *cobra.Command {
	var body adminapi.NewTokenPreview
	var scope string
	cmd := &cobra.Command{
		Use:   "preview",
		Short: "Show the access token that a client would get now, and why it says what it says",
		Long: `Shows the token as it would be issued now, by the same code, without issuing it. Of a user it is as if they had
signed in now and agreed to the scopes. Roles that give a permission through a group are shown as ROLE@GROUP.`,
		Example: `  signet token preview --client reporting
  signet token preview --client shop --user alice --scope orders:read --api https://orders.example`,
		Args: cobra.NoArgs,
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
			body.Scopes = token.SplitScopes(scope)
			preview, err := call[admin.TokenPreview](ctx, c, "token.preview", body)
			return answer(previewView(preview)), err
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&body.Client, "client", "", "the client `CLIENT_ID`")
	flags.StringVar(&body.User, "user", "", "for the user `NAME` (default: the client acts for itself)")
	flags.StringVar(&body.API, "api", "", "for the API `AUDIENCE` (default: the client's default or only one)")
	flags.StringVar(&scope, "scope", "", "the `SCOPES` that are asked for (default for the client itself: all that it may)")
	_ = cmd.MarkFlagRequired("client") // the flag exists
	return cmd
}
