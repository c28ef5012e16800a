package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
)

// inspectionView is what is known about a token.
type inspectionView admin.Inspection

func (v inspectionView) text(w io.Writer) {
	verdict := "ACTIVE: introspection accepts this token"
	if !v.Active {
		verdict = "NOT ACTIVE: " + v.Reason
	}
	fmt.Fprintln(w, verdict)
	if v.Encrypted {
		fmt.Fprintln(w, "It is encrypted to its API; this is what is inside")
	}
	fmt.Fprintf(w, "\nheader %s\nclaims %s\n", indented(v.Header), indented(v.Claims))
	if v.Index != nil {
		fmt.Fprintln(w, "\nindex")
		details(w, "  status", v.Index.Status, "  username", v.Index.Username, "  client_id", v.Index.ClientID,
			"  grant_id", v.Index.GrantID, "  issued_at", v.Index.IssuedAt, "  expires_at", v.Index.ExpiresAt,
			"  revoked_at", v.Index.RevokedAt, "  suspended_at", v.Index.SuspendedAt)
	}
}

func indented(raw json.RawMessage) string {
	text, err := json.MarshalIndent(raw, "", "  ")
	if err != nil {
		return string(raw)
	}
	return string(text)
}

func (a *app) tokenInspect() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect [TOKEN]",
		Short: "Show what is in an access token and whether it is active",
		Long: `Reads an access token from stdin, or from the command line where others may see it. Shows header and claims,
whether a key of this server signed it, its entry in the index of issued tokens, and what introspection answers.`,
		Example: "  signet token inspect < token",
		Args:    cobra.MaximumNArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			if len(args) == 0 {
				text, err := a.readLine("token")
				if err != nil {
					return view{}, err
				}
				args = []string{text}
			}
			found, err := call[inspectionView](ctx, c, "token.inspect", members{"token": strings.TrimSpace(args[0])})
			return answer(found), err
		}),
	}
}
