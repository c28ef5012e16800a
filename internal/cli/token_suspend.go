package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/adminclient"
)

func (a *app) tokenSuspend() *cobra.Command {
	return &cobra.Command{
		Use:   "suspend JTI...",
		Short: "Suspend tokens until they are resumed",
		Long: `Suspends tokens: they are inactive at every server on this database when the command returns, and suspended in their
status lists, until they are resumed.`,
		Example: "  signet token suspend AZk2yFLxQmWn0p3sVb7hTQ",
		Args:    cobra.MinimumNArgs(1),
		RunE:    a.eachToken("suspended", "token.suspend"),
	}
}

func (a *app) tokenResume() *cobra.Command {
	return &cobra.Command{
		Use:     "resume JTI...",
		Short:   "Resume suspended tokens",
		Long:    "Makes suspended tokens active again. A revoked token stays revoked.",
		Example: "  signet token resume AZk2yFLxQmWn0p3sVb7hTQ",
		Args:    cobra.MinimumNArgs(1),
		RunE:    a.eachToken("resumed", "token.resume"),
	}
}

// eachToken makes the RunE of a command that runs an operation on tokens, one after the other.
func (a *app) eachToken(action, operation string) runE {
	return a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		ids, err := parseTokenIDs(args)
		if err != nil {
			return view{}, err
		}
		var all doneList
		for _, id := range ids {
			if err := act(ctx, c, operation, id.String()); err != nil {
				return view{}, err
			}
			all = append(all, done{action, "token", id.String()})
		}
		return answer(all), nil
	})
}
