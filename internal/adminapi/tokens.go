package adminapi

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/index"
)

func (s *surface) mountTokens() {
	register(s, http.MethodGet, "/tokens", "token.list", s.listTokens)
	register(s, http.MethodGet, "/tokens/count", "token.count", s.countTokens)
	register(s, http.MethodPost, "/tokens/inspect", "token.inspect", s.inspectToken)
	register(s, http.MethodGet, "/tokens/{jti}", "token.find", s.findToken)
	register(s, http.MethodPost, "/tokens/{jti}/revoke", "token.revoke", actOnToken(s.Admin.RevokeToken))
	register(s, http.MethodPost, "/tokens/revoke", "token.revoke_chosen", s.revokeTokens)
	register(s, http.MethodPost, "/tokens/{jti}/suspend", "token.suspend", actOnToken(s.Admin.SuspendToken))
	register(s, http.MethodPost, "/tokens/{jti}/resume", "token.resume", actOnToken(s.Admin.ResumeToken))
}

// TokenFilterInput chooses tokens.
type TokenFilterInput struct {
	User         string            `query:"user" doc:"Those of the user of this name"`
	Client       string            `query:"client" doc:"Those of the client with this client_id"`
	API          string            `query:"api" doc:"Those for the API with this audience"`
	KID          string            `query:"kid" maxLength:"200" doc:"Those that this key signed"`
	Role         string            `query:"role" doc:"Those of users and clients that hold this role now; needs assignments:read"`
	GrantID      int64             `query:"grant_id" minimum:"1" doc:"Those of the grant with this id"`
	State        domain.TokenState `query:"state" enum:"live,suspended,expired,revoked" doc:"Those of which this became"`
	IssuedSince  time.Time         `query:"issued_since" doc:"Those issued at this time or later"`
	IssuedBefore time.Time         `query:"issued_before" doc:"Those issued before this time"`
	Search       string            `query:"search" maxLength:"200" doc:"Those with a jti that begins so"`
}

// Resolve implements huma.Resolver.
func (in *TokenFilterInput) Resolve(ctx huma.Context) []error {
	if ctx.Query("issued_before") != "" && in.IssuedBefore.IsZero() { // zero would stand for any time
		return []error{invalid("query.issued_before", domain.RuleRange, "Give issued_before a time that has been.")}
	}
	return nil
}

func (in *TokenFilterInput) filter() admin.TokenFilter {
	return admin.TokenFilter{
		Names: index.Names{User: in.User, Client: in.Client, API: in.API}, KID: in.KID, Role: in.Role, GrantID: in.GrantID,
		State: in.State, IssuedSince: in.IssuedSince, IssuedBefore: in.IssuedBefore, Search: in.Search,
	}
}

type listTokensInput struct {
	TokenFilterInput
	PlaceInput
}

func (s *surface) listTokens(ctx context.Context, caller authn.Caller, in *listTokensInput) (*pageOutput[admin.Token], error) {
	page, err := s.Admin.ListTokens(ctx, caller, in.filter(), in.query())
	return &pageOutput[admin.Token]{page}, err
}

func (s *surface) countTokens(ctx context.Context, caller authn.Caller, in *TokenFilterInput) (*objectOutput[admin.Count], error) {
	count, err := s.Admin.CountTokens(ctx, caller, in.filter())
	return shown(count, 0, err)
}

// parseID reads the jti of a token that may be in the index.
func parseID(jti string) (domain.TokenID, error) {
	id, err := domain.ParseTokenID(jti)
	if err != nil {
		return id, huma.Error404NotFound("There is no token with this jti.")
	}
	return id, nil
}

type tokenInput struct {
	JTI string `path:"jti"`
}

type tokenOutput struct{ Body admin.Token }

func (s *surface) findToken(ctx context.Context, caller authn.Caller, in *tokenInput) (*tokenOutput, error) {
	id, err := parseID(in.JTI)
	if err != nil {
		return nil, err
	}
	token, err := s.Admin.FindToken(ctx, caller, id)
	return &tokenOutput{token}, err
}

func actOnToken(
	do func(ctx context.Context, caller authn.Caller, id domain.TokenID) error,
) func(context.Context, authn.Caller, *tokenInput) (*done, error) {
	return func(ctx context.Context, caller authn.Caller, in *tokenInput) (*done, error) {
		id, err := parseID(in.JTI)
		if err != nil {
			return nil, err
		}
		return nil, do(ctx, caller, id)
	}
}
