package adminapi

import (
	"context"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/revocation"
)

// Revocation says how far a revocation has come. What it takes back is revoked from the start.
type Revocation struct {
	ID            int64                 `json:"id,omitzero" doc:"Left out: it was done at once"`
	Of            domain.RevocationKind `json:"of" enum:"user,client,api,key,grant,all"`
	IssuedBefore  time.Time             `json:"issued_before,omitzero"`
	CreatedAt     time.Time             `json:"created_at"`
	DoneAt        time.Time             `json:"done_at,omitzero" doc:"Left out: not all tokens are marked in the index and its status lists"`
	RevokedTokens int64                 `json:"revoked_tokens" doc:"Live tokens marked so far"`
	RevokedGrants int64                 `json:"revoked_grants" doc:"Live grants marked so far"`
}

func newRevocation(r domain.Revocation) Revocation {
	return Revocation{
		ID: r.ID, Of: r.Kind, IssuedBefore: r.IssuedBefore, CreatedAt: r.CreatedAt, DoneAt: r.DoneAt,
		RevokedTokens: r.Marked, RevokedGrants: r.Ended,
	}
}

type createRevocationInput struct {
	Body struct {
		User         string     `json:"user,omitempty" doc:"The tokens and grants of the user of this name"`
		Client       string     `json:"client,omitempty" doc:"The tokens and grants of the client with this client_id"`
		API          string     `json:"api,omitempty" doc:"The tokens for the API with this audience"`
		Grant        int64      `json:"grant,omitempty" minimum:"1" doc:"The grant with this id, and its tokens"`
		All          bool       `json:"all,omitempty" doc:"All tokens there are"`
		IssuedBefore *time.Time `json:"issued_before,omitempty" doc:"Only tokens issued before this time; then grants stay. Not for a grant"`
	}
}

type revocationOutput struct {
	Location string `header:"Location"`
	Status   int
	Body     Revocation
}

// createRevocation revokes by one criterion. It holds as soon as it is answered.
func (s *surface) createRevocation(ctx context.Context, in *createRevocationInput) (*revocationOutput, error) {
	b := &in.Body
	named := 0
	for _, given := range []bool{b.User != "", b.Client != "", b.API != "", b.Grant != 0, b.All} {
		if given {
			named++
		}
	}
	if named != 1 {
		return nil, huma.Error422UnprocessableEntity("Name one of user, client, api, grant and all.")
	}
	var issuedBefore time.Time
	if b.IssuedBefore != nil {
		if issuedBefore = *b.IssuedBefore; b.Grant != 0 || issuedBefore.IsZero() { // zero would stand for no limit
			return nil, huma.Error422UnprocessableEntity("With issued_before, name a real time, and one of user, client, api and all.")
		}
	}
	target, err := s.Names.Filter(ctx, index.Names{User: b.User, Client: b.Client, API: b.API})
	if err != nil {
		return nil, err
	}
	r, err := s.Revocation.Revoke(ctx, revocation.TokenSelector{
		UserID: target.UserID, ClientID: target.ClientID, APIID: target.APIID, GrantID: b.Grant, All: b.All, IssuedBefore: issuedBefore,
	})
	if err != nil {
		return nil, err
	}
	out := &revocationOutput{Status: 201, Body: newRevocation(r)}
	if r.ID != 0 {
		out.Location = root + "/revocations/" + strconv.FormatInt(r.ID, 10)
	}
	return out, nil
}

type findRevocationInput struct {
	ID int64 `path:"id" minimum:"1"`
}

func (s *surface) findRevocation(ctx context.Context, in *findRevocationInput) (*revocationOutput, error) {
	r, err := s.Revocation.Find(ctx, in.ID)
	return &revocationOutput{Status: 200, Body: newRevocation(r)}, err
}

type revokeKeyInput struct {
	KID string `path:"kid"`
}

type revokeKeyOutput struct {
	Body struct {
		KID         string     `json:"kid"`
		Replacement string     `json:"replacement,omitempty" doc:"The kid that signs from now on, if this one did"`
		Revocation  Revocation `json:"revocation"`
	}
}

func (s *surface) revokeKey(ctx context.Context, in *revokeKeyInput) (*revokeKeyOutput, error) {
	replacement, dead, err := s.Keys.Revoke(ctx, in.KID)
	if err != nil {
		return nil, err
	}
	out := new(revokeKeyOutput)
	out.Body.KID, out.Body.Replacement, out.Body.Revocation = in.KID, replacement.KID, newRevocation(dead)
	return out, nil
}
