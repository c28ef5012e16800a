package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

// largeToken is the size in bytes of a token past which servers and proxies refuse requests that carry it in a header.
const largeToken = 4 << 10

// TokenRequest asks what token a client would get now.
type TokenRequest struct {
	Client string   // client_id
	User   string   // username; empty: the client acts for itself
	API    string   // audience; empty: the client's default or only one
	Scopes []string // empty: for a client itself all that it may ask for
}

// TokenPreview is an access token as it would be issued now, with why it says what it says.
type TokenPreview struct {
	Audience     string         `json:"audience"`
	Claims       map[string]any `json:"claims" doc:"All claims but jti and status, which only an issued token has"`
	Size         int            `json:"size" doc:"Bytes of the signed token"`
	Limit        int            `json:"limit" doc:"Bytes; a larger token is not issued"`
	Large        bool           `json:"large" doc:"It has more than 4,096 bytes: some servers refuse headers of that size"`
	Entitlements []Entitlement  `json:"entitlements" doc:"Each permission of the API, and each scope that was asked for"`
	LeftOut      []string       `json:"left_out,omitempty" doc:"Claims of the API's mappings whose expressions fail"`
}

// Entitlement says of a permission whether a token has it, and why.
type Entitlement struct {
	Permission string     `json:"permission"`
	Granted    bool       `json:"granted"`
	Reason     string     `json:"reason" enum:"held,not_assigned,not_allowed,not_asked,unknown" doc:"held: in the token. not_assigned: no role gives it now. not_allowed: the client may not ask for it. not_asked: it was not asked for. unknown: the API has no such permission"`
	Through    []HeldRole `json:"through,omitempty" doc:"What gives it to the subject"`
}

// PreviewToken shows the access token that a client would get now for itself or for a user, by the code that issues tokens: nothing is
// signed or recorded. Of a user it is as if they had signed in now and agreed to the scopes. domain.ErrNotFound for a name that is
// nobody's, domain.ErrInvalid for a request that no token is issued for.
func (s *Service) PreviewToken(ctx context.Context, caller authn.Caller, in TokenRequest) (TokenPreview, error) {
	const operation = "token.preview"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.require(ctx, caller, operation, readClients, readUsers, readAssignments)
	}
	if err == nil {
		err = s.config.Cache.Refresh(ctx)
	}
	if err != nil {
		return TokenPreview{}, err
	}
	client, err := s.config.Registry.LookupClient(ctx, in.Client)
	if err != nil {
		return TokenPreview{}, fmt.Errorf("client %q: %w", in.Client, err)
	}
	if !client.DisabledAt.IsZero() {
		return TokenPreview{}, domain.Invalid("client", domain.RuleState, "client %q: it is disabled and gets no tokens", in.Client)
	}
	api, err := s.previewedAPI(ctx, client, in.API)
	if err != nil {
		return TokenPreview{}, err
	}
	request := token.AccessTokenRequest{Client: client, API: api}
	subject := directory.Subject{Kind: domain.SubjectClient, ID: client.ID, Name: client.ClientID}
	if in.User != "" {
		user, err := s.config.Directory.FindUser(ctx, in.User)
		if err != nil {
			return TokenPreview{}, err
		}
		subject = directory.Subject{Kind: domain.SubjectUser, ID: user.ID}
		now := s.config.Now()
		request.Grant = &domain.Grant{ClientID: client.ID, UserID: user.ID, AuthTime: now, ACR: "1", AMR: []string{"pwd"}, ExpiresAt: now.Add(previewedGrant)}
	}
	asked := slices.DeleteFunc(slices.Clone(in.Scopes), func(scope string) bool { return in.User == "" && token.IsIdentityScope(scope) })
	if len(asked) == 0 && in.User == "" {
		asked = client.Requestable(api)
	}
	// As the token endpoint does: what the client may not ask for is never granted to it.
	for _, scope := range asked {
		if token.IsIdentityScope(scope) || api.Has(scope) && client.MayAsk(api.Audience, scope) {
			request.Scopes = append(request.Scopes, scope)
		}
	}
	made, err := s.config.Minter.Preview(ctx, request)
	if tooLarge, ok := errors.AsType[*token.TooLargeError](err); ok {
		return TokenPreview{}, domain.Invalid("", domain.RuleTooMany, "token: %s", tooLarge.Error())
	}
	if errors.Is(err, domain.ErrRevoked) {
		return TokenPreview{}, domain.Invalid("user", domain.RuleState, "user %q: it is disabled and gets no tokens", in.User)
	}
	if err != nil {
		return TokenPreview{}, err
	}
	held, err := s.config.Directory.Holdings(ctx, subject)
	if err != nil {
		return TokenPreview{}, err
	}
	p := TokenPreview{
		Audience: api.Audience, Claims: made.Claims, Size: made.Size, Limit: made.Limit, Large: made.Size > largeToken,
		Entitlements: entitlements(client, api, asked, made.Scopes, held),
	}
	for _, f := range made.LeftOut {
		p.LeftOut = append(p.LeftOut, f.Claim)
	}
	return p, nil
}

// previewedGrant is longer than a token lives.
const previewedGrant = 30 * 24 * time.Hour

// previewedAPI is the API that a token is for.
func (s *Service) previewedAPI(ctx context.Context, client *domain.Client, audience string) (*domain.API, error) {
	if audience == "" {
		audience = client.DefaultAPI()
	}
	if audience == "" && len(client.APIs) == 1 {
		audience = client.APIs[0].Audience
	}
	if audience == "" {
		return nil, domain.Invalid("api", domain.RuleRequired, "API: the client has several or none; name one")
	}
	if !client.MayUse(audience) {
		return nil, domain.Invalid("api", domain.RuleState, "API %q: the client may not ask for tokens for it", audience)
	}
	api, err := s.config.Registry.LookupAPI(ctx, audience)
	if err != nil {
		return nil, fmt.Errorf("API %q: %w", audience, err)
	}
	return api, nil
}

func entitlements(client *domain.Client, api *domain.API, asked, granted []string, held []directory.Holding) []Entitlement {
	var names []string
	for _, p := range api.Permissions {
		names = append(names, p.Name)
	}
	for _, scope := range asked {
		if !token.IsIdentityScope(scope) && !slices.Contains(names, scope) {
			names = append(names, scope)
		}
	}
	list := []Entitlement{}
	for _, name := range names {
		e := Entitlement{Permission: name, Granted: slices.Contains(granted, name), Reason: "held"}
		for _, h := range held {
			if slices.Contains(h.Permissions, domain.RolePermission{Audience: api.Audience, Permission: name}) {
				e.Through = append(e.Through, HeldRole{Role: h.Role, Group: h.Group, ExpiresAt: h.ExpiresAt, Permissions: []RolePermission{}})
			}
		}
		switch {
		case e.Granted:
		case !api.Has(name):
			e.Reason = "unknown"
		case !client.MayAsk(api.Audience, name):
			e.Reason = "not_allowed"
		case len(e.Through) == 0:
			e.Reason = "not_assigned"
		default:
			e.Reason = "not_asked"
		}
		list = append(list, e)
	}
	return list
}
