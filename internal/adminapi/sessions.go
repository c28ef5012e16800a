package adminapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
)

func (s *surface) mountSessions() {
	register(s, http.MethodGet, "/sessions", "session.list", s.listSessions)
	register(s, http.MethodGet, "/sessions/{sid}", "session.find", func(ctx context.Context, caller authn.Caller, in *sessionInput) (*objectOutput[admin.Session], error) {
		session, err := s.Admin.FindSession(ctx, caller, in.SID)
		return shown(session, 0, err)
	})
	register(s, http.MethodDelete, "/sessions/{sid}", "session.end", func(ctx context.Context, caller authn.Caller, in *sessionInput) (*done, error) {
		return nil, s.Admin.EndSession(ctx, caller, in.SID)
	})
	register(s, http.MethodDelete, "/users/{name}/sessions", "user.end_sessions", act(s.Admin.EndSessions))
	register(s, http.MethodGet, "/users/{name}/consents", "consent.list", s.listConsents)
	register(s, http.MethodDelete, "/users/{name}/consents/{client}", "consent.withdraw", func(ctx context.Context, caller authn.Caller, in *consentInput) (*done, error) {
		return nil, s.Admin.WithdrawConsent(ctx, caller, in.Name, in.Client)
	})
	register(s, http.MethodGet, "/users/{name}/grants", "grant.list", s.listGrants)
	register(s, http.MethodGet, "/users/{name}/credentials", "credential.list", listOf(s.Admin.ListCredentials))
	register(s, http.MethodDelete, "/users/{name}/credentials/{id}", "credential.remove", func(ctx context.Context, caller authn.Caller, in *credentialInput) (*done, error) {
		return nil, s.Admin.RemoveCredential(ctx, caller, in.Name, in.ID)
	})
}

type listSessionsInput struct {
	PageInput
	User string `query:"user" maxLength:"2000" doc:"Those of the user of this name"`
}

func (s *surface) listSessions(ctx context.Context, caller authn.Caller, in *listSessionsInput) (*pageOutput[admin.Session], error) {
	page, err := s.Admin.ListSessions(ctx, caller, in.User, in.query())
	return &pageOutput[admin.Session]{page}, err
}

type sessionInput struct {
	SID string `path:"sid" maxLength:"100"`
}

// Resolve implements huma.Resolver.
func (in *sessionInput) Resolve(huma.Context) []error { return checkName(in.SID) }

type consentInput struct {
	NamedInput
	Client string `path:"client" maxLength:"2000"`
}

// Resolve implements huma.Resolver.
func (in *consentInput) Resolve(ctx huma.Context) []error {
	return append(in.NamedInput.Resolve(ctx), checkName(in.Client)...)
}

type credentialInput struct {
	NamedInput
	ID int64 `path:"id" minimum:"1"`
}

type listConsentsInput struct {
	NamedInput
	PageInput
}

func (s *surface) listConsents(ctx context.Context, caller authn.Caller, in *listConsentsInput) (*pageOutput[admin.Consent], error) {
	page, err := s.Admin.ListConsents(ctx, caller, in.Name, in.query())
	return &pageOutput[admin.Consent]{page}, err
}

type listGrantsInput struct {
	NamedInput
	PageInput
	Client string `query:"client" maxLength:"2000" doc:"Those of the client with this client_id"`
}

func (s *surface) listGrants(ctx context.Context, caller authn.Caller, in *listGrantsInput) (*pageOutput[admin.Grant], error) {
	page, err := s.Admin.ListGrants(ctx, caller, in.Name, in.Client, in.query())
	return &pageOutput[admin.Grant]{page}, err
}

type itemsOutput[V any] struct {
	Body struct {
		Items []V `json:"items"`
	}
}

// listOf makes a handler of an operation that lists what a named object has, which is little.
func listOf[V any](find func(context.Context, authn.Caller, string) ([]V, error)) func(context.Context, authn.Caller, *NamedInput) (*itemsOutput[V], error) {
	return func(ctx context.Context, caller authn.Caller, in *NamedInput) (*itemsOutput[V], error) {
		items, err := find(ctx, caller, in.Name)
		out := new(itemsOutput[V])
		out.Body.Items = items
		return out, err
	}
}
