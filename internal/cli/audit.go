package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/spf13/cobra"
)

var events = layout[admin.Event]{
	[]string{"SEQ", "AT", "ACTOR", "ACTION", "TARGET", "DETAILS"},
	func(v admin.Event) []any { return []any{v.Seq, v.At, v.Actor, v.Action, v.Target, string(v.Details)} },
}

func (a *app) auditCommand() *cobra.Command {
	return noun("audit", "Read the audit log", a.auditList(), a.auditVerify())
}

func (a *app) auditList() *cobra.Command {
	var after int64
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List what was changed, when and by whom, the oldest first",
		Example: "  signet audit list --after 1000 -o json",
		Args:    cobra.NoArgs,
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, _ []string) (view, error) {
			list, err := collect(after, limit, func(after int64, limit int) ([]admin.Event, error) {
				return s.ListEvents(ctx, caller, after, limit)
			}, func(e admin.Event) int64 { return e.Seq })
			return events.table(list), err
		}),
	}
	cmd.Flags().Int64Var(&after, "after", 0, "show those after this `SEQ`")
	cmd.Flags().IntVar(&limit, "limit", 0, "show at most `N` (default all)")
	return cmd
}

// verifiedView is the end of a log that was found intact.
type verifiedView struct {
	Events int64  `json:"events"`
	Hash   string `json:"hash,omitempty"` // of the last event
}

func (v verifiedView) text(w io.Writer) {
	fmt.Fprintf(w, "the audit log is whole: %d events\n", v.Events)
	details(w, "hash", v.Hash)
}

func (a *app) auditVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check that no event of the audit log was changed or removed",
		Long: `Checks the chain of hashes from the first event to the last. It cannot detect that events were removed at the end:
note the last hash elsewhere, and look it up in the log later.`,
		Example: "  signet audit verify",
		Args:    cobra.NoArgs,
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, _ []string) (view, error) {
			last, err := s.VerifyAudit(ctx, caller)
			return answer(verifiedView{last.Seq, last.Hash}), err
		}),
	}
}
