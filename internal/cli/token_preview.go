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
	if v.Refused != "" {
		fmt.Fprintln(w, "not issued:", v.Refused)
	}
	writePreview(w, v.PreviewedToken)
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
	if v.IDToken != nil {
		fmt.Fprintln(w, "\nID token")
		writePreview(w, *v.IDToken)
	}
	if v.Userinfo != nil {
		fmt.Fprintln(w, "\nuserinfo")
		writeClaims(w, v.Userinfo)
	}
}

func writePreview(w io.Writer, t admin.PreviewedToken) {
	writeClaims(w, t.Claims)
	fmt.Fprintf(w, "%d bytes, at most %d\n", t.Size, t.Limit)
	if t.Encrypted {
		fmt.Fprintln(w, "encrypted as a whole to the API")
	}
	if len(t.EncryptedClaims) > 0 {
		hidden, err := json.MarshalIndent(t.EncryptedClaims, "", "  ")
		if err != nil {
			panic(err) // it was read from JSON
		}
		fmt.Fprintf(w, "encrypted claims %s\n", hidden)
	}
	if t.Large {
		fmt.Fprintln(w, "some servers refuse headers of more than 4,096 bytes")
	}
	if len(t.LeftOut) > 0 {
		fmt.Fprintln(w, "left out, as their expressions fail:", cell(t.LeftOut))
	}
}

func writeClaims(w io.Writer, claims map[string]any) {
	if text, err := json.MarshalIndent(claims, "", "  "); err == nil {
		fmt.Fprintln(w, string(text))
	}
}

func (a *app) tokenPreview() *cobra.Command {
	var body adminapi.NewTokenPreview
	var scope string
	cmd := &cobra.Command{
		Use:   "preview",
		Short: "Show the tokens that a client would get now, and why they say what they say",
		Long: `Shows the access token as it would be issued now, by the same code, without issuing it, and with openid among the
scopes the ID token and what userinfo answers. Of a user it is as if they had signed in now and agreed to the scopes. Roles that give a permission through a group are shown as ROLE@GROUP.`,
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
	flags.StringVar(&body.API, "api", "", "for the API `AUDIENCE` (default: the one that the token endpoint takes)")
	flags.StringVar(&scope, "scope", "", "the `SCOPES` that are asked for (default for the client itself: all that it may)")
	_ = cmd.MarkFlagRequired("client") // the flag exists
	return cmd
}
