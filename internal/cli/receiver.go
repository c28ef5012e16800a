package cli

import (
	"context"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/domain"
)

var receivers = kind[admin.Receiver]{
	noun: "receiver", key: "CLIENT_ID", example: "orders", watched: true,
	layout: layout[admin.Receiver]{
		[]string{"CLIENT_ID", "METHOD", "ENDPOINT", "EVENTS", "ACKNOWLEDGED", "FAILURES", "PAUSED"},
		func(v admin.Receiver) []any {
			return []any{v.ClientID, v.Method, v.Endpoint, v.Events, v.Acknowledged, v.Failures, v.PausedAt}
		},
	},
	details: func(w io.Writer, v admin.Receiver) {
		details(w, "client_id", v.ClientID, "description", v.Description, "method", v.Method, "endpoint", v.Endpoint, "has_bearer_token", v.HasBearer,
			"allow_private", v.AllowPrivate, "events", v.Events, "acknowledged_seq", v.Acknowledged, "waiting_since", v.WaitingSince, "missed_seq", v.Missed, "failures", v.Failures,
			"next_attempt_at", v.NextAttemptAt, "last_error", v.LastError, "status", v.Status, "status_reason", v.StatusReason, "paused_at", v.PausedAt, "managed_by", v.ManagedBy, "created_at", v.CreatedAt)
		showVerification(w, "verification ", v.Verification)
	},
}

func (a *app) receiverCommand() *cobra.Command {
	return noun("receiver", "Manage receivers of Security Event Tokens about revocations and changes",
		a.receiverCreate(), receivers.listCommand(a), receivers.showCommand(a), a.receiverUpdate(),
		a.receiverRotateBearer(), a.receiverVerify(),
		receivers.change(a, "pause"),
		receivers.change(a, "resume"),
		receivers.change(a, "delete"))
}

func (a *app) receiverCreate() *cobra.Command {
	var poll, bearer bool
	r := adminapi.NewReceiver{}
	cmd := &cobra.Command{
		Use:   "create CLIENT_ID {--poll | --push URL}",
		Short: "Send a service events about revocations and changes",
		Long: `Makes a client that serves an API a receiver of security events (RFC 8417, CAEP): events are sent when a token, user or client
is revoked, when accounts and credentials change, and when roles, groups or permissions do, from now on; each is repeated until it is
acknowledged, for as long as events.retention says. It hears only of users and clients that had a token or a grant for an API which it serves,
or that it added to its stream by itself (Shared Signals Framework 1.0, see docs/operations/events.md).
With --poll it fetches them at /events/poll (RFC 8936), with its client_id and client_secret. With --push Signet posts them to its URL (RFC 8935).`,
		Example: `  signet receiver create orders --poll
  signet receiver create orders --push https://orders.example/events --bearer-stdin < token
  signet receiver create orders --push https://orders.internal/events --allow-private --event session-revoked`,
		Args: cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			r.ClientID, r.Method = args[0], domain.DeliveryPush
			if poll {
				r.Method = domain.DeliveryPoll
			}
			var err error
			if r.Bearer, err = a.readIf(bearer, "bearer token"); err != nil {
				return view{}, err
			}
			created, err := call[admin.Receiver](ctx, c, "receiver.create", r)
			return receivers.show(created), err
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&r.Description, "description", "", "say in `TEXT` what it is")
	flags.BoolVar(&poll, "poll", false, "it fetches its events")
	flags.StringVar(&r.Endpoint, "push", "", "post its events to this `URL`: https, or http for loopback")
	flags.BoolVar(&bearer, "bearer-stdin", false, "read the bearer token that is sent with events from stdin")
	flags.BoolVar(&r.AllowPrivate, "allow-private", false, "the URL may lead to a private or loopback address")
	flags.StringArrayVar(&r.Events, "event", nil, "only events of this `TYPE`: "+strings.Join(domain.SecurityEvents, " or ")+"; may be repeated")
	cmd.MarkFlagsOneRequired("poll", "push")
	for _, flag := range []string{"push", "bearer-stdin", "allow-private"} {
		cmd.MarkFlagsMutuallyExclusive("poll", flag)
	}
	return cmd
}

func (a *app) receiverUpdate() *cobra.Command {
	var description, endpoint string
	var poll, bearer, noBearer, allowPrivate bool
	var add, remove []string
	cmd := &cobra.Command{
		Use:   "update CLIENT_ID",
		Short: receivers.summary("update"),
		Long: `Changes what the flags name and leaves the rest: --event adds a type of events, --remove-event takes one away. Another scheme, host or port
of the URL takes the bearer token away, unless --bearer-stdin gives one.`,
		Example: `  signet receiver update orders --push https://orders.example/events --bearer-stdin < token
  signet receiver update orders --remove-event session-revoked
  signet receiver update orders --poll`,
		Args: cobra.ExactArgs(1),
	}
	flags := cmd.Flags()
	flags.StringVar(&description, "description", "", "say in `TEXT` what it is")
	flags.BoolVar(&poll, "poll", false, "it fetches its events")
	flags.StringVar(&endpoint, "push", "", "post its events to this `URL`: https, or http for loopback")
	flags.BoolVar(&bearer, "bearer-stdin", false, "read the bearer token that is sent with events from stdin")
	flags.BoolVar(&noBearer, "no-bearer", false, "send no bearer token with events")
	flags.BoolVar(&allowPrivate, "allow-private", false, "the URL may lead to a private or loopback address")
	types := strings.Join(domain.SecurityEvents, " or ")
	flags.StringArrayVar(&add, "event", nil, "also events of this `TYPE`: "+types+"; may be repeated")
	flags.StringArrayVar(&remove, "remove-event", nil, "no events of this `TYPE`; may be repeated")
	for _, flag := range []string{"push", "bearer-stdin", "no-bearer", "allow-private"} {
		cmd.MarkFlagsMutuallyExclusive("poll", flag)
	}
	cmd.MarkFlagsMutuallyExclusive("bearer-stdin", "no-bearer")
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		token, err := a.readIf(bearer, "bearer token")
		if err != nil {
			return view{}, err
		}
		updated, err := change(ctx, c, "receiver.update", args[0], func(now admin.Receiver) (any, error) {
			var changes adminapi.ReceiverChanges
			method, none, no := domain.DeliveryPush, "", false
			switch {
			case poll:
				method = domain.DeliveryPoll
				changes.Method, changes.Endpoint, changes.Bearer, changes.AllowPrivate = &method, &none, &none, &no
			case flags.Changed("push"):
				changes.Method, changes.Endpoint = &method, &endpoint
			}
			if flags.Changed("description") {
				changes.Description = &description
			}
			if flags.Changed("allow-private") {
				changes.AllowPrivate = &allowPrivate
			}
			if bearer || noBearer {
				changes.Bearer = &token
			}
			changes.Events, err = edited(now.Events, remove, add, func(now, remove, add []string) ([]string, error) {
				return edit("event", now, remove, add)
			})
			return changes, err
		})
		return receivers.show(updated), err
	})
	return cmd
}

// bearerView is a new bearer token.
type bearerView adminapi.BearerToken

func (v bearerView) text(w io.Writer) { details(w, "bearer_token", v.Bearer) }

func (a *app) receiverRotateBearer() *cobra.Command {
	return receivers.command(a, "rotate-bearer", receivers.summary("rotate_bearer"), func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		made, err := call[bearerView](ctx, c, "receiver.rotate_bearer", nil, args[0])
		if err == nil {
			a.note("Keep the bearer_token: it is not shown again.")
		}
		return answer(made), err
	})
}

// verificationView is a verification event.
type verificationView admin.Verification

func (v verificationView) text(w io.Writer) { showVerification(w, "", admin.Verification(v)) }

// showVerification writes a verification event for people, if there is one.
func showVerification(w io.Writer, prefix string, v admin.Verification) {
	if v.Seq > 0 {
		details(w, prefix+"state", v.State, prefix+"sent_at", v.SentAt, prefix+"acknowledged_at", v.AcknowledgedAt,
			prefix+"refused_at", v.RefusedAt, prefix+"refusal", v.Refusal)
	}
}

func (a *app) receiverVerify() *cobra.Command {
	var body adminapi.NewVerification
	cmd := receivers.command(a, "verify", receivers.summary("verify"), func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		sent, err := call[verificationView](ctx, c, "receiver.verify", body, args[0])
		if err == nil {
			a.note("signet receiver show %s --watch shows what becomes of it.", visible(args[0]))
		}
		return answer(sent), err
	})
	cmd.Flags().StringVar(&body.State, "state", "", "let the event say this `TEXT`")
	return cmd
}
