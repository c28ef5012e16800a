package admin

import (
	"context"
	"errors"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/policy"
)

// Trial asks what a policy would decide that is not published yet.
type Trial struct {
	Policy   string         // the text
	User     string         // a username, or the "sub" of tokens
	Client   string         // a client_id, if there is no user
	Claims   map[string]any // as an access token would have them, if there is neither
	Action   string
	Resource decision.Resource
	Context  map[string]any
}

// TryPolicy answers what a policy would decide, and what each rule comes to. It needs the permission to set policies as well: conditions read
// what is known of users, so that whoever may write them can find it out. decision.Problems say what is wrong with the policy,
// domain.ErrNotFound if there is no such API.
func (s *Service) TryPolicy(ctx context.Context, caller authn.Caller, audience string, t Trial) (Decision, error) {
	decisions, err := s.Decisions(ctx, caller)
	if err != nil {
		return Decision{}, err
	}
	if _, err := s.authorize(ctx, caller, "policy.set"); err != nil {
		return Decision{}, err
	}
	decider, err := decisions.Decider(audience)
	if err == nil {
		err = s.config.Cache.Refresh(ctx)
	}
	if err == nil {
		_, err = s.config.Registry.LookupAPI(ctx, audience)
	}
	if err == nil {
		err = decider.Use(t.Policy)
	}
	if err != nil {
		return Decision{}, err
	}
	request := decision.Request{Action: decision.Action{Name: t.Action}, Resource: t.Resource, Context: t.Context, Now: s.config.Now()}
	switch {
	case t.User != "":
		request.Subject.Type, request.Subject.ID = policy.SubjectUser, t.User
		user, err := s.config.Directory.FindUser(ctx, t.User)
		if err == nil {
			request.Subject.ID = user.Subject
		} else if !errors.Is(err, domain.ErrNotFound) && !errors.Is(err, domain.ErrInvalid) {
			return Decision{}, err
		}
	case t.Client != "":
		request.Subject.Type, request.Subject.ID = policy.SubjectClient, t.Client
	default:
		subject := claimedSubject(t.Claims)
		decider.UseClaims(subject)
		request.Subject.Type, request.Subject.ID = subject.Type, subject.ID
	}
	a, err := decider.Decide(ctx, request, true)
	return showDecision(a), err
}

// claimedSubject is one whose access token has these claims.
func claimedSubject(claims map[string]any) decision.Subject {
	names := func(claim string) decision.Names {
		var names []string
		list, _ := claims[claim].([]any)
		for _, element := range list {
			if name, ok := element.(string); ok {
				names = append(names, name)
			}
		}
		return decision.NamesOf(names)
	}
	id, _ := claims["sub"].(string)
	s := decision.Subject{
		Type: policy.SubjectUser, ID: id, Permissions: names("entitlements"), Roles: names("roles"), Groups: names("groups"), Claims: decision.ClaimMap(claims),
	}
	if client, _ := claims["client_id"].(string); client == id {
		s.Type = policy.SubjectClient
	}
	return s
}
