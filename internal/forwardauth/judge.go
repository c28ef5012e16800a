package forwardauth

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/policy"
	"github.com/signet-auth/signet/internal/token"
)

const (
	challenge        = `Bearer realm="signet"`
	challengeInvalid = challenge + `, error="invalid_token"`
)

// judge answers a question by what is true now. An access token counts where an API is named, and then alone. Any error but a refusal means
// that the answer is not known.
func (s *Surface) judge(ctx context.Context, a *asked) (answer, error) {
	if err := s.Cache.Refresh(ctx); err != nil {
		return answer{}, err
	}
	if a.api != "" && a.presentsToken() {
		return s.byToken(ctx, a)
	}
	if a.client != "" {
		return s.bySignIn(ctx, a)
	}
	return answer{status: http.StatusUnauthorized, challenge: challenge, text: "Send an access token as Authorization: Bearer."}, nil
}

func (s *Surface) byToken(ctx context.Context, a *asked) (answer, error) {
	request := (&http.Request{Header: a.header, RemoteAddr: a.address}).WithContext(ctx)
	active, err := s.Bearer.Token(request)
	if errors.Is(err, authn.ErrNoToken) || errors.Is(err, authn.ErrInvalidToken) || err == nil && !domain.SameAudience(active.Claims.Audience, a.api) {
		return answer{status: http.StatusUnauthorized, challenge: challengeInvalid, text: "The access token is not valid here."}, nil
	} else if err != nil {
		return answer{}, err
	}
	allowed := hasAll(active.Claims.Entitlements, a.permissions)
	if allowed && a.resource != "" {
		_, value, _ := strings.Cut(a.header.Get("Authorization"), " ")
		decider := s.Policies.Decider(a.api)
		decider.Know(value, active)
		if allowed, err = s.decide(ctx, decider, a, policy.SubjectToken, value); err != nil {
			return answer{}, err
		}
	}
	if !allowed {
		return a.insufficient(), nil
	}
	who, err := s.ofToken(ctx, active)
	return answer{status: http.StatusOK, who: who}, err
}

// insufficient refuses a request whose token or sign-in does not suffice (RFC 6750 §3.1).
func (a *asked) insufficient() answer {
	said := challenge + `, error="insufficient_scope"`
	if scopes := strings.Join(a.permissions, " "); scopes != "" && token.ValidScopes(scopes) {
		said += `, scope="` + scopes + `"`
	}
	return answer{status: http.StatusForbidden, challenge: said, text: "You may not do this."}
}

// decide asks the policy about the request of a subject: its method is the action, its path the id of the resource.
func (s *Surface) decide(ctx context.Context, d *policy.Decider, a *asked, kind, id string) (bool, error) {
	path, ok := a.path()
	if !ok {
		return false, denied("The path of the request can be read in several ways.")
	}
	verdict, err := d.Decide(ctx, decision.Request{
		Subject:  decision.Subject{Type: kind, ID: id},
		Action:   decision.Action{Name: a.method},
		Resource: decision.Resource{Type: a.resource, ID: path, Properties: map[string]any{"host": a.host}},
		Context:  map[string]any{"ip": a.ip()},
		Now:      s.Now(),
	}, false)
	if errors.Is(err, domain.ErrNotFound) {
		err = misconfigured("There is no such API.")
	}
	return verdict.Allowed, err
}

func hasAll(has, needed []string) bool {
	return !slices.ContainsFunc(needed, func(name string) bool { return !slices.Contains(has, name) })
}

// ofToken is who presents an access token: what it says, but for what its API alone can read, and what userinfo says to whoever has it.
func (s *Surface) ofToken(ctx context.Context, active *introspection.Active) (identity, error) {
	claims := active.Claims
	who := identity{
		subject: claims.Subject, client: claims.ClientID, scopes: claims.Scope, roles: claims.Roles, groups: claims.Groups,
	}
	scopes := strings.Fields(claims.Scope)
	described := active.User != nil && slices.Contains(scopes, domain.ScopeOpenID)
	if claims.Audience != s.Issuer {
		api, err := s.Registry.LookupAPI(ctx, claims.Audience)
		if err != nil {
			return identity{}, err
		}
		if api.Encryption.WholeToken() {
			who.roles, who.groups = nil, nil
		}
		described = described && !api.NoUserinfo
	}
	if !described {
		return who, nil
	}
	about, err := s.Minter.Userinfo(ctx, active.Client, active.User, scopes, nil)
	if err != nil {
		return identity{}, err
	}
	who.describe(about.Claims)
	return who, nil
}
