package revocation

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// TokenSelector chooses the tokens to be revoked by exactly one criterion: a database id, or All.
type TokenSelector struct {
	UserID       int64
	ClientID     int64
	APIID        int64
	KeyID        int64
	GrantID      int64
	All          bool
	Name         string    // what the id belongs to, for the audit log; empty: it gets the id
	IssuedBefore time.Time // zero: whenever issued; otherwise grants stay. Not for a grant
	KeepGrants   bool      // their refresh tokens may make new ones. Not for a grant
}

// revocation is what takes back the tokens that are selected. domain.ErrInvalid unless there is exactly one criterion.
func (s TokenSelector) revocation() (r domain.Revocation, err error) {
	r.IssuedBefore, r.KeepGrants = s.IssuedBefore.UTC(), s.KeepGrants
	criteria := 0
	for kind, id := range map[domain.RevocationKind]int64{
		domain.RevokeOfUser: s.UserID, domain.RevokeOfClient: s.ClientID, domain.RevokeOfAPI: s.APIID, domain.RevokeOfKey: s.KeyID,
		domain.RevokeOfGrant: s.GrantID,
	} {
		if id != 0 {
			criteria++
			r.Kind, r.TargetID = kind, id
		}
	}
	if s.All {
		criteria++
		r.Kind = domain.RevokeOfAll
	}
	if criteria != 1 {
		return r, domain.Invalid("", domain.RuleRequired, "revocation: %d criteria, give one of user, client, API, key, grant and all", criteria)
	}
	if r.Kind == domain.RevokeOfGrant && (r.KeepGrants || !r.IssuedBefore.IsZero()) {
		return r, domain.Invalid("grant", domain.RuleConflict, "revocation: a grant ends with all its tokens, whenever issued")
	}
	if year := r.IssuedBefore.Year(); year < 1 || year > 9999 { // RFC 3339 ends there
		return r, domain.Invalid("issued_before", domain.RuleRange, "time: year %d", year)
	}
	return r, nil
}

// Revoke takes back every token that is selected and was issued until now, and ends their grants, so that no refresh token makes new
// ones, unless the selector keeps them or is limited to tokens issued before a time. It holds as soon as it returns; Finish sets the
// status of each token. domain.ErrInvalid for a selector without exactly one criterion, domain.ErrNotFound if there is no such
// grant; a grant that was revoked before is no error.
func (s *Service) Revoke(ctx context.Context, selector TokenSelector) (domain.Revocation, error) {
	r, err := selector.revocation()
	if err != nil {
		return r, err
	}
	if r.Kind == domain.RevokeOfGrant {
		return s.RevokeGrant(ctx, r.TargetID)
	}
	stored := r
	revoked := event.TokensRevoked{TargetID: r.TargetID, Name: selector.Name, IssuedBefore: r.IssuedBefore, KeepGrants: r.KeepGrants, Revocation: r.Kind}
	err = s.events.Change(ctx, revoked, func(ctx context.Context) (err error) {
		stored, err = s.Begin(ctx, r)
		return err
	})
	if err != nil {
		return r, fmt.Errorf("revoke the tokens of %s: %w", revoked.Object(), err)
	}
	return stored, nil
}
