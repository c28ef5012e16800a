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
		details(w, "client_id", v.ClientID, "method", v.Method, "endpoint", v.Endpoint, "has_bearer_token", v.HasBearer,
			"allow_private", v.AllowPrivate, "events", v.Events, "acknowledged_seq", v.Acknowledged, "waiting_since", v.WaitingSince, "missed_seq", v.Missed, "failures", v.Failures,
			"next_attempt_at", v.NextAttemptAt, "last_error", v.LastError, "paused_at", v.PausedAt, "managed_by", v.ManagedBy, "created_at", v.CreatedAt)
	},
}

func (a *app) receiverCommand() *cobra.Command {
	return noun("receiver", "Manage receivers of Security Event Tokens about revocations and changes",
		a.receiverCreate(), receivers.listCommand(a), receivers.showCommand(a),
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
is revoked, and when roles, groups or permissions change, from now on; each is repeated until it is acknowledged, for 30 days. It hears only of
users and clients that had a token or a grant for an API which it serves, or that it added by itself: it posts
{"subject":{"format":"iss_sub","iss":ISSUER,"sub":SUB}} to /events/subjects:add, or to /events/subjects:remove.
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
