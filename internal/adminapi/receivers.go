package adminapi

import (
	"context"
	"net/http"
	"net/url"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountReceivers() {
	register(s, http.MethodGet, "/receivers", "receiver.list", list(s.Admin.ListReceivers))
	creating(s, http.StatusCreated, "/receivers", "receiver.create", s.createReceiver)
	register(s, http.MethodGet, "/receivers/{name}", "receiver.find", func(ctx context.Context, caller authn.Caller, in *NamedInput) (*objectOutput[admin.Receiver], error) {
		receiver, err := s.Admin.FindReceiver(ctx, caller, in.Name)
		return shown(receiver, receiver.Version, err)
	})
	register(s, http.MethodPatch, "/receivers/{name}", "receiver.update", s.updateReceiver)
	register(s, http.MethodDelete, "/receivers/{name}", "receiver.delete", act(s.Admin.DeleteReceiver))
	creating(s, http.StatusCreated, "/receivers/{name}/bearer-token", "receiver.rotate_bearer", s.rotateBearer)
	creating(s, http.StatusAccepted, "/receivers/{name}/verification", "receiver.verify", s.verifyReceiver)
	register(s, http.MethodPost, "/receivers/{name}/pause", "receiver.pause", act(s.Admin.PauseReceiver))
	register(s, http.MethodPost, "/receivers/{name}/resume", "receiver.resume", act(s.Admin.ResumeReceiver))
}

// NewReceiver is what a receiver is made of.
type NewReceiver struct {
	ClientID     string          `json:"client_id" minLength:"1"`
	Description  string          `json:"description,omitempty" doc:"Empty: none"`
	Method       domain.Delivery `json:"method" enum:"poll,push"`
	Endpoint     string          `json:"endpoint,omitempty" minLength:"1" doc:"Where events are pushed to"`
	Bearer       string          `json:"bearer_token,omitempty" minLength:"1" doc:"Sent with every push"`
	AllowPrivate bool            `json:"allow_private,omitempty" doc:"The endpoint may be at a private address"`
	Events       []string        `json:"events,omitempty" minItems:"1" maxItems:"20" doc:"Left out: all"`
}

type createReceiverInput struct {
	Body NewReceiver
}

func (s *surface) createReceiver(ctx context.Context, caller authn.Caller, in *createReceiverInput) (*objectOutput[admin.Receiver], error) {
	b := &in.Body
	receiver, err := s.Admin.CreateReceiver(ctx, caller, domain.Receiver{
		Client: b.ClientID, Description: b.Description, Method: b.Method, Endpoint: b.Endpoint, AllowPrivate: b.AllowPrivate, Events: b.Events,
	}, b.Bearer)
	return created(receiver, receiver.Version, "/receivers/"+url.PathEscape(receiver.ClientID), err)
}

// ReceiverChanges is what can be changed of a receiver; what is left out stays.
type ReceiverChanges struct {
	Description  *string          `json:"description,omitempty" doc:"Empty: none from now on"`
	Method       *domain.Delivery `json:"method,omitempty" enum:"poll,push"`
	Endpoint     *string          `json:"endpoint,omitempty" doc:"Where events are pushed to. Empty: nowhere, for a receiver that is to poll"`
	Bearer       *string          `json:"bearer_token,omitempty" doc:"Sent with every push from now on. Empty: none from now on. Left out: it stays, unless the scheme, host or port of the endpoint changes, which takes it away"`
	AllowPrivate *bool            `json:"allow_private,omitempty" doc:"The endpoint may be at a private address"`
	Events       *[]string        `json:"events,omitempty" minItems:"1" maxItems:"20"`
}

type updateReceiverInput struct {
	EditInput
	Body ReceiverChanges
}

func (s *surface) updateReceiver(ctx context.Context, caller authn.Caller, in *updateReceiverInput) (*objectOutput[admin.Receiver], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	b := &in.Body
	receiver, err := s.Admin.UpdateReceiver(ctx, caller, in.Name, version, b.Bearer, func(r *domain.Receiver) error {
		set(&r.Description, b.Description)
		set(&r.Method, b.Method)
		set(&r.Endpoint, b.Endpoint)
		set(&r.AllowPrivate, b.AllowPrivate)
		set(&r.Events, b.Events)
		return nil
	})
	return shown(receiver, receiver.Version, err)
}

// BearerToken is one that was made, and is shown this once.
type BearerToken struct {
	Bearer string `json:"bearer_token" doc:"Sent with every push from now on. It is never shown again"`
}

func (s *surface) rotateBearer(ctx context.Context, caller authn.Caller, in *NamedInput) (*objectOutput[BearerToken], error) {
	bearer, err := s.Admin.RotateBearer(ctx, caller, in.Name, nil)
	return created(BearerToken{bearer}, 0, "/receivers/"+url.PathEscape(in.Name), err)
}

// NewVerification is what a verification event is made of.
type NewVerification struct {
	State string `json:"state,omitempty" minLength:"1" maxLength:"200" doc:"Which the event says. Left out: none"`
}

type verifyReceiverInput struct {
	NamedInput
	Body NewVerification
}

func (s *surface) verifyReceiver(ctx context.Context, caller authn.Caller, in *verifyReceiverInput) (*objectOutput[admin.Verification], error) {
	sent, err := s.Admin.VerifyReceiver(ctx, caller, in.Name, in.Body.State)
	out, err := created(sent, 0, "/receivers/"+url.PathEscape(in.Name), err)
	if err == nil {
		out.Status = http.StatusAccepted // its receiver shows the answer
	}
	return out, err
}
