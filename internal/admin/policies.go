package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/policy"
)

// Policy is the policy of an API.
type Policy struct {
	API       string    `json:"api" doc:"The audience"`
	Number    int64     `json:"number" doc:"Of the version that decides; 0: the API has no policy, its permissions decide"`
	Text      string    `json:"text" doc:"In YAML"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	Version   int64     `json:"-"`
}

// PolicyVersion is a version of a policy that is kept.
type PolicyVersion struct {
	Number    int64     `json:"number"`
	Text      string    `json:"text,omitempty" doc:"In YAML; not in lists"`
	Author    string    `json:"author"`
	CreatedAt time.Time `json:"created_at"`
	Active    bool      `json:"active" doc:"It decides"`
}

func showPolicy(p domain.Policy) Policy {
	return Policy{API: p.Audience, Number: p.Number, Text: p.Text, UpdatedAt: p.UpdatedAt, Version: p.Version}
}

// FindPolicy shows the policy of an API. domain.ErrNotFound if there is no such API.
func (s *Service) FindPolicy(ctx context.Context, caller authn.Caller, audience string) (Policy, error) {
	ctx, err := s.authorize(ctx, caller, "policy.find")
	if err != nil {
		return Policy{}, err
	}
	found, err := s.config.Policies.Find(ctx, audience)
	return showPolicy(found), err
}

// SetPolicy gives an API another version of its policy, which decides from now on. domain.ErrConflict if the policy is not of the version,
// unless that is nil, domain.ErrInvalid with all that is wrong and where, domain.ErrNotFound if there is no such API.
func (s *Service) SetPolicy(ctx context.Context, caller authn.Caller, audience string, version *int64, text string) (Policy, error) {
	ctx, err := s.authorize(ctx, caller, "policy.set")
	if err != nil {
		return Policy{}, err
	}
	set, err := s.config.Policies.Set(ctx, audience, func(now domain.Policy) (string, error) { return text, sameVersion(version, now.Version) })
	return showPolicy(set), err
}

// RollbackPolicy lets a version of an API's policy decide that is kept. Errors as SetPolicy's; domain.ErrNotFound if there is no such
// version either.
func (s *Service) RollbackPolicy(ctx context.Context, caller authn.Caller, audience string, version *int64, number int64) (Policy, error) {
	ctx, err := s.authorize(ctx, caller, "policy.rollback")
	if err != nil {
		return Policy{}, err
	}
	set, err := s.config.Policies.Rollback(ctx, audience, number, func(now domain.Policy) error { return sameVersion(version, now.Version) })
	return showPolicy(set), err
}

// DeletePolicy deletes an API's policy with all its versions. domain.ErrNotFound if there is no such API, or it has no policy,
// domain.ErrConflict as SetPolicy.
func (s *Service) DeletePolicy(ctx context.Context, caller authn.Caller, audience string, version *int64) error {
	ctx, err := s.authorize(ctx, caller, "policy.delete")
	if err != nil {
		return err
	}
	return s.config.Policies.Delete(ctx, audience, func(now domain.Policy) error { return sameVersion(version, now.Version) })
}

// ListPolicyVersions lists the versions of an API's policy that are kept, the newest first. domain.ErrNotFound if there is no such API.
func (s *Service) ListPolicyVersions(ctx context.Context, caller authn.Caller, audience string) ([]PolicyVersion, error) {
	ctx, err := s.authorize(ctx, caller, "policy.list_versions")
	if err != nil {
		return nil, err
	}
	versions, err := s.config.Policies.Versions(ctx, audience)
	return list(versions, err, func(v domain.PolicyVersion) PolicyVersion { return PolicyVersion(v) })
}

// FindPolicyVersion shows a version of an API's policy that is kept. domain.ErrNotFound if there is no such API or version.
func (s *Service) FindPolicyVersion(ctx context.Context, caller authn.Caller, audience string, number int64) (PolicyVersion, error) {
	ctx, err := s.authorize(ctx, caller, "policy.find_version")
	if err != nil {
		return PolicyVersion{}, err
	}
	v, err := s.config.Policies.Version(ctx, audience, number)
	return PolicyVersion(v), err
}

// Question asks whether a subject may do something at an API.
type Question struct {
	API      string // the audience; empty: that of the token
	Token    string // an access token, which alone says who the subject is; empty: the subject says that
	Subject  decision.Subject
	Action   decision.Action
	Resource decision.Resource
	Context  map[string]any
	Explain  bool
}

// Decision is the answer.
type Decision struct {
	Allowed    bool         `json:"allowed"`
	API        string       `json:"api,omitempty" doc:"The audience; left out: the token is for none"`
	Policy     int64        `json:"policy,omitempty" doc:"The number of the version that decided; left out: the API has no policy"`
	Rule       string       `json:"rule,omitempty" doc:"The rule that decided"`
	Permission string       `json:"permission,omitempty" doc:"The permission that decided"`
	Reason     string       `json:"reason"`
	Rules      []RuleReason `json:"rules,omitempty" doc:"What each rule came to, if that was asked for"`
}

// RuleReason is what a rule came to.
type RuleReason struct {
	Rule    string          `json:"rule"`
	Effect  decision.Effect `json:"effect" enum:"allow,deny"`
	Applies bool            `json:"applies" doc:"It decides, unless another one outweighs it"`
	Why     string          `json:"why"`
}

// Decisions are those that a caller may ask for.
type Decisions struct {
	service *Service
	serves  []string // audiences of the APIs that the calling client serves, and asks about alone; empty: any
}

// Decisions finds out whether a caller may ask for decisions, and about which APIs.
func (s *Service) Decisions(ctx context.Context, caller authn.Caller) (Decisions, error) {
	ctx, err := s.authorize(ctx, caller, "decision.evaluate")
	if err != nil || caller.Client() == "" {
		return Decisions{service: s}, err
	}
	client, err := s.config.Registry.LookupClient(ctx, caller.Client())
	if err != nil {
		return Decisions{}, err
	}
	return Decisions{s, client.Serves}, nil
}

// Decider answers the questions of one request about subjects at an API; an empty audience stands for the only API that the calling client
// serves, or for those of the tokens. domain.ErrNotFound of an API that the client does not serve, if it serves any.
func (d Decisions) Decider(audience string) (*policy.Decider, error) {
	switch {
	case audience != "" && len(d.serves) > 0 && !slices.Contains(d.serves, audience):
		return nil, fmt.Errorf("the client does not serve the API %q: %w", audience, domain.ErrNotFound)
	case audience == "" && len(d.serves) == 1:
		audience = d.serves[0]
	}
	return d.service.config.Policies.Decider(audience, d.serves...), nil
}

// SealPlace authenticates a place in what a search finds, for that search alone.
func (d Decisions) SealPlace(search, place string) string {
	return d.service.sealCursor(search, cursorAfter, place)
}

// OpenPlace reads what SealPlace made for the search. ErrCursor if it did not.
func (d Decisions) OpenPlace(search, token string) (place string, err error) {
	_, place, err = d.service.openCursor(search, token)
	return place, err
}

// Decide answers a question. domain.ErrInvalid if it does not say which API it is about, domain.ErrNotFound if there is no such API.
func (s *Service) Decide(ctx context.Context, caller authn.Caller, q Question) (Decision, error) {
	decisions, err := s.Decisions(ctx, caller)
	if err != nil {
		return Decision{}, err
	}
	decider, err := decisions.Decider(q.API)
	if err == nil {
		err = s.config.Cache.Refresh(ctx)
	}
	if err != nil {
		return Decision{}, err
	}
	if q.Token != "" {
		q.Subject.Type, q.Subject.ID = policy.SubjectToken, q.Token
	}
	a, err := decider.Decide(ctx, decision.Request{Subject: q.Subject, Action: q.Action, Resource: q.Resource, Context: q.Context, Now: s.config.Now()}, q.Explain)
	if errors.Is(err, domain.ErrNotFound) {
		return Decision{}, fmt.Errorf("API %q: %w", q.API, domain.ErrNotFound)
	} else if err != nil {
		return Decision{}, err
	}
	return showDecision(a), nil
}

func showDecision(a policy.Answer) Decision {
	d := Decision{Allowed: a.Allowed, API: a.Audience, Policy: a.Policy, Rule: a.Rule, Permission: a.Permission, Reason: a.Reason()}
	for _, c := range a.Considered {
		d.Rules = append(d.Rules, RuleReason(c))
	}
	return d
}
