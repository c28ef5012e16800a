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
	return noun("audit", "Read the audit log", a.auditList(), a.auditVerify(), a.auditCheckpoint(), a.auditErase())
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
	var checkpoints []string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that no event of the audit log was changed or removed",
		Long: `Checks the chain of hashes from the first event to the last, under a key that comes from the master key. Events that were removed
at the end are missed by the checkpoints that the server makes every hour. Who can write the database may remove these too; so the
server logs each of them: pass the latest with --checkpoint.`,
		Example: `  signet audit verify
  signet audit verify --checkpoint 7.1767225600000000.3q2-7w.3q2-7w`,
		Args: cobra.NoArgs,
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, _ []string) (view, error) {
			last, err := s.VerifyAudit(ctx, caller, checkpoints)
			return answer(verifiedView{last.Seq, last.Hash}), err
		}),
	}
	cmd.Flags().StringArrayVar(&checkpoints, "checkpoint", nil, "what was noted of the log earlier, as `TEXT`; may be repeated")
	return cmd
}

type checkpointView struct {
	Checkpoint string `json:"checkpoint"`
}

func (v checkpointView) text(w io.Writer) { fmt.Fprintln(w, v.Checkpoint) }

func (a *app) auditCheckpoint() *cobra.Command {
	return &cobra.Command{
		Use:     "checkpoint",
		Short:   "Print what the audit log is now, to be kept elsewhere",
		Long:    "Prints the number, time and hash of the last event, with a code that nobody can make without the master key.",
		Example: "  signet audit checkpoint -o json",
		Args:    cobra.NoArgs,
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, _ []string) (view, error) {
			text, err := s.Checkpoint(ctx, caller)
			return answer(checkpointView{text}), err
		}),
	}
}

type erasedView struct {
	ErasedEvents int `json:"erased_events"`
}

func (v erasedView) text(w io.Writer) {
	fmt.Fprintf(w, "erased %s\n", count(int64(v.ErasedEvents), "event"))
}

func (a *app) auditErase() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use:   "erase",
		Short: "Erase what the audit log says of a user",
		Long: `Erases who did what to whom from every event that names the user, who may have been deleted. What happened and when stays, and the
log can still be verified. It cannot be undone.`,
		Example: "  signet audit erase --user alice",
		Args:    cobra.NoArgs,
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, _ []string) (view, error) {
			n, err := s.EraseUser(ctx, caller, user)
			return answer(erasedView{n}), err
		}),
	}
	cmd.Flags().StringVar(&user, "user", "", "the user `NAME`")
	_ = cmd.MarkFlagRequired("user") // there is such a flag
	return cmd
}
