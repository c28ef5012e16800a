package cli

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/server"
)

func (a *app) receiverCommand() *cobra.Command {
	return noun("receiver", "Manage receivers of Security Event Tokens about revocations and changes",
		a.receiverCreate(), receivers.listCommand(a, "List the receivers by client_id"), receivers.showCommand(a, "Show a receiver and the state of its delivery"),
		receivers.change(a, "pause", "Keep a receiver's events until it is resumed", setReceiverPaused(true)),
		receivers.change(a, "resume", "Deliver the events that were kept, and retry a failed delivery at once", setReceiverPaused(false)),
		receivers.change(a, "delete", "Stop sending events to a client", func(ctx context.Context, s *server.Services, id string) error {
			return s.Events.Delete(ctx, id)
		}))
}

func setReceiverPaused(paused bool) func(context.Context, *server.Services, string) error {
	return func(ctx context.Context, s *server.Services, id string) error {
		return s.Events.SetPaused(ctx, id, paused)
	}
}

func (a *app) receiverCreate() *cobra.Command {
	var poll, bearer bool
	r := domain.Receiver{}
	cmd := &cobra.Command{
		Use:   "create CLIENT_ID {--poll | --push URL}",
		Short: "Send a service events about revocations and changes",
		Long: `Makes a client that serves an API a receiver of security events (RFC 8417, CAEP): events are sent when a token, user or client
is revoked, and when the roles or groups of a user change, from now on; each is repeated until it is acknowledged.
With --poll it fetches them at /events/poll (RFC 8936), with its client_id and client_secret. With --push Signet posts them to its URL (RFC 8935).`,
		Example: `  signet receiver create orders --poll
  signet receiver create orders --push https://orders.example/events --bearer-stdin < token
  signet receiver create orders --push https://orders.internal/events --allow-private --event session-revoked`,
		Args: cobra.ExactArgs(1),
		RunE: a.manage(func(ctx context.Context, s *server.Services, args []string) (view, error) {
			r.Client, r.Method = args[0], domain.DeliveryPush
			if poll {
				r.Method = domain.DeliveryPoll
			}
			var token string
			if bearer {
				var err error
				if token, err = a.readLine("bearer token"); err != nil {
					return view{}, err
				}
			}
			created, err := s.Events.Create(ctx, r, token)
			return receivers.show(viewReceiver(created)), err
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

type receiverView struct {
	ClientID      string    `json:"client_id"`
	Method        string    `json:"method"` // poll or push
	Endpoint      string    `json:"endpoint,omitempty"`
	HasBearer     bool      `json:"has_bearer_token"`
	AllowPrivate  bool      `json:"allow_private"`
	Events        []string  `json:"events"`
	Acknowledged  int64     `json:"acknowledged_seq"` // of the audit log; every event up to it is acknowledged
	Failures      int       `json:"failures"`         // in a row
	NextAttemptAt time.Time `json:"next_attempt_at,omitzero"`
	LastError     string    `json:"last_error,omitempty"`
	Paused        bool      `json:"paused"`
	PausedAt      time.Time `json:"paused_at,omitzero"`
	CreatedAt     time.Time `json:"created_at"`
}

func viewReceiver(r domain.Receiver) receiverView {
	v := receiverView{
		ClientID: r.Client, Method: string(r.Method), Endpoint: r.Endpoint, HasBearer: len(r.SealedToken) > 0, AllowPrivate: r.AllowPrivate,
		Events: array(r.Events), Acknowledged: r.Progress.Acked, Failures: r.Attempts, LastError: r.LastError,
		Paused: !r.PausedAt.IsZero(), PausedAt: r.PausedAt, CreatedAt: r.CreatedAt,
	}
	if r.Attempts > 0 {
		v.NextAttemptAt = r.NextAttemptAt
	}
	return v
}

var receivers = kind[receiverView]{
	noun: "receiver", key: "CLIENT_ID", example: "orders",
	layout: layout[receiverView]{
		[]string{"CLIENT_ID", "METHOD", "ENDPOINT", "EVENTS", "ACKNOWLEDGED", "FAILURES", "PAUSED"},
		func(v receiverView) []any {
			return []any{v.ClientID, v.Method, v.Endpoint, v.Events, v.Acknowledged, v.Failures, v.PausedAt}
		},
	},
	details: func(w io.Writer, v receiverView) {
		details(w, "client_id", v.ClientID, "method", v.Method, "endpoint", v.Endpoint, "has_bearer_token", v.HasBearer,
			"allow_private", v.AllowPrivate, "events", v.Events, "acknowledged_seq", v.Acknowledged, "failures", v.Failures,
			"next_attempt_at", v.NextAttemptAt, "last_error", v.LastError, "paused_at", v.PausedAt, "created_at", v.CreatedAt)
	},
	name: func(v receiverView) string { return v.ClientID },
	list: func(ctx context.Context, s *server.Services, after string, limit int) ([]receiverView, error) {
		list, err := s.Events.List(ctx, after, limit)
		return viewed(list, viewReceiver), err
	},
	find: func(ctx context.Context, s *server.Services, id string) (receiverView, error) {
		r, err := s.Events.Find(ctx, id)
		return viewReceiver(r), err
	},
}
