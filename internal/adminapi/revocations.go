package adminapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/revocation"
)

func (s *surface) mountRevocations() {
	register(s, http.MethodGet, "/revocations", "revocation.list", s.listRevocations)
	creating(s, http.StatusAccepted, "/revocations", "revocation.begin", s.createRevocation)
	register(s, http.MethodGet, "/revocations/{id}", "revocation.find", s.findRevocation)
}

type listRevocationsInput struct {
	PlaceInput
	Of   domain.RevocationKind `query:"of" enum:"user,client,api,key,grant,role,group,all" doc:"Those of tokens that belong to one of this kind"`
	Done Choice                `query:"done" doc:"Those whose tokens are all marked, or those that are under way; left out: both"`
}

func (s *surface) listRevocations(ctx context.Context, caller authn.Caller, in *listRevocationsInput) (*pageOutput[admin.Revocation], error) {
	page, err := s.Admin.ListRevocations(ctx, caller, domain.RevocationFilter{Kind: in.Of, Done: in.Done.Given}, in.query())
	return &pageOutput[admin.Revocation]{page}, err
}

// NewRevocation chooses what is revoked.
type NewRevocation struct {
	User         string     `json:"user,omitempty" minLength:"1" doc:"The tokens and grants of the user of this name"`
	Client       string     `json:"client,omitempty" minLength:"1" doc:"The tokens and grants of the client with this client_id"`
	API          string     `json:"api,omitempty" minLength:"1" doc:"The tokens and grants for the API with this audience"`
	Grant        int64      `json:"grant,omitempty" minimum:"1" doc:"The grant with this id, and its tokens"`
	All          bool       `json:"all,omitempty" doc:"All tokens and grants there are"`
	IssuedBefore *time.Time `json:"issued_before,omitempty" doc:"Only tokens issued before this time; then grants stay. Not for a grant"`
	KeepGrants   bool       `json:"keep_grants,omitempty" doc:"Grants stay: their refresh tokens make new tokens. Not for a grant"`
}

type createRevocationInput struct {
	Body NewRevocation
}

type revocationOutput struct {
	Location string `header:"Location"`
	Status   int
	Body     admin.Revocation
}

// createRevocation revokes by one criterion. It holds as soon as it is answered: 202 says that the status of its tokens is still being set.
func (s *surface) createRevocation(ctx context.Context, caller authn.Caller, in *createRevocationInput) (*revocationOutput, error) {
	b := &in.Body
	named := 0
	for _, given := range []bool{b.User != "", b.Client != "", b.API != "", b.Grant != 0, b.All} {
		if given {
			named++
		}
	}
	if named != 1 {
		return nil, invalid("body", domain.RuleRequired, "Name one of user, client, api, grant and all.")
	}
	var issuedBefore time.Time
	if b.IssuedBefore != nil {
		if issuedBefore = *b.IssuedBefore; b.Grant != 0 || issuedBefore.IsZero() { // zero would stand for no limit
			return nil, invalid("body.issued_before", domain.RuleConflict, "With issued_before, name a real time, and one of user, client, api and all.")
		}
	}
	r, err := s.Admin.Revoke(ctx, caller, index.Names{User: b.User, Client: b.Client, API: b.API}, revocation.TokenSelector{
		GrantID: b.Grant, All: b.All, IssuedBefore: issuedBefore, KeepGrants: b.KeepGrants,
	})
	if err != nil {
		return nil, err
	}
	out := &revocationOutput{Status: http.StatusAccepted, Body: admin.ShowRevocation(r)}
	if !r.DoneAt.IsZero() || r.ID == 0 {
		out.Status = http.StatusCreated
	}
	if r.ID != 0 {
		out.Location = root + "/revocations/" + strconv.FormatInt(r.ID, 10)
	}
	return out, nil
}

type findRevocationInput struct {
	ID int64 `path:"id" minimum:"1"`
}

func (s *surface) findRevocation(ctx context.Context, caller authn.Caller, in *findRevocationInput) (*revocationOutput, error) {
	r, err := s.Admin.FindRevocation(ctx, caller, in.ID)
	return &revocationOutput{Status: http.StatusOK, Body: r}, err
}
