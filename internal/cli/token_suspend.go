package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

func (a *app) tokenSuspend() *cobra.Command {
	return &cobra.Command{
		Use:   "suspend JTI...",
		Short: "Suspend tokens until they are resumed",
		Long: `Suspends tokens: they are inactive at every server on this database when the command returns, and suspended in their
status lists, until they are resumed.`,
		Example: "  signet token suspend AZk2yFLxQmWn0p3sVb7hTQ",
		Args:    cobra.MinimumNArgs(1),
		RunE:    a.eachToken("suspended", (*admin.Service).SuspendToken),
	}
}

func (a *app) tokenResume() *cobra.Command {
	return &cobra.Command{
		Use:     "resume JTI...",
		Short:   "Resume suspended tokens",
		Long:    "Makes suspended tokens active again. A revoked token stays revoked.",
		Example: "  signet token resume AZk2yFLxQmWn0p3sVb7hTQ",
		Args:    cobra.MinimumNArgs(1),
		RunE:    a.eachToken("resumed", (*admin.Service).ResumeToken),
	}
}

// eachToken makes the RunE of a command that runs an operation on tokens, one after the other.
func (a *app) eachToken(
	action string, do func(s *admin.Service, ctx context.Context, caller authn.Caller, id domain.TokenID) error,
) runE {
	return a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, args []string) (view, error) {
		ids, err := parseTokenIDs(args)
		if err != nil {
			return view{}, err
		}
		var all doneList
		for _, id := range ids {
			if err := do(s, ctx, caller, id); err != nil {
				return view{}, err
			}
			all = append(all, done{action, "token", id.String()})
		}
		return answer(all), nil
	})
}
