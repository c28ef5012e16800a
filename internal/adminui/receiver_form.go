package adminui

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

// bearerField is the field of a bearer token, which no page shows but the form that it was typed into.
const bearerField = "bearer"

// receiverForm is the form for a receiver, which may be a new one.
func (v *visit) receiverForm(r admin.Receiver) *form {
	description := v.field("text", "receiver", "description", r.Description)
	description.Max = 500
	if r.Method == "" {
		r.Method = string(domain.DeliveryPoll)
	}
	method := v.choice("receiver", "method", r.Method, v.options("receiver.method", domain.DeliveryPoll, domain.DeliveryPush))
	endpoint := v.field("text", "receiver", "endpoint", r.Endpoint)
	endpoint.Max, endpoint.Example = 2000, "https://orders.example/events"
	bearer := v.field("text", "receiver", bearerField, "")
	bearer.Max, bearer.Member = 4096, "bearer_token"
	private := v.field("check", "receiver", "allow_private", checked(r.AllowPrivate))
	events := v.field("checks", "receiver", "events", strings.Join(r.Events, "\n"))
	events.Options = optionsOf(domain.SecurityEvents)
	f := &form{Fields: []*field{description, method, endpoint, bearer, private, events}}
	if r.Version == 0 {
		client := v.field("text", "receiver", "client_id", v.r.URL.Query().Get("client"))
		client.Required = true
		f.Fields = append([]*field{client}, f.Fields...)
		f.Lead, f.Submit, f.Cancel = v.text("receiver.create.lead"), v.text("receiver.create"), address("receivers")
		return f
	}
	if len(r.Events) == 0 {
		events.Hint = v.text("receiver.events.none")
	}
	if r.HasBearer {
		bearer.Hint = v.text("receiver.bearer.kept")
	}
	f.Undone = v.undone(r.ManagedBy)
	f.Version, f.Submit, f.Cancel = strconv.FormatInt(r.Version, 10), v.text("form.save"), address("receivers", r.ClientID)
	return f
}

// receiver is what the form says of one: of all events if it names none, unless the receiver had none before.
func (f *form) receiver(before domain.Receiver) domain.Receiver {
	events := f.lines("events")
	if len(events) == 0 && (before.ID == 0 || len(before.Events) > 0) {
		events = domain.SecurityEvents
	}
	return domain.Receiver{
		Client: f.get("client_id"), Description: f.get("description"), Method: domain.Delivery(f.get("method")), Endpoint: f.get("endpoint"),
		AllowPrivate: f.set("allow_private"), Events: events,
	}
}

func newReceiver(v *visit) error {
	v.render(http.StatusOK, "admin/form", v.text("receiver.new"), v.receiverForm(admin.Receiver{}))
	return nil
}

func createReceiver(v *visit) error {
	f := v.receiverForm(admin.Receiver{})
	f.read(v.r)
	made, err := v.Admin.CreateReceiver(v.ctx(), v.caller, f.receiver(domain.Receiver{}), f.get(bearerField))
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

func editReceiver(v *visit) error {
	r, err := v.Admin.FindReceiver(v.ctx(), v.caller, v.r.PathValue("name"))
	if err == nil {
		v.render(http.StatusOK, "admin/form", v.text("receiver.edit", r.ClientID), v.receiverForm(r))
	}
	return err
}

func updateReceiver(v *visit) error {
	current, err := v.Admin.FindReceiver(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	title, f := v.text("receiver.edit", current.ClientID), v.receiverForm(current)
	f.read(v.r)
	var bearer *string
	if given := f.get(bearerField); given != "" {
		bearer = &given
	}
	updated, err := v.Admin.UpdateReceiver(v.ctx(), v.caller, current.ClientID, f.version(), bearer, func(r *domain.Receiver) error {
		filled := f.receiver(*r)
		r.Description, r.Method, r.Endpoint, r.AllowPrivate, r.Events = filled.Description, filled.Method, filled.Endpoint, filled.AllowPrivate, filled.Events
		return nil
	})
	switch {
	case errors.Is(err, domain.ErrConflict):
		return v.moved(f, v.receiverForm(current), title)
	case err != nil:
		return v.refused(f, title, err)
	case current.HasBearer && !updated.HasBearer:
		return v.done("receiver.updated_without_bearer", "receivers", current.ClientID)
	}
	return v.done("receiver.updated", "receivers", current.ClientID)
}

// rotateBearer answers with a new bearer token. A form that was sent before makes no other one.
func rotateBearer(v *visit) error {
	r, err := v.Admin.FindReceiver(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	back := link{Text: r.ClientID, Path: address("receivers", r.ClientID)}
	ok := v.confirmed(v.text("receiver.rotate_bearer.title", r.ClientID), confirmation{
		Lead: v.text("receiver.rotate_bearer.lead"), Undone: v.undone(r.ManagedBy), Submit: v.text("receiver.rotate_bearer"), Cancel: back.Path, Version: strconv.FormatInt(r.Version, 10),
	})
	if !ok {
		return nil
	}
	sent := form{Version: v.r.PostForm.Get("version")}
	bearer, err := v.Admin.RotateBearer(v.ctx(), v.caller, r.ClientID, sent.version())
	switch {
	case errors.Is(err, domain.ErrConflict):
		return v.refuse(v.text("receiver.rotate_bearer.conflict"), back.Path)
	case err != nil:
		return v.explained(err, back.Path)
	}
	return v.showOnce(v.text("receiver.rotate_bearer.made", r.ClientID), once{
		Of: back, Lead: v.text("receiver.rotate_bearer.give"), Label: v.text("receiver.bearer"), Secret: bearer, Warning: v.text("receiver.rotate_bearer.once"),
	})
}

func removeBearer(v *visit) error {
	r, err := v.Admin.FindReceiver(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	ok := v.confirmed(v.text("receiver.remove_bearer.title", r.ClientID), confirmation{
		Lead: v.text("receiver.remove_bearer.lead"), Undone: v.undone(r.ManagedBy), Submit: v.text("receiver.remove_bearer"), Cancel: address("receivers", r.ClientID),
	})
	if !ok {
		return nil
	}
	none := ""
	if _, err := v.Admin.UpdateReceiver(v.ctx(), v.caller, r.ClientID, nil, &none, func(*domain.Receiver) error { return nil }); err != nil {
		return v.explained(err, address("receivers", r.ClientID))
	}
	return v.done("receiver.bearer_removed", "receivers", r.ClientID)
}
