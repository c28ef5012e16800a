package admin

import (
	"context"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
)

// Who takes back what is a user's or a client's needs the administrative permissions that these have, as who ends their sessions or
// disables them does: an operator cannot keep one administrator out. What takes back everybody's, that of an API, a key or all, is for
// whoever may revoke: it spares nobody, its caller neither, and is what stops an intruder who has become an administrator. What is narrower,
// by a role, a state or a time since which tokens were issued, could be aimed at any one administrator, and needs all permissions.

// changeToken changes a token of the index. domain.ErrNotFound if it is not in there.
func (s *Service) changeToken(
	ctx context.Context, caller authn.Caller, operation string, id domain.TokenID, change func(ctx context.Context, id domain.TokenID) error,
) error {
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return err
	}
	token, err := s.config.Index.Find(ctx, id)
	if err == nil {
		err = s.coversSubjects(ctx, caller, operation, holder(token.UserID, token.ClientID, token.Client))
	}
	if err != nil {
		return err
	}
	return change(ctx, id)
}

// coversRevocation refuses a caller who may not take back what a filter chooses.
func (s *Service) coversRevocation(ctx context.Context, caller authn.Caller, operation string, of TokenFilter) error {
	switch {
	case of.User != "":
		return s.covers(ctx, caller, operation, of.User)
	case of.GrantID != 0:
		grant, err := s.config.Revocation.FindGrant(ctx, of.GrantID)
		if err != nil {
			return err
		}
		return s.coversSubjects(ctx, caller, operation, directory.Subject{Kind: domain.SubjectUser, ID: grant.UserID})
	case of.Role != "" || of.State == domain.TokenSuspended || !of.IssuedSince.IsZero():
		return s.require(ctx, caller, operation, PermissionNames()...)
	case of.Client != "":
		return s.coversClient(ctx, caller, operation, of.Client)
	}
	return nil
}

// coversHolders refuses a caller who may not take back the tokens of one of those who have them.
func (s *Service) coversHolders(ctx context.Context, caller authn.Caller, operation string, tokens []domain.TokenEntry) error {
	asked := map[directory.Subject]bool{}
	var holders []directory.Subject
	for _, t := range tokens {
		if of := holder(t.UserID, t.ClientID, t.Client); !asked[of] {
			holders, asked[of] = append(holders, of), true
		}
	}
	return s.coversSubjects(ctx, caller, operation, holders...)
}

// holder is the user who has a token, or the client that has it for itself.
func holder(userID, clientID int64, client string) directory.Subject {
	if userID != 0 {
		return directory.Subject{Kind: domain.SubjectUser, ID: userID}
	}
	return directory.Subject{Kind: domain.SubjectClient, ID: clientID, Name: client}
}
