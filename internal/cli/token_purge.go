package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/server"
	"github.com/spf13/cobra"
)

// purgedView is the number of deleted rows.
type purgedView struct {
	PurgedRows int64    `json:"purged_rows"`
	Warnings   []string `json:"warnings,omitempty"`
}

func (v purgedView) text(w io.Writer) { fmt.Fprintf(w, "purged %d rows\n", v.PurgedRows) }

func (a *app) tokenPurge() *cobra.Command {
	return &cobra.Command{
		Use:   "purge",
		Short: "Delete what expired more than an hour ago",
		Long: `Deletes expired tokens, codes, grants, sessions and status lists, as every server does every few minutes. On Postgres
expired tokens are dropped with their partition, which is not counted. It may be interrupted and run again. It warns where this
machine's clock and the database's differ by more than a minute, goes by the earlier one, and refuses past five minutes.`,
		Example: "  signet token purge",
		Args:    cobra.NoArgs,
		RunE: a.withServices(func(ctx context.Context, s *server.Services, _ []string) (view, error) {
			caller, err := authn.OperatingSystemUser()
			if err != nil {
				return view{}, err
			}
			ahead, err := s.Clock.Ahead(ctx)
			if err != nil {
				return view{}, err
			}
			var v purgedView
			if ahead.Abs() > clock.Tolerance {
				v.Warnings = []string{fmt.Sprintf("This machine's clock and the database's differ by %v: set them. "+
					"What has expired by one of them alone is kept.", ahead.Abs().Round(time.Second))}
			}
			a.warn(v.Warnings)
			v.PurgedRows, err = s.Admin.PurgeTokens(ctx, caller)
			return answer(v), err
		}),
	}
}
