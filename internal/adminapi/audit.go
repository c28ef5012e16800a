package adminapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
)

func (s *surface) mountAudit() {
	register(s, http.MethodGet, "/audit/events", "audit.list", s.listEvents)
	register(s, http.MethodPost, "/audit/checkpoints", "audit.checkpoint", s.checkpoint)
	register(s, http.MethodPost, "/audit/erasures", "audit.erase", s.eraseUser)
}

type listEventsInput struct {
	After int64 `query:"after" minimum:"0" doc:"Those after this seq: the 'next' of the page before"`
	Limit int   `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"At most so many"`
}

func (s *surface) listEvents(ctx context.Context, caller authn.Caller, in *listEventsInput) (*numberedOutput[admin.Event], error) {
	seq := func(e admin.Event) string { return strconv.FormatInt(e.Seq, 10) }
	return numbered(in.Limit, seq, func(limit int) ([]admin.Event, error) { return s.Admin.ListEvents(ctx, caller, in.After, limit) })
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
		User string `json:"user" minLength:"1" doc:"The username; the user may have been deleted"`
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
