package adminui

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountReceivers() {
	s.handle("GET /receivers", "receiver.list", listReceivers)
	s.handle("GET /receivers/{name}", "receiver.find", showReceiver)
	s.handle("GET /new/receiver", "receiver.create", newReceiver)
	s.handle("POST /new/receiver", "receiver.create", createReceiver)
	s.handle("POST /receivers/{name}/pause", "receiver.pause", changeReceiver("receiver.paused", s.Admin.PauseReceiver))
	s.handle("POST /receivers/{name}/resume", "receiver.resume", changeReceiver("receiver.resumed", s.Admin.ResumeReceiver))
	s.handle("GET /receivers/{name}/delete", "receiver.delete", deleteReceiver)
	s.handle("POST /receivers/{name}/delete", "receiver.delete", deleteReceiver)
}

// receiverState is how a receiver does, in a word.
func (v *visit) receiverState(r admin.Receiver) badge {
	switch {
	case r.Paused:
		return badge{v.text("receiver.state.paused"), "warn"}
	case r.Failures > 0:
		return badge{v.text("receiver.state.failing"), "bad"}
	case !r.WaitingSince.IsZero():
		return badge{v.text("receiver.state.behind"), "warn"}
	}
	return badge{v.text("receiver.state.current"), "good"}
}

func listReceivers(v *visit) error {
	l := listing{Lead: v.text("receivers.lead"), Table: table{Columns: []string{
		v.text("receiver.client_id"), v.text("receiver.method"), v.text("receiver.state"), v.text("receiver.waiting_since"), v.text("receiver.last_error"),
	}}}
	if v.may("receiver.create") {
		l.New = link{Text: v.text("receiver.new"), Path: address("new", "receiver")}
	}
	err := list(v, &l, func(q admin.Query) (admin.Page[admin.Receiver], error) {
		return v.Admin.ListReceivers(v.ctx(), v.caller, q)
	}, func(r admin.Receiver) row {
		return row{Path: address("receivers", r.ClientID), Cells: []cell{
			{Text: r.ClientID}, {Text: v.text("receiver.method." + r.Method)}, {Badge: v.receiverState(r)}, {Time: r.WaitingSince}, {Text: r.LastError},
		}}
	})
	if err != nil {
		return err
	}
	v.render(http.StatusOK, "admin/list", v.text("menu.receivers"), l)
	return nil
}

func showReceiver(v *visit) error {
	r, err := v.Admin.FindReceiver(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	o := object{Trail: link{Text: v.text("menu.receivers"), Path: address("receivers")}, State: v.receiverState(r)}
	if r.Missed > 0 {
		o.Warnings = append(o.Warnings, v.text("receiver.missed", strconv.FormatInt(r.Missed, 10)))
	}
	if r.Paused || r.Failures > 0 {
		o.act(v, "receiver.resume", action{Text: v.text("receiver.resume"), Path: address("receivers", r.ClientID, "resume"), Post: true})
	}
	if !r.Paused {
		o.act(v, "receiver.pause", action{Text: v.text("receiver.pause"), Path: address("receivers", r.ClientID, "pause"), Post: true})
	}
	o.act(v, "receiver.delete", action{Text: v.text("form.delete"), Path: address("receivers", r.ClientID, "delete"), Icon: "delete", Bad: true})
	delivery := panel{Title: v.text("receiver.delivery"), Facts: []fact{
		v.fact("receiver.acknowledged", cell{Text: grouped(r.Acknowledged)}),
		v.fact("receiver.waiting_since", cell{Time: r.WaitingSince}),
	}}
	for _, f := range []fact{
		v.fact("receiver.failures", cell{Text: strconv.Itoa(r.Failures)}), v.fact("receiver.last_error", cell{Text: r.LastError}),
		v.fact("receiver.next_attempt_at", cell{Time: r.NextAttemptAt}),
	} {
		if r.Failures > 0 {
			delivery.Facts = append(delivery.Facts, f)
		}
	}
	if r.Paused {
		delivery.Facts = append(delivery.Facts, v.fact("receiver.paused_at", cell{Time: r.PausedAt}))
		delivery.Hint = v.text("receiver.paused.hint")
	}
	about := panel{Title: v.text("receiver.about"), Facts: []fact{
		v.fact("receiver.client_id", cell{Text: r.ClientID, Path: v.clientPath(r.ClientID)}),
		v.fact("receiver.method", cell{Text: v.text("receiver.method." + r.Method)}), v.fact("receiver.events", cell{List: r.Events}),
	}}
	if r.Method == string(domain.DeliveryPush) {
		about.Facts = append(about.Facts, v.fact("receiver.endpoint", cell{Code: r.Endpoint}), v.fact("receiver.bearer", cell{Text: v.yesNo(r.HasBearer)}),
			v.fact("receiver.allow_private", cell{Text: v.yesNo(r.AllowPrivate)}))
	}
	about.Facts = append(about.Facts, v.fact("receiver.created_at", cell{Time: r.CreatedAt}))
	o.Panels = append(o.Panels, delivery, about)
	return v.show(r.ClientID, o)
}

// clientPath is the page of a client, empty if the visitor may not see it.
func (v *visit) clientPath(clientID string) string {
	if !v.may("client.find") {
		return ""
	}
	return address("clients", clientID)
}

func (v *visit) receiverForm() *form {
	client := v.field("text", "receiver", "client_id", v.r.URL.Query().Get("client"))
	client.Required, client.About = true, []string{"client", "receiver"}
	method := v.choice("receiver", "method", string(domain.DeliveryPoll), v.options("receiver.method", domain.DeliveryPoll, domain.DeliveryPush))
	endpoint := v.field("text", "receiver", "endpoint", "")
	endpoint.Max, endpoint.Example = 2000, "https://orders.example/events"
	bearer := v.field("text", "receiver", "bearer", "")
	bearer.Max, bearer.About = 4096, []string{"bearer token"}
	events := v.field("checks", "receiver", "events", "")
	events.Options, events.About = optionsOf(domain.SecurityEvents), []string{"event"}
	return &form{
		Lead: v.text("receiver.create.lead"), Submit: v.text("receiver.create"), Cancel: address("receivers"),
		Fields: []*field{client, method, endpoint, bearer, v.field("check", "receiver", "allow_private", ""), events},
	}
}

func newReceiver(v *visit) error {
	v.render(http.StatusOK, "admin/form", v.text("receiver.new"), v.receiverForm())
	return nil
}

func createReceiver(v *visit) error {
	f := v.receiverForm()
	f.read(v.r)
	made, err := v.Admin.CreateReceiver(v.ctx(), v.caller, domain.Receiver{
		Client: f.get("client_id"), Method: domain.Delivery(f.get("method")), Endpoint: f.get("endpoint"), AllowPrivate: f.set("allow_private"), Events: f.lines("events"),
	}, f.get("bearer"))
	if errors.Is(err, domain.ErrNotFound) {
		f.Problem = v.text("receiver.no_client")
		v.render(http.StatusUnprocessableEntity, "admin/form", v.text("receiver.new"), f)
		return nil
	}
	if err != nil {
		return v.refused(f, v.text("receiver.new"), err)
	}
	return v.done("receiver.created", "receivers", made.ClientID)
}

func changeReceiver(done string, change func(ctx context.Context, caller authn.Caller, clientID string) error) func(v *visit) error {
	return func(v *visit) error {
		name := v.r.PathValue("name")
		if err := change(v.ctx(), v.caller, name); err != nil {
			return err
		}
		return v.done(done, "receivers", name)
	}
}

func deleteReceiver(v *visit) error {
	r, err := v.Admin.FindReceiver(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	ok := v.confirmed(v.text("receiver.delete", r.ClientID), confirmation{
		Lead: v.text("receiver.delete.lead"), Name: r.ClientID, Submit: v.text("receiver.delete.submit"), Cancel: address("receivers", r.ClientID),
	})
	if !ok {
		return nil
	}
	if err := v.Admin.DeleteReceiver(v.ctx(), v.caller, r.ClientID); err != nil {
		return err
	}
	return v.done("receiver.deleted", "receivers")
}
