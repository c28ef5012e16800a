// Package decide says in a service what the subjects of access tokens may do, by the policy of the API: by the same rules and the same code
// as the server under /access/v1.
//
//	var policy decide.Policy
//	verifier, err := resourceserver.New("https://id.example", "https://orders.example",
//		resourceserver.WithPolicy("orders-svc", secret, &policy))
//	…
//	claims, err := verifier.Verify(ctx, token)
//	…
//	order := decide.Resource{Type: "orders", ID: "42", Properties: map[string]any{"owner": "usr_1"}}
//	if v := policy.Allow(claims, "cancel", order, nil); !v.Allowed {
//		return errors.New(v.Reason())
//	}
//
// It needs CEL and YAML beside the standard library, which is why it is a package of its own.
package decide

import (
	"sync/atomic"
	"time"

	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/resourceserver"
)

// Policy is the policy of an API, as a [resourceserver.Verifier] follows it. The zero Policy is not known yet, and allows nothing. It is safe
// for use by several goroutines.
type Policy struct {
	held     atomic.Pointer[held]
	failures atomic.Uint64
}

type held struct {
	text   string
	until  time.Time
	policy *decision.Policy
}

var _ resourceserver.PolicyHolder = (*Policy)(nil)

// SetPolicy implements [resourceserver.PolicyHolder]. Tests of a service call it with a policy of their own.
func (p *Policy) SetPolicy(text string, until time.Time) error {
	now := p.held.Load()
	if now != nil && now.text == text {
		p.held.Store(&held{text, until, now.policy})
		return nil
	}
	compiled := decision.Permissions
	if text != "" {
		var err error
		if compiled, err = decision.Compile(text); err != nil {
			return err
		}
	}
	p.held.Store(&held{text, until, compiled})
	return nil
}

// Resource is what a subject would do something with. Properties are of JSON types: string, float64, bool, nil, []any and map[string]any.
// Integers of Go, and json.Number, count as the same number in JSON does at the server: as float64, but exactly where that would round them.
type Resource struct {
	Type, ID   string
	Properties map[string]any
}

// Verdict says whether something is allowed, and what decided that.
type Verdict struct {
	// Allowed says whether it is.
	Allowed bool
	// Rule is the name of the rule that decided, empty if none did. Permission is the one that allows it, empty if none does.
	Rule, Permission string
	// Known is false while the policy is not known, or has not been confirmed for too long: then nothing is allowed.
	Known bool

	verdict decision.Verdict
}

// Reason is a sentence for a log. It repeats nothing of the request.
func (v Verdict) Reason() string {
	if !v.Known {
		return "The policy of the API is not known, or has not been confirmed for too long."
	}
	return v.verdict.Reason()
}

// Allow says whether the subject of a verified token may do an action with a resource, under circumstances, of JSON types, that the conditions
// of the policy call context.
func (p *Policy) Allow(claims *resourceserver.Claims, action string, resource Resource, context map[string]any) Verdict {
	now := time.Now()
	policy := p.known(claims, now)
	if policy == nil {
		return Verdict{}
	}
	request := request(claims, action, resource, context, now)
	verdict := policy.Decide(&request)
	if verdict.Failures > 0 {
		p.failures.Add(uint64(verdict.Failures)) //nolint:gosec // at least one
	}
	return verdictOf(verdict)
}

// ConditionFailures is how often the condition of a rule could not be evaluated, since the start. Such a rule does not allow, and denies if it
// is one that denies.
func (p *Policy) ConditionFailures() uint64 { return p.failures.Load() }

// known is the policy for claims; nil if nothing is allowed.
func (p *Policy) known(claims *resourceserver.Claims, now time.Time) *decision.Policy {
	held := p.held.Load()
	if held == nil || claims == nil || !now.Before(held.until) {
		return nil
	}
	return held.policy
}

func verdictOf(v decision.Verdict) Verdict {
	return Verdict{Allowed: v.Allowed, Rule: v.Rule, Permission: v.Permission, Known: true, verdict: v}
}

// Considered is what one rule came to.
type Considered struct {
	Rule    string
	Allows  bool // it is a rule that allows, not one that denies
	Applies bool // it decides, unless another one outweighs it
	Why     string
}

// Explain is Allow that says of each rule, in the order of the policy, why it decides or does not.
func (p *Policy) Explain(claims *resourceserver.Claims, action string, resource Resource, context map[string]any) (Verdict, []Considered) {
	now := time.Now()
	policy := p.known(claims, now)
	if policy == nil {
		return Verdict{}, nil
	}
	request := request(claims, action, resource, context, now)
	verdict, all := policy.Explain(&request)
	considered := make([]Considered, len(all))
	for i, c := range all {
		considered[i] = Considered{c.Rule, c.Effect == decision.Allow, c.Applies, c.Why}
	}
	return verdictOf(verdict), considered
}

func request(claims *resourceserver.Claims, action string, resource Resource, context map[string]any, now time.Time) decision.Request {
	kind := "user"
	if claims.Subject == claims.ClientID {
		kind = "client"
	}
	names := decision.NamesOf
	if claims.FromToken() {
		names = decision.NamesOfSorted
	}
	return decision.Request{
		Subject: decision.Subject{
			Type: kind, ID: claims.Subject, Permissions: names(claims.Entitlements), Roles: names(claims.Roles), Groups: names(claims.Groups),
			Claims: claims,
		},
		Action: decision.Action{Name: action}, Resource: decision.Resource{Type: resource.Type, ID: resource.ID, Properties: object(resource.Properties)},
		Context: object(context), Now: now,
	}
}
