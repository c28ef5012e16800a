package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/spf13/cobra"
)

// purgedView is the number of deleted rows.
type purgedView struct {
	PurgedRows int64 `json:"purged_rows"`
}

func (v purgedView) text(w io.Writer) { fmt.Fprintf(w, "purged %d rows\n", v.PurgedRows) }

func (a *app) tokenPurge() *cobra.Command {
	return &cobra.Command{
		Use:   "purge",
		Short: "Delete what expired more than an hour ago",
		Long: `Deletes expired tokens, codes, grants, sessions and status lists, as every server does every few minutes. On Postgres
expired tokens are dropped with their partition, which is not counted. It may be interrupted and run again. It refuses where this
machine's clock and the database's differ by more than five minutes.`,
		Example: "  signet token purge",
		Args:    cobra.NoArgs,
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, _ []string) (view, error) {
			purged, err := s.PurgeTokens(ctx, caller)
			return answer(purgedView{purged}), err
		}),
	}
}
