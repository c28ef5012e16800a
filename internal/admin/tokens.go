package admin

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/index"
)

// Token is a token of the index. What a token has a claim for is named as that is (RFC 9068 §2.2).
type Token struct {
	ID          string            `json:"jti"`
	Kind        string            `json:"kind" enum:"access,id"`
	Subject     string            `json:"sub"`
	Username    string            `json:"username,omitempty" doc:"Left out: the subject is the client"`
	ClientID    string            `json:"client_id"`
	Audience    string            `json:"aud"`
	KID         string            `json:"kid"`
	GrantID     int64             `json:"grant_id,omitzero" doc:"Left out: issued without a grant"`
	Status      domain.TokenState `json:"status" enum:"live,suspended,expired,revoked"`
	IssuedAt    time.Time         `json:"issued_at"`
	ExpiresAt   time.Time         `json:"expires_at"`
	RevokedAt   time.Time         `json:"revoked_at,omitzero"`
	SuspendedAt time.Time         `json:"suspended_at,omitzero"`
}

// ShowToken shows a token as of a time.
func ShowToken(e domain.TokenEntry, now time.Time) Token {
	shown := Token{
		ID: e.ID.String(), Kind: "access", Subject: e.Subject, Username: e.Username, ClientID: e.Client,
		Audience: e.Audience, KID: e.KeyName, GrantID: e.GrantID, Status: e.State(now),
		IssuedAt: e.IssuedAt(), ExpiresAt: e.ExpiresAt, RevokedAt: e.RevokedAt, SuspendedAt: e.SuspendedAt,
	}
	if e.Kind == domain.TokenIdentity {
		shown.Kind = "id"
	}
	return shown
}

// FindToken shows a token. domain.ErrNotFound if it is not in the index.
func (s *Service) FindToken(ctx context.Context, caller authn.Caller, id domain.TokenID) (Token, error) {
	ctx, err := s.authorize(ctx, caller, "token.find")
	if err != nil {
		return Token{}, err
	}
	entry, err := s.config.Index.Find(ctx, id)
	return ShowToken(entry, s.config.Now()), err
}

// ListTokens lists tokens that belong to all that is named and that the filter chooses, the newest first, and returns the id that the
// next page begins after, the zero id if this is the last. domain.ErrNotFound if a name is nobody's.
func (s *Service) ListTokens(
	ctx context.Context, caller authn.Caller, names index.Names, filter domain.TokenFilter,
) (tokens []Token, next domain.TokenID, err error) {
	if ctx, err = s.authorize(ctx, caller, "token.list"); err != nil {
		return nil, next, err
	}
	of, _, err := s.config.Names.Filter(ctx, names)
	if err != nil {
		return nil, next, err
	}
	filter.UserID, filter.ClientID, filter.APIID = of.UserID, of.ClientID, of.APIID
	entries, next, err := s.config.Index.List(ctx, filter)
	tokens, err = list(entries, err, func(e domain.TokenEntry) Token { return ShowToken(e, s.config.Now()) })
	return tokens, next, err
}

// RevokeToken revokes a token. domain.ErrNotFound if it is not in the index.
func (s *Service) RevokeToken(ctx context.Context, caller authn.Caller, id domain.TokenID) error {
	ctx, err := s.authorize(ctx, caller, "token.revoke")
	if err != nil {
		return err
	}
	return s.config.Revocation.RevokeID(ctx, id)
}

// SuspendToken makes a token inactive until ResumeToken. domain.ErrNotFound if it is not in the index, domain.ErrRevoked if it is
// revoked.
func (s *Service) SuspendToken(ctx context.Context, caller authn.Caller, id domain.TokenID) error {
	ctx, err := s.authorize(ctx, caller, "token.suspend")
	if err != nil {
		return err
	}
	return s.config.Revocation.Suspend(ctx, id)
}

// ResumeToken makes a suspended token active again, with the same errors.
func (s *Service) ResumeToken(ctx context.Context, caller authn.Caller, id domain.TokenID) error {
	ctx, err := s.authorize(ctx, caller, "token.resume")
	if err != nil {
		return err
	}
	return s.config.Revocation.Resume(ctx, id)
}

// PurgeTokens deletes what expired more than an hour ago and returns the number of deleted rows.
func (s *Service) PurgeTokens(ctx context.Context, caller authn.Caller) (int64, error) {
	ctx, err := s.authorize(ctx, caller, "token.purge")
	if err != nil {
		return 0, err
	}
	return s.config.Index.Purge(ctx)
}
