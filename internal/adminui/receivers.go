package adminui

import (
	"context"
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
	s.handle("GET /receivers/{name}/edit", "receiver.update", editReceiver)
	s.handle("POST /receivers/{name}/edit", "receiver.update", updateReceiver)
	s.handle("GET /receivers/{name}/bearer", "receiver.rotate_bearer", rotateBearer)
	s.handle("POST /receivers/{name}/bearer", "receiver.rotate_bearer", rotateBearer)
	s.handle("GET /receivers/{name}/bearer/remove", "receiver.update", removeBearer)
	s.handle("POST /receivers/{name}/bearer/remove", "receiver.update", removeBearer)
	s.handle("POST /receivers/{name}/verify", "receiver.verify", verifyReceiver)
	s.handle("POST /receivers/{name}/pause", "receiver.pause", changeReceiver("receiver.paused", s.Admin.PauseReceiver))
	s.handle("POST /receivers/{name}/resume", "receiver.resume", changeReceiver("receiver.resumed", s.Admin.ResumeReceiver))
	s.handle("GET /receivers/{name}/delete", "receiver.delete", deleteReceiver)
	s.handle("POST /receivers/{name}/delete", "receiver.delete", deleteReceiver)
}

// receiverState is how a receiver does, in a word.
func (v *visit) receiverState(r admin.Receiver) badge {
	switch {
	case r.Status == string(domain.StreamDisabled):
		return badge{v.text("receiver.state.disabled"), "bad"}
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
		return row{Path: address("receivers", r.ClientID), Managed: v.managed(r.ManagedBy), Cells: []cell{
			{Text: r.ClientID}, {Text: v.text("receiver.method." + r.Method)}, {Badge: v.receiverState(r)}, {Time: r.WaitingSince}, {Text: r.LastError},
		}}
	})
	if err != nil {
		return err
	}
	v.showList(v.text("menu.receivers"), l)
	return nil
}

func showReceiver(v *visit) error {
	r, err := v.Admin.FindReceiver(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	o := object{
		Trail: link{Text: v.text("menu.receivers"), Path: address("receivers")}, Lead: r.Description, State: v.receiverState(r), Managed: v.managed(r.ManagedBy),
		Created: r.CreatedAt, Updated: r.UpdatedAt,
	}
	if r.Missed > 0 {
		o.Warnings = append(o.Warnings, v.text("receiver.missed", strconv.FormatInt(r.Missed, 10)))
	}
	if r.Paused || r.Failures > 0 {
		o.act(v, "receiver.resume", action{Text: v.text("receiver.resume"), Path: address("receivers", r.ClientID, "resume"), Post: true})
	}
	if !r.Paused {
		o.act(v, "receiver.pause", action{Text: v.text("receiver.pause"), Path: address("receivers", r.ClientID, "pause"), Post: true})
	}
	o.act(v, "receiver.update", action{Text: v.text("form.edit"), Path: address("receivers", r.ClientID, "edit"), Icon: "edit"})
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
		if r.StatusReason != "" {
			delivery.Facts = append(delivery.Facts, v.fact("receiver.status_reason", cell{Text: r.StatusReason}))
		}
		if delivery.Hint = v.text("receiver.paused.hint"); r.Status == string(domain.StreamDisabled) {
			delivery.Hint = v.text("receiver.disabled.hint")
		}
	}
	about := panel{Title: v.text("receiver.about"), Facts: []fact{
		v.fact("receiver.client_id", cell{Text: r.ClientID, Path: v.clientPath(r.ClientID)}),
		v.fact("receiver.method", cell{Text: v.text("receiver.method." + r.Method)}), v.fact("receiver.events", cell{List: r.Events}),
	}}
	if r.Method == string(domain.DeliveryPush) {
		about.Facts = append(about.Facts, v.fact("receiver.endpoint", cell{Code: r.Endpoint}), v.fact("receiver.bearer", cell{Text: v.yesNo(r.HasBearer)}),
			v.fact("receiver.allow_private", cell{Text: v.yesNo(r.AllowPrivate)}))
		if v.may("receiver.rotate_bearer") {
			about.Actions = []action{{Text: v.text("receiver.rotate_bearer"), Path: address("receivers", r.ClientID, "bearer")}}
		}
		if r.HasBearer && v.may("receiver.update") {
			about.Actions = append(about.Actions, action{Text: v.text("receiver.remove_bearer"), Path: address("receivers", r.ClientID, "bearer", "remove"), Bad: true})
		}
	} else {
		about.Hint = v.text("receiver.polls.hint")
	}
	o.Panels = append(o.Panels, delivery, v.verification(r), about)
	return v.show(r.ClientID, o)
}

// clientPath is the page of a client, empty if the visitor may not see it.
func (v *visit) clientPath(clientID string) string {
	if !v.may("client.find") {
		return ""
	}
	return address("clients", clientID)
}

func changeReceiver(done string, change func(ctx context.Context, caller authn.Caller, clientID string) error) func(v *visit) error {
	return func(v *visit) error {
		name := v.r.PathValue("name")
		if err := change(v.ctx(), v.caller, name); err != nil {
			return err
		}
		if undoes[done].run != nil {
			return v.doneUntil(done, []string{name}, "receivers", name)
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
		Lead: v.text("receiver.delete.lead"), Undone: v.undone(r.ManagedBy), Name: r.ClientID, Submit: v.text("receiver.delete.submit"), Cancel: address("receivers", r.ClientID),
	})
	if !ok {
		return nil
	}
	if err := v.Admin.DeleteReceiver(v.ctx(), v.caller, r.ClientID); err != nil {
		return err
	}
	return v.done("receiver.deleted", "receivers")
}
