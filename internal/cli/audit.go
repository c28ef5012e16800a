package cli

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/server"
)

type eventView struct {
	Seq     int64           `json:"seq"`
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`
	Action  string          `json:"action"`
	Target  string          `json:"target"`
	Details json.RawMessage `json:"details"`
	Hash    string          `json:"hash"` // SHA-256 in hex, over the event and the hash before it
}

func viewEvent(e domain.Event) eventView {
	return eventView{
		Seq: e.Seq, At: e.At, Actor: e.Actor, Action: e.Action, Target: e.Target,
		Details: json.RawMessage(e.Details), Hash: hex.EncodeToString(e.Hash),
	}
}

var events = layout[eventView]{
	[]string{"SEQ", "AT", "ACTOR", "ACTION", "TARGET", "DETAILS"},
	func(v eventView) []any { return []any{v.Seq, v.At, v.Actor, v.Action, v.Target, string(v.Details)} },
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
		RunE: a.manage(func(ctx context.Context, s *server.Services, _ []string) (view, error) {
			list, err := collect(after, limit, func(after int64, limit int) ([]domain.Event, error) {
				return s.Audit.List(ctx, after, limit)
			}, func(e domain.Event) int64 { return e.Seq })
			return events.table(viewed(list, viewEvent)), err
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
		RunE: a.manage(func(ctx context.Context, s *server.Services, _ []string) (view, error) {
			last, err := s.Audit.Verify(ctx)
			return answer(verifiedView{last.Seq, hex.EncodeToString(last.Hash)}), err
		}),
	}
}
