package admin

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// Revocation says how far a revocation has come. What it takes back is revoked from the start.
type Revocation struct {
	ID            int64                 `json:"id,omitzero" doc:"Left out: it was done at once"`
	Of            domain.RevocationKind `json:"of" enum:"user,client,api,key,grant,role,group,all,criteria"`
	Name          string                `json:"name,omitempty" doc:"Of the user, client, API, key, role or group when it began"`
	Criteria      *Criteria             `json:"criteria,omitempty" doc:"Of several criteria: those, all of which its tokens meet"`
	IssuedBefore  time.Time             `json:"issued_before,omitzero"`
	CreatedAt     time.Time             `json:"created_at"`
	MarkedUntil   time.Time             `json:"marked_until,omitzero" doc:"Tokens issued until then are marked; left out: none is yet"`
	DoneAt        time.Time             `json:"done_at,omitzero" doc:"Left out: not all tokens are marked in the index and its status lists"`
	RevokedTokens int64                 `json:"revoked_tokens" doc:"Live tokens marked so far"`
	RevokedGrants int64                 `json:"revoked_grants" doc:"Live grants marked so far"`
}

// ShowRevocation shows a revocation.
func ShowRevocation(r domain.Revocation) Revocation {
	shown := Revocation{
		ID: r.ID, Of: r.Kind, Name: r.Name, IssuedBefore: r.IssuedBefore, CreatedAt: r.CreatedAt, DoneAt: r.DoneAt,
		RevokedTokens: r.Marked, RevokedGrants: r.Ended,
	}
	if r.Criteria != nil {
		shown.Criteria = showCriteria(r.Criteria)
	}
	if r.Cursor != (domain.TokenID{}) && !r.Kind.ByClaims() { // its tokens are not marked in the order of time
		shown.MarkedUntil = r.Cursor.Time()
	}
	return shown
}

// ListRevocations lists the revocations that a filter chooses, the newest first, until a day after they are done. ErrCursor for that of
// another list.
func (s *Service) ListRevocations(ctx context.Context, caller authn.Caller, filter domain.RevocationFilter, q Query) (Page[Revocation], error) {
	const operation = "revocation.list"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Page[Revocation]{}, err
	}
	return page(ctx, s, fmt.Sprintf("%s %s %s", operation, filter.Kind, either(filter.Done)), q, func(ctx context.Context, p domain.Page) ([]domain.Revocation, error) {
		return s.config.Revocation.List(ctx, filter, p)
	}, func(r domain.Revocation) string { return strconv.FormatInt(r.ID, 10) }, each(ShowRevocation))
}

// FindRevocation shows a revocation, for a day after it is done. domain.ErrNotFound if there is none of the id.
func (s *Service) FindRevocation(ctx context.Context, caller authn.Caller, id int64) (Revocation, error) {
	ctx, err := s.authorize(ctx, caller, "revocation.find")
	if err != nil {
		return Revocation{}, err
	}
	found, err := s.config.Revocation.Find(ctx, id)
	return ShowRevocation(found), err
}

// FinishRevocation sets the status of a revocation's tokens step by step, as every server does; progress is called after each step.
// domain.ErrNotFound if there is no revocation of the id.
func (s *Service) FinishRevocation(ctx context.Context, caller authn.Caller, id int64, progress func(Revocation)) (Revocation, error) {
	ctx, err := s.authorize(ctx, caller, "revocation.finish")
	if err != nil {
		return Revocation{}, err
	}
	begun, err := s.config.Revocation.Find(ctx, id)
	if err != nil {
		return Revocation{}, err
	}
	done, err := s.config.Revocation.Finish(ctx, begun, func(r domain.Revocation) { progress(ShowRevocation(r)) })
	return ShowRevocation(done), err
}
