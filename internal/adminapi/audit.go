package adminapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
)

func (s *surface) mountAudit() {
	register(s, http.MethodGet, "/audit/events", "audit.list", s.listEvents)
	register(s, http.MethodGet, "/audit/events/{seq}", "audit.find", s.findEvent)
	register(s, http.MethodGet, "/audit/export", "audit.export", s.exportEvents)
	register(s, http.MethodPost, "/audit/checkpoints", "audit.checkpoint", s.checkpoint)
	register(s, http.MethodPost, "/audit/erasures", "audit.erase", s.eraseUser)
}

// EventFilterInput chooses events.
type EventFilterInput struct {
	Actor  string    `query:"actor" maxLength:"2000" doc:"Those of what this one did: user:alice, client:reporting, os:root or system"`
	Action string    `query:"action" maxLength:"200" doc:"Those of this kind: user.create"`
	Target string    `query:"target" maxLength:"2000" doc:"Those about this object: client:reporting"`
	Since  time.Time `query:"since" doc:"Those of this time or later"`
	Before time.Time `query:"before" doc:"Those of before this time"`
}

// Resolve implements huma.Resolver.
func (in *EventFilterInput) Resolve(ctx huma.Context) []error {
	if ctx.Query("before") != "" && in.Before.IsZero() { // zero would stand for any time
		return []error{invalid("query.before", domain.RuleRange, "Give before a time that has been.")}
	}
	return nil
}

type listEventsInput struct {
	EventFilterInput
	PageInput
}

func (s *surface) listEvents(ctx context.Context, caller authn.Caller, in *listEventsInput) (*pageOutput[admin.Event], error) {
	page, err := s.Admin.ListEvents(ctx, caller, domain.EventFilter(in.EventFilterInput), in.query())
	return &pageOutput[admin.Event]{page}, err
}

type findEventInput struct {
	Seq int64 `path:"seq" minimum:"0"`
}

type findEventOutput struct{ Body admin.FoundEvent }

func (s *surface) findEvent(ctx context.Context, caller authn.Caller, in *findEventInput) (*findEventOutput, error) {
	e, err := s.Admin.FindEvent(ctx, caller, in.Seq)
	return &findEventOutput{e}, err
}

type exportEventsInput struct {
	EventFilterInput
	After int64 `query:"after" minimum:"0" doc:"Those after this seq: that of the last line that was read before"`
}

func (s *surface) exportEvents(ctx context.Context, caller authn.Caller, in *exportEventsInput) (*huma.StreamResponse, error) {
	return &huma.StreamResponse{Body: func(answer huma.Context) {
		_, w := humago.Unwrap(answer)
		err := httpjson.WriteLines(w, "audit.jsonl", func(write func([]admin.Event) error) error {
			return s.Admin.ExportEvents(ctx, caller, domain.EventFilter(in.EventFilterInput), in.After, write)
		})
		if err != nil {
			s.refuse(answer, s.problem(ctx, s.operation(http.MethodGet, "/audit/export", "audit.export"), err))
		}
	}}, nil
}

type checkpointOutput struct {
	Body struct {
		Checkpoint string `json:"checkpoint" doc:"What the log is now, to be kept elsewhere and passed to signet audit verify --checkpoint"`
	}
}

func (s *surface) checkpoint(ctx context.Context, caller authn.Caller, _ *struct{}) (*checkpointOutput, error) {
	out := new(checkpointOutput)
	var err error
	out.Body.Checkpoint, err = s.Admin.Checkpoint(ctx, caller)
	return out, err
}

type eraseUserInput struct {
	Body struct {
		User string `json:"user" minLength:"1" doc:"The username of a user who was deleted"`
	}
}

type eraseUserOutput struct {
	Body struct {
		ErasedEvents int `json:"erased_events"`
	}
}

func (s *surface) eraseUser(ctx context.Context, caller authn.Caller, in *eraseUserInput) (*eraseUserOutput, error) {
	out := new(eraseUserOutput)
	var err error
	out.Body.ErasedEvents, err = s.Admin.EraseUser(ctx, caller, in.Body.User)
	return out, err
}
