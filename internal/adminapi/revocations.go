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
)

func (s *surface) mountRevocations() {
	register(s, http.MethodGet, "/revocations", "revocation.list", s.listRevocations)
	creating(s, http.StatusAccepted, "/revocations", "revocation.begin", s.createRevocation)
	register(s, http.MethodGet, "/revocations/{id}", "revocation.find", s.findRevocation)
}

type listRevocationsInput struct {
	PageInput
	Of   domain.RevocationKind `query:"of" enum:"user,client,api,key,grant,role,group,all,criteria" doc:"Those of tokens that belong to one of this kind, or meet several criteria"`
	Done Choice                `query:"done" doc:"Those whose tokens are all marked, or those that are under way; left out: both"`
}

func (s *surface) listRevocations(ctx context.Context, caller authn.Caller, in *listRevocationsInput) (*pageOutput[admin.Revocation], error) {
	page, err := s.Admin.ListRevocations(ctx, caller, domain.RevocationFilter{Kind: in.Of, Done: in.Done.Given}, in.query())
	return &pageOutput[admin.Revocation]{page}, err
}

// NewRevocation chooses what is revoked: the tokens that meet all that is given, issued until now.
type NewRevocation struct {
	User         string            `json:"user,omitempty" minLength:"1" doc:"The tokens and grants of the user of this name"`
	Client       string            `json:"client,omitempty" minLength:"1" doc:"The tokens and grants of the client with this client_id"`
	API          string            `json:"api,omitempty" minLength:"1" doc:"The tokens and grants for the API with this audience"`
	KID          string            `json:"kid,omitempty" minLength:"1" maxLength:"200" doc:"Tokens that this key signed; then grants stay"`
	Role         string            `json:"role,omitempty" minLength:"1" doc:"Tokens of users and clients that hold this role now; then grants stay. It needs assignments:read"`
	Grant        int64             `json:"grant,omitempty" minimum:"1" doc:"The grant with this id, and its tokens; with others than its user and client, its tokens alone"`
	State        domain.TokenState `json:"state,omitempty" enum:"live,suspended" doc:"With suspended, the suspended tokens alone; then grants stay. Left out or live: suspended ones too"`
	All          bool              `json:"all,omitempty" doc:"All tokens and grants there are"`
	IssuedSince  *time.Time        `json:"issued_since,omitempty" doc:"Only tokens issued at this time or later; then grants stay"`
	IssuedBefore *time.Time        `json:"issued_before,omitempty" doc:"Only tokens issued before this time; then grants stay"`
	KeepGrants   bool              `json:"keep_grants,omitempty" doc:"Grants stay: their refresh tokens make new tokens. Not for a grant alone"`
}

// filter is what chooses the tokens. A time that is zero would stand for any.
func (b *NewRevocation) filter() (admin.TokenFilter, error) {
	f := admin.TokenFilter{Names: index.Names{User: b.User, Client: b.Client, API: b.API}, KID: b.KID, Role: b.Role, GrantID: b.Grant, State: b.State}
	for member, given := range map[string]struct{ from, to *time.Time }{
		"issued_since": {b.IssuedSince, &f.IssuedSince}, "issued_before": {b.IssuedBefore, &f.IssuedBefore},
	} {
		if given.from == nil {
			continue
		}
		if *given.to = *given.from; given.to.IsZero() {
			return f, invalid("body."+member, domain.RuleRange, "Give "+member+" a time that has been.")
		}
	}
	return f, nil
}

type createRevocationInput struct {
	Body NewRevocation
}

type revocationOutput struct {
	Location string `header:"Location"`
	Status   int
	Body     admin.Revocation
}

// createRevocation revokes what meets all that is given. It holds as soon as it is answered: 202 says that the status of its tokens is still
// being set.
func (s *surface) createRevocation(ctx context.Context, caller authn.Caller, in *createRevocationInput) (*revocationOutput, error) {
	filter, err := in.Body.filter()
	if err != nil {
		return nil, err
	}
	r, err := s.Admin.Revoke(ctx, caller, filter, admin.Revoking{All: in.Body.All, KeepGrants: in.Body.KeepGrants})
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
