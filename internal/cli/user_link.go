package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
)

type passwordLink admin.PasswordLink

func (v passwordLink) text(w io.Writer) {
	fmt.Fprintf(w, "%s\nGive it to the user: it sets a password once, until %s, and is not shown again.\n", v.URL, cell(v.ExpiresAt))
}

func (a *app) userLink() *cobra.Command {
	return users.command(a, "link", users.summary("link"), func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		link, err := call[passwordLink](ctx, c, "user.link", nil, args[0])
		return answer(link), err
	})
}
