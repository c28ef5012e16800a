package adminapi

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
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

// NewToken shows a token as of a time.
func NewToken(e domain.TokenEntry, now time.Time) Token {
	t := Token{
		ID: e.ID.String(), Kind: "access", Subject: e.Subject, Username: e.Username, ClientID: e.Client,
		Audience: e.Audience, KID: e.KeyName, GrantID: e.GrantID, Status: e.State(now),
		IssuedAt: e.IssuedAt(), ExpiresAt: e.ExpiresAt, RevokedAt: e.RevokedAt, SuspendedAt: e.SuspendedAt,
	}
	if e.Kind == domain.TokenIdentity {
		t.Kind = "id"
	}
	return t
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

// Resolve implements huma.Resolver. A filter that cannot be read, or says nothing, must not stand for all tokens.
func (in *listTokensInput) Resolve(ctx huma.Context) []error {
	address := ctx.URL()
	query, err := url.ParseQuery(address.RawQuery)
	if err != nil {
		return []error{huma.Error422UnprocessableEntity("The query cannot be read.")}
	}
	for name, values := range query {
		if slices.Contains(values, "") || len(values) > 1 {
			return []error{huma.Error422UnprocessableEntity("Give " + name + " one value, or leave it out.")}
		}
	}
	if query.Has("issued_before") && in.IssuedBefore.IsZero() {
		return []error{huma.Error422UnprocessableEntity("Give issued_before a time that has been.")}
	}
	return nil
}

type tokenPage struct {
	Body struct {
		Tokens []Token `json:"tokens" doc:"A page may be short, or empty, although there are more"`
		Next   string  `json:"next,omitempty" doc:"The 'after' of the next page; left out: this is the last"`
	}
}

func (s *surface) listTokens(ctx context.Context, in *listTokensInput) (*tokenPage, error) {
	filter, err := s.Names.Filter(ctx, index.Names{User: in.User, Client: in.Client, API: in.API})
	if err != nil {
		return nil, err
	}
	filter.State, filter.IssuedSince, filter.IssuedBefore, filter.Limit = in.State, in.IssuedSince, in.IssuedBefore, in.Limit
	if in.After != "" {
		if filter.Before, err = parseID(in.After); err != nil {
			return nil, err
		}
	}
	entries, next, err := s.Index.List(ctx, filter)
	if err != nil {
		return nil, err
	}
	page := new(tokenPage)
	page.Body.Tokens = make([]Token, len(entries))
	for i, e := range entries {
		page.Body.Tokens[i] = NewToken(e, s.Now())
	}
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

type tokenOutput struct{ Body Token }

func (s *surface) findToken(ctx context.Context, in *tokenInput) (*tokenOutput, error) {
	id, err := parseID(in.JTI)
	if err != nil {
		return nil, err
	}
	entry, err := s.Index.Find(ctx, id)
	if err != nil {
		return nil, err
	}
	return &tokenOutput{NewToken(entry, s.Now())}, nil
}

func (s *surface) revokeToken(ctx context.Context, in *tokenInput) (*struct{}, error) {
	return withToken(ctx, in, s.Revocation.RevokeID)
}

func (s *surface) suspendToken(ctx context.Context, in *tokenInput) (*struct{}, error) {
	return withToken(ctx, in, s.Revocation.Suspend)
}

func (s *surface) resumeToken(ctx context.Context, in *tokenInput) (*struct{}, error) {
	return withToken(ctx, in, s.Revocation.Resume)
}

func withToken(ctx context.Context, in *tokenInput, do func(context.Context, domain.TokenID) error) (*struct{}, error) {
	id, err := parseID(in.JTI)
	if err != nil {
		return nil, err
	}
	return nil, do(ctx, id)
}
