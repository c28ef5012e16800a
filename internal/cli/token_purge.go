package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/server"
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
expired tokens are dropped with their partition, which is not counted. It may be interrupted and run again.`,
		Example: "  signet token purge",
		Args:    cobra.NoArgs,
		RunE: a.manage(func(ctx context.Context, s *server.Services, _ []string) (view, error) {
			purged, err := s.Index.Purge(ctx)
			return answer(purgedView{purged}), err
		}),
	}
}
