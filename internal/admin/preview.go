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
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/token"
)

// largeToken is the size in bytes of a token past which servers and proxies refuse requests that carry it in a header.
const largeToken = 4 << 10

// TokenRequest asks what tokens a client would get now.
type TokenRequest struct {
	Client string   // client_id
	User   string   // username; empty: the client acts for itself
	API    string   // audience; empty: the one that the token endpoint takes then
	Scopes []string // empty: for a client itself all that it may ask for
}

// TokenPreview is an access token as it would be issued now, with why it says what it says, and what comes with it.
type TokenPreview struct {
	PreviewedToken
	Audience     string          `json:"audience"`
	Refused      string          `json:"refused,omitempty" doc:"Why the token endpoint would not issue it all the same"`
	Entitlements []Entitlement   `json:"entitlements" doc:"Each permission of the API, and each scope that was asked for"`
	IDToken      *PreviewedToken `json:"id_token,omitempty" doc:"That comes with it; left out: openid was not asked for"`
	Userinfo     map[string]any  `json:"userinfo,omitempty" doc:"What userinfo answers to the access token; left out: it does not open userinfo"`
}

// PreviewedToken is a token that nobody gets.
type PreviewedToken struct {
	Claims  map[string]any `json:"claims" doc:"All claims but those which only an issued token has: jti, status, and at_hash and nonce of an ID token"`
	Size    int            `json:"size" doc:"Bytes of the signed token"`
	Limit   int            `json:"limit" doc:"Bytes; a larger access token is not issued, and a larger ID token does without claims"`
	Large   bool           `json:"large" doc:"It has more than 4,096 bytes: some servers refuse headers of that size"`
	LeftOut []string       `json:"left_out,omitempty" doc:"Claims of mappings whose expressions fail"`

	Encrypted       bool           `json:"encrypted,omitempty" doc:"The whole token is encrypted to its API, and its size is that of the encrypted one"`
	EncryptedClaims map[string]any `json:"encrypted_claims,omitempty" doc:"Claims that are encrypted to the API, and not among the others"`
}

func showPreview(p token.Preview) PreviewedToken {
	shown := PreviewedToken{
		Claims: p.Claims, Size: p.Size, Limit: p.Limit, Large: p.Size > largeToken, Encrypted: p.Encrypted, EncryptedClaims: p.Hidden,
	}
	for _, f := range p.LeftOut {
		shown.LeftOut = append(shown.LeftOut, f.Claim)
	}
	return shown
}

// Entitlement says of a permission whether a token has it, and why.
type Entitlement struct {
	Permission string     `json:"permission"`
	Granted    bool       `json:"granted"`
	Reason     string     `json:"reason" enum:"held,not_assigned,not_allowed,not_asked,unknown" doc:"held: in the token. not_assigned: no role gives it now. not_allowed: the client may not ask for it. not_asked: it was not asked for. unknown: no API has such a permission"`
	Through    []HeldRole `json:"through,omitempty" doc:"What gives it to the subject"`
}

// PreviewToken shows the tokens that a client would get now for itself or for a user, by the code that issues tokens: nothing is
// signed or recorded. Of a user it is as if they had signed in now and agreed to the scopes. domain.ErrNotFound for a name that is
// nobody's, domain.ErrInvalid for a request that the token endpoint refuses.
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
	p := preview{s: s, in: in}
	if err := p.resolve(ctx); err != nil {
		return TokenPreview{}, err
	}
	return p.make(ctx)
}

// preview is a token in the making.
type preview struct {
	s       *Service
	in      TokenRequest
	client  *domain.Client
	user    *domain.User // nil: the client acts for itself
	target  registry.Target
	asked   bool   // for permissions
	wrong   string // with what is asked for
	request token.AccessTokenRequest
}

// previewedGrant is how long the grant of a preview lasts: longer than any access token.
const previewedGrant = 30 * 24 * time.Hour

// resolve finds whom and what the request is about, as the endpoints do.
func (p *preview) resolve(ctx context.Context) (err error) {
	if p.client, err = p.s.config.Registry.LookupClient(ctx, p.in.Client); err != nil {
		return fmt.Errorf("client %q: %w", p.in.Client, err)
	}
	if !p.client.DisabledAt.IsZero() {
		return domain.Invalid("client", domain.RuleState, "client %q: it is disabled and gets no tokens", p.in.Client)
	}
	var named []string
	if p.in.API != "" {
		named = []string{p.in.API}
	}
	find := p.s.config.Registry.Target
	if p.in.User == "" {
		find = func(ctx context.Context, c *domain.Client, named, scopes []string) (t registry.Target, err error) {
			t, p.asked, err = p.s.config.Registry.OwnTarget(ctx, c, named, scopes)
			return t, err
		}
	}
	p.target, err = find(ctx, p.client, named, p.in.Scopes)
	if wrong, ok := errors.AsType[*registry.TargetError](err); ok && (wrong.OfScope || wrong.Scope != "") {
		err = p.resolveAllowed(ctx, named, wrong)
	}
	if err != nil {
		return err
	}
	p.request = token.AccessTokenRequest{Client: p.client, API: p.target.API, Scopes: p.target.Scopes}
	if p.in.User == "" {
		return nil
	}
	user, err := p.s.config.Directory.FindUser(ctx, p.in.User)
	if err != nil {
		return err
	}
	p.user = &user
	now := p.s.config.Now()
	p.request.Grant = &domain.Grant{ClientID: p.client.ID, UserID: user.ID, AuthTime: now, ACR: "1", AMR: []string{"pwd"}, ExpiresAt: now.Add(previewedGrant)}
	return nil
}

// resolveAllowed leaves out the scopes for which the request is refused, if there is an API without them: then each can be explained.
func (p *preview) resolveAllowed(ctx context.Context, named []string, wrong *registry.TargetError) error {
	identity := slices.DeleteFunc(slices.Clone(p.in.Scopes), func(scope string) bool { return !token.IsIdentityScope(scope) })
	found, err := p.s.config.Registry.Target(ctx, p.client, named, identity)
	if err != nil || found.API == nil {
		return wrong
	}
	for _, scope := range p.in.Scopes {
		if found.API.Has(scope) && p.client.MayAsk(found.API.Audience, scope) && !slices.Contains(found.Scopes, scope) {
			found.Scopes = append(found.Scopes, scope)
		}
	}
	if p.in.User == "" {
		found.Scopes = slices.DeleteFunc(found.Scopes, token.IsIdentityScope)
	}
	p.target, p.wrong = found, wrong.Sentence()
	return nil
}

func (p *preview) make(ctx context.Context) (TokenPreview, error) {
	made, err := p.s.config.Minter.Preview(ctx, p.request)
	if tooLarge, ok := errors.AsType[*token.TooLargeError](err); ok {
		return TokenPreview{}, domain.Invalid("", domain.RuleTooMany, "token: %s", tooLarge.Error())
	}
	if wrong, ok := errors.AsType[*token.EncryptionError](err); ok {
		return TokenPreview{}, domain.Invalid("api", domain.RuleState, "API %q: its tokens cannot be encrypted now, so that none is issued: %w", wrong.Audience, wrong.Cause)
	}
	if errors.Is(err, domain.ErrRevoked) {
		return TokenPreview{}, domain.Invalid("user", domain.RuleState, "user %q: it is disabled and gets no tokens", p.in.User)
	}
	if err != nil {
		return TokenPreview{}, err
	}
	shown := TokenPreview{PreviewedToken: showPreview(made), Audience: p.s.config.Issuer, Entitlements: []Entitlement{}, Refused: p.refused(made)}
	subject := directory.Subject{Kind: domain.SubjectClient, ID: p.client.ID, Name: p.client.ClientID}
	if p.user != nil {
		subject = directory.Subject{Kind: domain.SubjectUser, ID: p.user.ID}
	}
	if p.target.API != nil {
		shown.Audience = p.target.API.Audience
	}
	held, err := p.s.config.Directory.Holdings(ctx, subject)
	if err != nil {
		return TokenPreview{}, err
	}
	shown.Entitlements = p.entitlements(made.Scopes, held)
	if p.user == nil || !slices.Contains(made.Scopes, domain.ScopeOpenID) {
		return shown, nil
	}
	return shown, p.addIdentity(ctx, &shown, made)
}

// refused says why the token endpoint would not issue the token.
func (p *preview) refused(made token.Preview) string {
	ofUsers := []string{domain.GrantAuthorizationCode, domain.GrantDeviceCode}
	switch {
	case p.wrong != "":
		return p.wrong
	case p.user == nil && !slices.Contains(p.client.GrantTypes, domain.GrantClientCredentials):
		return "The client is not registered for " + domain.GrantClientCredentials + "."
	case p.user != nil && !slices.ContainsFunc(ofUsers, func(grant string) bool { return slices.Contains(p.client.GrantTypes, grant) }):
		return "The client is registered for no grant type that signs users in."
	case p.user == nil && p.asked && len(made.Scopes) == 0:
		return "No role of this client gives any of the scopes that it asks for."
	case made.Size > made.Limit:
		return "It is larger than the limit."
	}
	return ""
}

// addIdentity adds what a client gets about a user beside the access token.
func (p *preview) addIdentity(ctx context.Context, shown *TokenPreview, made token.Preview) error {
	id, err := p.s.config.Minter.PreviewID(ctx, token.IDTokenRequest{
		Client: p.client, User: p.user, Grant: p.request.Grant, Scopes: p.target.Scopes, Expires: p.s.config.Now().Add(p.s.config.IDTTL),
	})
	if err != nil {
		return err
	}
	token := showPreview(id)
	shown.IDToken = &token
	if p.target.API != nil && p.target.API.NoUserinfo {
		return nil
	}
	userinfo, err := p.s.config.Minter.Userinfo(ctx, p.client, p.user, made.Scopes, nil)
	shown.Userinfo = userinfo.Claims
	return err
}

func (p *preview) entitlements(granted []string, held []directory.Holding) []Entitlement {
	var names []string
	has := func(string) bool { return false }
	audience := ""
	if api := p.target.API; api != nil {
		audience, has = api.Audience, api.Has
		for _, permission := range api.Permissions {
			names = append(names, permission.Name)
		}
	}
	for _, scope := range p.in.Scopes {
		if !token.IsIdentityScope(scope) && !slices.Contains(names, scope) {
			names = append(names, scope)
		}
	}
	list := []Entitlement{}
	for _, name := range names {
		e := Entitlement{Permission: name, Granted: slices.Contains(granted, name), Reason: "held"}
		for _, h := range held {
			if slices.Contains(h.Permissions, domain.RolePermission{Audience: audience, Permission: name}) {
				e.Through = append(e.Through, HeldRole{Role: h.Role, Group: h.Group, ExpiresAt: h.ExpiresAt, Permissions: []RolePermission{}})
			}
		}
		switch {
		case e.Granted:
		case !has(name):
			e.Reason = "unknown"
		case !p.client.MayAsk(audience, name):
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
