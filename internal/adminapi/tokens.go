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
	register(s, http.MethodGet, "/tokens/{jti}", "token.find", s.findToken)
	register(s, http.MethodPost, "/tokens/{jti}/revoke", "token.revoke", actOnToken(s.Admin.RevokeToken))
	register(s, http.MethodPost, "/tokens/{jti}/suspend", "token.suspend", actOnToken(s.Admin.SuspendToken))
	register(s, http.MethodPost, "/tokens/{jti}/resume", "token.resume", actOnToken(s.Admin.ResumeToken))
}

type listTokensInput struct {
	User         string            `query:"user" doc:"Those of the user of this name"`
	Client       string            `query:"client" doc:"Those of the client with this client_id"`
	API          string            `query:"api" doc:"Those for the API with this audience"`
	State        domain.TokenState `query:"state" enum:"live,suspended,expired,revoked" doc:"Those of which this became"`
	IssuedSince  time.Time         `query:"issued_since" doc:"Those issued at this time or later"`
	IssuedBefore time.Time         `query:"issued_before" doc:"Those issued before this time"`
	After        string            `query:"after" doc:"Those after this one: the 'next' of the page before"`
	Limit        int               `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"At most so many"`
}

// Resolve implements huma.Resolver.
func (in *listTokensInput) Resolve(ctx huma.Context) []error {
	if ctx.Query("issued_before") != "" && in.IssuedBefore.IsZero() { // zero would stand for any time
		return []error{huma.Error422UnprocessableEntity("Give issued_before a time that has been.")}
	}
	return nil
}

type tokenPage struct {
	Body struct {
		Tokens []admin.Token `json:"tokens" doc:"A page may be short, or empty, although there are more"`
		Next   string        `json:"next,omitempty" doc:"The 'after' of the next page; left out: this is the last"`
	}
}

func (s *surface) listTokens(ctx context.Context, caller authn.Caller, in *listTokensInput) (*tokenPage, error) {
	filter := domain.TokenFilter{State: in.State, IssuedSince: in.IssuedSince, IssuedBefore: in.IssuedBefore, Limit: in.Limit}
	if in.After != "" {
		var err error
		if filter.Before, err = parseID(in.After); err != nil {
			return nil, err
		}
	}
	tokens, next, err := s.Admin.ListTokens(ctx, caller, index.Names{User: in.User, Client: in.Client, API: in.API}, filter)
	if err != nil {
		return nil, err
	}
	page := new(tokenPage)
	page.Body.Tokens = tokens
	if next != (domain.TokenID{}) {
		page.Body.Next = next.String()
	}
	return page, nil
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
