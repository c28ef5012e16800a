package revocation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// RevokeRefresh ends the grant of a refresh token, given by signature, on behalf of its client (RFC 7009 §2.1). One that is not
// there is no error. ErrNotYours if it is another client's.
func (s *Service) RevokeRefresh(ctx context.Context, client *domain.Client, signature string) error {
	found, err := s.grants.FindRefreshToken(ctx, signature)
	if errors.Is(err, domain.ErrNotFound) {
		return nil
	} else if err != nil {
		return fmt.Errorf("find the refresh token: %w", err)
	}
	grant, err := s.grants.FindGrant(ctx, found.GrantID)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("find the grant: %w", err)
	case grant.ClientID != client.ID:
		return ErrNotYours
	}
	if _, err = s.RevokeGrant(ctx, grant.ID); errors.Is(err, domain.ErrNotFound) {
		return nil // purged meanwhile
	}
	return err
}

// RevokeGrant ends a grant: its refresh tokens, codes and access tokens. It holds as soon as it returns; of a user with very many
// tokens, Finish sets their status. What was done before is no error. domain.ErrNotFound if there is no such grant.
func (s *Service) RevokeGrant(ctx context.Context, id int64) (r domain.Revocation, err error) {
	grant, err := s.FindGrant(ctx, id)
	if err != nil {
		return r, err
	}
	if grant.RevokedAt.IsZero() {
		r, err = s.revokeGrant(ctx, id)
		if !errors.Is(err, domain.ErrRevoked) {
			return r, err
		}
	}
	return s.revocationOf(ctx, id)
}

// FindGrant returns a grant. domain.ErrNotFound if there is none of the id.
func (s *Service) FindGrant(ctx context.Context, id int64) (domain.Grant, error) {
	grant, err := s.grants.FindGrant(ctx, id)
	if err != nil {
		return grant, fmt.Errorf("find grant %d: %w", id, err)
	}
	return grant, nil
}

// RevokeOfSessions revokes, in the transaction that ctx carries, the tokens that were given in sessions which end there, of the clients that
// are registered so: the grants end.
func (s *Service) RevokeOfSessions(ctx context.Context, sessions ...int64) error {
	grants, err := s.grants.GrantsOfSessions(ctx, s.now(), sessions...)
	if err != nil {
		return fmt.Errorf("find what was given in sessions: %w", err)
	}
	for _, id := range grants {
		if _, err := s.revokeGrant(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// RevokeOfClient ends, in the transaction that ctx carries, at most limit grants of a user at a client, and says how many.
func (s *Service) RevokeOfClient(ctx context.Context, userID, clientID int64, limit int) (ended int, err error) {
	grants, err := s.grants.GrantsOfClient(ctx, userID, clientID, s.now(), limit)
	if err != nil {
		return 0, fmt.Errorf("find what a client was given: %w", err)
	}
	for _, id := range grants {
		if _, err := s.revokeGrant(ctx, id); err != nil && !errors.Is(err, domain.ErrRevoked) {
			return 0, err
		}
	}
	return len(grants), nil
}

// revocationOf returns the revocation that has ended a grant, which may have been its user's, client's or API's, or of all.
func (s *Service) revocationOf(ctx context.Context, id int64) (r domain.Revocation, err error) {
	open, err := s.store.OpenRevocations(ctx) // before the grant is read: what is done by then has set the status of its tokens
	if err != nil {
		return r, fmt.Errorf("find the revocation of grant %d: %w", id, err)
	}
	grant, err := s.grants.FindGrant(ctx, id)
	if err != nil {
		return r, fmt.Errorf("find grant %d: %w", id, err)
	}
	for _, r := range open {
		if ends(r, grant) {
			return r, nil
		}
	}
	return domain.Revocation{Kind: domain.RevokeOfGrant, TargetID: id, CreatedAt: grant.RevokedAt, DoneAt: grant.RevokedAt}, nil
}

// ends says whether a grant that has ended did so by a revocation, unless it was given later.
func ends(r domain.Revocation, grant domain.Grant) bool {
	switch r.Kind {
	case domain.RevokeOfGrant:
		return r.TargetID == grant.ID
	case domain.RevokeOfUser:
		return r.EndsGrants() && r.TargetID == grant.UserID
	case domain.RevokeOfClient:
		return r.EndsGrants() && r.TargetID == grant.ClientID
	case domain.RevokeOfAPI:
		return r.EndsGrants() && slices.ContainsFunc(grant.APIs, func(api domain.GrantAPI) bool { return api.Audience == r.Audience })
	case domain.RevokeByCriteria:
		return r.EndsGrants() && r.Criteria.MetBy(grant, r.Audience)
	default:
		return r.EndsGrants()
	}
}

// revokeGrant returns domain.ErrRevoked if it was revoked meanwhile.
func (s *Service) revokeGrant(ctx context.Context, id int64) (r domain.Revocation, err error) {
	err = s.store.Tx(ctx, func(ctx context.Context) error {
		if r, err = s.grants.RevokeGrant(ctx, id, stepSize, s.now()); err != nil {
			return err
		}
		ended := event.GrantRevoked{ID: id}
		if !r.DoneAt.IsZero() {
			ended.Tokens = &r.Marked
		}
		return s.events.Record(ctx, ended)
	})
	if err != nil {
		return r, fmt.Errorf("revoke grant %d: %w", id, err)
	}
	return r, nil
}
