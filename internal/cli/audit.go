package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var events = layout[admin.Event]{
	[]string{"SEQ", "AT", "ACTOR", "ACTION", "TARGET", "DETAILS"},
	func(v admin.Event) []any { return []any{v.Seq, v.At, v.Actor, v.Action, v.Target, string(v.Details)} },
}

func (a *app) auditCommand() *cobra.Command {
	return noun("audit", "Read the audit log", a.auditList(), a.auditShow(), a.auditExport(), a.auditVerify(), a.auditCheckpoint(), a.auditErase())
}

// eventFlags choose events.
func eventFlags(flags *pflag.FlagSet) *domain.EventFilter {
	filter := new(domain.EventFilter)
	flags.StringVar(&filter.Actor, "actor", "", "those of what `ACTOR` did: user:alice, client:reporting, os:root or system")
	flags.StringVar(&filter.Action, "action", "", "those of `KIND`: user.create")
	flags.StringVar(&filter.Target, "target", "", "those about `OBJECT`: client:reporting")
	instantFlag(flags, &filter.Since, "since", "those of `TIME` (2026-11-01 or 2026-11-01T12:00:00Z) or later")
	instantFlag(flags, &filter.Before, "before", "those of before `TIME`")
	return filter
}

const listedEvents = 100

func (a *app) auditList() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what was changed, when and by whom, the newest first",
		Example: `  signet audit list --target user:alice --since 2026-11-01
  signet audit list --action session.start --limit 0 -o json`,
		Args: cobra.NoArgs,
	}
	filter := eventFlags(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", listedEvents, "show at most `N`; 0 for all")
	cmd.RunE = a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, _ []string) (view, error) {
		list, err := pages(admin.Query{}, limit, func(q admin.Query) (admin.Page[admin.Event], error) { return s.ListEvents(ctx, caller, *filter, q) })
		return events.table(list), err
	})
	return cmd
}

func (a *app) auditShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show SEQ",
		Short:   "Show an event, and what earlier ones say of the same",
		Example: "  signet audit show 17",
		Args:    cobra.ExactArgs(1),
		RunE: a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, args []string) (view, error) {
			seq, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil {
				return view{}, usagef("%q is not the SEQ of an event", args[0])
			}
			e, err := s.FindEvent(ctx, caller, seq)
			return view{e, func(w io.Writer) {
				details(w, "seq", e.Seq, "at", e.At, "actor", e.Actor, "action", e.Action, "target", e.Target, "details", string(e.Details), "hash", e.Hash)
				for _, name := range slices.Sorted(maps.Keys(e.Earlier)) {
					details(w, "earlier "+name, string(e.Earlier[name]))
				}
			}}, err
		}),
	}
}

func (a *app) auditExport() *cobra.Command {
	var after int64
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the audit log as JSON, one event in a line, the oldest first",
		Long: `Writes each event as a line of JSON while it is read, however long the log is. To go on later, pass the seq of the last line
with --after.`,
		Example: `  signet audit export --since 2026-11-01
  signet audit export --after 1000`,
		Args: cobra.NoArgs,
	}
	filter := eventFlags(cmd.Flags())
	cmd.Flags().Int64Var(&after, "after", 0, "those after this `SEQ`")
	cmd.RunE = a.manage(func(ctx context.Context, s *admin.Service, caller authn.Caller, _ []string) (view, error) {
		out := bufio.NewWriter(a.stdout)
		lines := json.NewEncoder(out)
		lines.SetEscapeHTML(false)
		err := s.ExportEvents(ctx, caller, *filter, after, func(events []admin.Event) error {
			for _, e := range events {
				if err := lines.Encode(e); err != nil {
					return err
				}
			}
			return out.Flush()
		})
		return view{}, err
	})
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
			last, err := s.VerifyAudit(ctx, caller, nil, checkpoints)
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
