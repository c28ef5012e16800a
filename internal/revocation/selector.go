package revocation

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// TokenSelector chooses the tokens to be revoked by a criterion, or by several, all of which they meet: a database id, a time since which
// they were issued, that they are suspended; or All alone.
type TokenSelector struct {
	UserID       int64
	ClientID     int64
	APIID        int64
	KeyID        int64
	GrantID      int64
	RoleID       int64 // who holds it
	Suspended    bool
	IssuedSince  time.Time // then or later
	All          bool
	IssuedBefore time.Time // zero: whenever issued; otherwise grants stay. Not for a grant alone
	KeepGrants   bool      // their refresh tokens may make new ones. Not for a grant alone
	Names        Names     // what the ids belong to, for the audit log and who follows it; an empty one: it gets the id
}

// Names are those of what a selector has the id of.
type Names struct{ User, Client, API, KID, Role string }

// single are the criteria that make a revocation of their own kind, with the name of each.
func (s *TokenSelector) single() (kind domain.RevocationKind, id int64, name string, given int) {
	for _, criterion := range []struct {
		kind domain.RevocationKind
		id   int64
		name string
	}{
		{domain.RevokeOfUser, s.UserID, s.Names.User}, {domain.RevokeOfClient, s.ClientID, s.Names.Client}, {domain.RevokeOfAPI, s.APIID, s.Names.API},
		{domain.RevokeOfKey, s.KeyID, s.Names.KID}, {domain.RevokeOfGrant, s.GrantID, ""},
	} {
		if criterion.id != 0 {
			given++
			kind, id, name = criterion.kind, criterion.id, criterion.name
		}
	}
	return kind, id, name, given
}

// roleName is that of the role that is a criterion, which is never empty: that would be no criterion.
func (s *TokenSelector) roleName() string {
	if s.RoleID == 0 {
		return ""
	}
	return cmp.Or(s.Names.Role, strconv.FormatInt(s.RoleID, 10))
}

// revocation builds the revocation of the selected tokens and the event that records it. domain.ErrInvalid without a criterion, or with
// two that exclude each other.
func (s *TokenSelector) revocation() (r domain.Revocation, recorded event.Event, err error) {
	r.IssuedBefore, r.KeepGrants = s.IssuedBefore.UTC(), s.KeepGrants
	since := s.IssuedSince.UTC()
	for member, at := range map[string]time.Time{"issued_before": r.IssuedBefore, "issued_since": since} {
		if year := at.Year(); year < 1 || year > 9999 { // RFC 3339 ends there
			return r, nil, domain.Invalid(member, domain.RuleRange, "time: year %d", year)
		}
	}
	kind, id, name, given := s.single()
	narrowed := s.RoleID != 0 || s.Suspended || !since.IsZero()
	switch {
	case s.All && (given > 0 || narrowed):
		return r, nil, domain.Invalid("all", domain.RuleConflict, "revocation: all goes with issued_before and keep_grants alone")
	case s.All:
		r.Kind = domain.RevokeOfAll
	case given == 1 && !narrowed:
		r.Kind, r.TargetID = kind, id
	case given > 0 || narrowed:
		r.Kind, r.Criteria = domain.RevokeByCriteria, &domain.TokenCriteria{
			UserID: s.UserID, ClientID: s.ClientID, APIID: s.APIID, KeyID: s.KeyID, GrantID: s.GrantID, Role: s.roleName(), Suspended: s.Suspended,
			IssuedSince: since, User: s.Names.User, Client: s.Names.Client, API: s.Names.API, KID: s.Names.KID,
		}
		return r, event.RevokedByCriteria(r), nil
	default:
		return r, nil, domain.Invalid("", domain.RuleRequired, "revocation: name what it is of: a user, client, API, key, grant or role, a time, suspended tokens, or all")
	}
	if r.Kind == domain.RevokeOfGrant && (r.KeepGrants || !r.IssuedBefore.IsZero()) {
		return r, nil, domain.Invalid("grant", domain.RuleConflict, "revocation: a grant ends with all its tokens, whenever issued")
	}
	return r, event.TokensRevoked{TargetID: r.TargetID, Name: name, IssuedBefore: r.IssuedBefore, KeepGrants: r.KeepGrants, Revocation: r.Kind}, nil
}

// Revoke revokes the selected tokens issued so far, and ends their grants, unless the selector keeps them, is limited by time, or selects by
// what grants do not have: a key, a role, suspended tokens. It is effective once it returns; Finish sets the status of each token.
// domain.ErrInvalid without a criterion, domain.ErrNotFound if there is no such grant (a revoked one is no error), domain.ErrTooManyOfRole.
func (s *Service) Revoke(ctx context.Context, selector TokenSelector) (domain.Revocation, error) {
	r, recorded, err := selector.revocation()
	if err != nil {
		return r, err
	}
	if r.Kind == domain.RevokeOfGrant {
		return s.RevokeGrant(ctx, r.TargetID)
	}
	stored := r
	err = s.events.Change(ctx, recorded, func(ctx context.Context) (err error) {
		if selector.RoleID != 0 {
			if err := s.addHolders(ctx, r.Criteria, selector.RoleID); err != nil {
				return err
			}
		}
		stored, err = s.Begin(ctx, r)
		return err
	})
	if err != nil {
		return r, fmt.Errorf("revoke the tokens of %s: %w", recorded.Object(), err)
	}
	return stored, nil
}

// addHolders adds those who hold a role now to criteria.
func (s *Service) addHolders(ctx context.Context, k *domain.TokenCriteria, role int64) (err error) {
	if k.Users, k.Clients, err = s.losses.RoleHolders(ctx, role, maxHolders+1, s.now()); err != nil {
		return fmt.Errorf("find who holds a role: %w", err)
	}
	if max(len(k.Users), len(k.Clients)) > maxHolders {
		return domain.ErrTooManyOfRole
	}
	return nil
}
