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
	register(s, http.MethodPost, "/receivers", "receiver.create", s.createReceiver)
	register(s, http.MethodGet, "/receivers/{name}", "receiver.find", func(ctx context.Context, caller authn.Caller, in *NamedInput) (*objectOutput[admin.Receiver], error) {
		receiver, err := s.Admin.FindReceiver(ctx, caller, in.Name)
		return shown(receiver, 0, err)
	})
	register(s, http.MethodDelete, "/receivers/{name}", "receiver.delete", act(s.Admin.DeleteReceiver))
	register(s, http.MethodPost, "/receivers/{name}/pause", "receiver.pause", act(s.Admin.PauseReceiver))
	register(s, http.MethodPost, "/receivers/{name}/resume", "receiver.resume", act(s.Admin.ResumeReceiver))
}

// NewReceiver is what a receiver is made of.
type NewReceiver struct {
	ClientID     string          `json:"client_id" minLength:"1"`
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
		Client: b.ClientID, Method: b.Method, Endpoint: b.Endpoint, AllowPrivate: b.AllowPrivate, Events: b.Events,
	}, b.Bearer)
	return created(receiver, 0, "/receivers/"+url.PathEscape(receiver.ClientID), err)
}
