package admin

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/revocation"
)

// Criteria are what tokens meet, all of it, that a revocation of several criteria revokes.
type Criteria struct {
	User        string            `json:"user,omitempty" doc:"Of the user of this name"`
	Client      string            `json:"client,omitempty" doc:"Of the client with this client_id"`
	API         string            `json:"api,omitempty" doc:"For the API with this audience"`
	KID         string            `json:"kid,omitempty" doc:"Signed by this key"`
	Role        string            `json:"role,omitempty" doc:"Of users and clients that held this role when it began"`
	GrantID     int64             `json:"grant_id,omitzero" doc:"Of the grant with this id"`
	State       domain.TokenState `json:"state,omitempty" enum:"suspended" doc:"In this state; left out: live or suspended"`
	IssuedSince time.Time         `json:"issued_since,omitzero" doc:"Issued at this time or later"`
}

func showCriteria(k *domain.TokenCriteria) *Criteria {
	shown := &Criteria{User: k.User, Client: k.Client, API: k.API, KID: k.KID, Role: k.Role, GrantID: k.GrantID, IssuedSince: k.IssuedSince}
	if k.Suspended {
		shown.State = domain.TokenSuspended
	}
	return shown
}

// Revoking is how tokens that a filter chooses are revoked.
type Revoking struct {
	All        bool // that the filter names nothing, but perhaps a time before which they were issued, is meant
	KeepGrants bool // their refresh tokens may make new ones
}

// Revoke begins a revocation of the tokens that a filter chooses and that are issued until then; live ones are revoked, suspended ones too
// unless the filter asks for either. It holds when it returns. A caller needs the administrative permissions that a user or client has. The
// errors of revocation.Revoke; domain.ErrNotFound if a name is nobody's.
func (s *Service) Revoke(ctx context.Context, caller authn.Caller, of TokenFilter, how Revoking) (domain.Revocation, error) {
	const operation = "revocation.begin"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.coversRevocation(ctx, caller, operation, of)
	}
	if err != nil {
		return domain.Revocation{}, err
	}
	if of.State == domain.TokenExpired || of.State == domain.TokenRevoked {
		return domain.Revocation{}, domain.Invalid("state", domain.RuleConflict, "revocation: what is %s is not revoked", of.State)
	}
	if of.Search != "" {
		return domain.Revocation{}, domain.Invalid("search", domain.RuleConflict, "revocation: what a search finds is not revoked as a whole")
	}
	stored, names, err := s.stored(ctx, caller, of)
	if err != nil {
		return domain.Revocation{}, err
	}
	selector := revocation.TokenSelector{
		UserID: stored.UserID, ClientID: stored.ClientID, APIID: stored.APIID, KeyID: stored.KeyID, GrantID: stored.GrantID, RoleID: stored.RoleID,
		Suspended: of.State == domain.TokenSuspended, IssuedSince: of.IssuedSince, IssuedBefore: of.IssuedBefore,
		All: how.All, KeepGrants: how.KeepGrants, Names: names,
	}
	if selector.GrantID != 0 {
		if err := s.ofGrant(ctx, &selector); err != nil {
			return domain.Revocation{}, err
		}
	}
	return s.config.Revocation.Revoke(ctx, selector)
}

// EndsGrants reports whether a revocation of what the filter chooses ends grants too, unless they are kept.
func (f TokenFilter) EndsGrants() bool {
	return f.KID == "" && f.Role == "" && f.State != domain.TokenSuspended && f.IssuedSince.IsZero() && f.IssuedBefore.IsZero() &&
		(f.GrantID == 0 || f.API == "")
}

// ofGrant leaves out of a selector the user and the client that a grant has anyway, so that the whole grant ends. What is narrower names
// the user, by whom the tokens of a grant are found.
func (s *Service) ofGrant(ctx context.Context, selector *revocation.TokenSelector) error {
	grant, err := s.config.Revocation.FindGrant(ctx, selector.GrantID)
	if err != nil {
		return err
	}
	whole := *selector
	if whole.UserID == grant.UserID {
		whole.UserID = 0
	}
	if whole.ClientID == grant.ClientID {
		whole.ClientID = 0
	}
	if whole.UserID == 0 && whole.ClientID == 0 && whole.APIID == 0 && whole.KeyID == 0 && whole.RoleID == 0 && !whole.Suspended && whole.IssuedSince.IsZero() {
		*selector = whole
	} else if selector.UserID == 0 {
		selector.UserID = grant.UserID
	}
	return nil
}

// FindTokens shows tokens, in the order of their ids that are given. domain.ErrNotFound if one is not in the index, domain.ErrInvalid if there
// are too many.
func (s *Service) FindTokens(ctx context.Context, caller authn.Caller, ids []domain.TokenID) ([]Token, error) {
	ctx, err := s.authorize(ctx, caller, "token.find")
	if err == nil {
		err = countChosen(ids)
	}
	if err != nil {
		return nil, err
	}
	tokens, err := s.config.Index.FindAll(ctx, ids...)
	return list(tokens, err, func(e domain.TokenEntry) Token { return ShowToken(e, s.config.Now()) })
}

func countChosen(ids []domain.TokenID) error {
	if len(ids) == 0 || len(ids) > MaxChosen {
		return domain.Invalid("jti", domain.RuleRange, "tokens: %d are chosen; choose 1 to %d at once", len(ids), MaxChosen)
	}
	return nil
}

// MaxChosen is how many tokens are revoked at once by their ids.
const MaxChosen = 200

// RevokeChosen revokes tokens by their ids, all or none, and says how many were not revoked before. domain.ErrNotFound if one is not in the
// index, domain.ErrInvalid if there are too many.
func (s *Service) RevokeChosen(ctx context.Context, caller authn.Caller, ids []domain.TokenID) (int, error) {
	const operation = "token.revoke_chosen"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = countChosen(ids)
	}
	if err != nil {
		return 0, err
	}
	tokens, err := s.config.Index.FindAll(ctx, ids...)
	if err == nil {
		err = s.coversHolders(ctx, caller, operation, tokens)
	}
	if err != nil {
		return 0, err
	}
	return s.config.Revocation.RevokeListed(ctx, tokens)
}
