package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
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

func eventQuery(f domain.EventFilter) url.Values {
	return url.Values{"actor": {f.Actor}, "action": {f.Action}, "target": {f.Target}, "since": {instant(f.Since)}, "before": {instant(f.Before)}}
}

const listedEvents = 100

func (a *app) auditList() *cobra.Command {
	var limit int
	var search string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what was changed, when and by whom, the newest first",
		Long: `Lists the audit log, the newest events first. With --search events are in the order of the names that were found: first what happened to
objects that are called so, then what others did that are called so.`,
		Example: `  signet audit list --target user:alice --since 2026-11-01
  signet audit list --search alice
  signet audit list --action session.start --limit 0 -o json
  signet audit list --limit 10 --watch`,
		Args: cobra.NoArgs,
	}
	filter := eventFlags(cmd.Flags())
	cmd.Flags().IntVar(&limit, "limit", listedEvents, "show at most `N`; 0 for all")
	searchFlag(cmd, &search, "target's or actor's name, without its kind,")
	var seen []admin.Event // the newest first
	a.watched(cmd, newestFirst, func(ctx context.Context, c *adminclient.Client, _ []string) (_ view, err error) {
		if len(seen) == 0 {
			query := eventQuery(*filter)
			query.Set("search", search)
			seen, err = all[admin.Event](ctx, c, "audit.list", limit, query)
			return events.table(seen), err
		}
		later, err := eventsAfter(ctx, c, seen[0].Seq, *filter)
		if err != nil {
			return view{}, err
		}
		if seen = append(later, seen...); limit > 0 {
			seen = seen[:min(len(seen), max(limit, len(later)))]
		}
		return events.table(seen), nil
	})
	cmd.MarkFlagsMutuallyExclusive("search", "watch")
	return cmd
}

// maxLater bounds how many events are read at once; the next look goes on after them.
const maxLater = 10_000

// eventsAfter are the events after one, the newest first.
func eventsAfter(ctx context.Context, c *adminclient.Client, seq int64, filter domain.EventFilter) (later []admin.Event, err error) {
	query := eventQuery(filter)
	query.Set("after", strconv.FormatInt(seq, 10))
	lines, err := c.Stream(ctx, adminclient.Request{Operation: "audit.export", Query: query})
	if err != nil {
		return nil, err
	}
	defer func() { _ = lines.Close() }()
	decoder := json.NewDecoder(lines)
	for len(later) < maxLater {
		var e admin.Event
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("read the events: %w", err)
		}
		later = append(later, e)
	}
	slices.Reverse(later)
	return later, nil
}

func (a *app) auditShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show SEQ",
		Short:   "Show an event, and what earlier ones say of the same",
		Example: "  signet audit show 17",
		Args:    cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			if _, err := strconv.ParseUint(args[0], 10, 63); err != nil {
				return view{}, usagef("%q is not the SEQ of an event", args[0])
			}
			e, err := call[admin.FoundEvent](ctx, c, "audit.find", nil, args[0])
			return view{e, func(w io.Writer) {
				details(w, "seq", e.Seq, "at", e.At, "actor", e.Actor, "action", e.Action, "target", e.Target, "details", string(e.Details), "request", e.RequestID, "hash", e.Hash)
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
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
		query := eventQuery(*filter)
		if after != 0 {
			query.Set("after", strconv.FormatInt(after, 10))
		}
		lines, err := c.Stream(ctx, adminclient.Request{Operation: "audit.export", Query: query})
		if err != nil {
			return view{}, err
		}
		defer func() { _ = lines.Close() }()
		_, err = io.Copy(a.stdout, lines)
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
	fmt.Fprintf(w, "the audit log is whole up to event %d\n", v.Events)
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
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
			made, err := call[checkpointView](ctx, c, "audit.checkpoint", nil)
			return answer(made), err
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
		Long: `Erases who did what to whom from every event that names a user who was deleted. What happened and when stays, and the log can
still be verified. It cannot be undone.`,
		Example: "  signet audit erase --user alice",
		Args:    cobra.NoArgs,
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
			erased, err := call[erasedView](ctx, c, "audit.erase", members{"user": user})
			return answer(erased), err
		}),
	}
	cmd.Flags().StringVar(&user, "user", "", "the user `NAME`")
	_ = cmd.MarkFlagRequired("user") // there is such a flag
	return cmd
}
