// Package decision decides what a subject may do with a resource, by a policy: rules with optional conditions in CEL, and the permissions
// that the subject has. It is pure, and bounded in what a policy and a decision may cost. What no rule and no permission allows is denied,
// and a rule that denies outweighs all that allow.
package decision

import (
	"slices"

	"github.com/signet-auth/signet/internal/expression"
)

// Bounds of policies.
const (
	MaxText       = 256 << 10 // bytes
	maxRules      = 1000
	maxConditions = 250
	maxNames      = 100 // in a list of a rule
	maxName       = 200 // bytes
	maxProblems   = 20
	maxCost       = expression.MaxCost // of all conditions of a decision
)

// Effect is what a rule does where it applies.
type Effect string

// The effects.
const (
	Allow Effect = "allow"
	Deny  Effect = "deny"
)

// any stands for every action, or every type of resource.
const anyName = "*"

// Rule is a rule of a policy.
type Rule struct {
	Name        string
	Description string
	Effect      Effect
	Actions     []string // names, or "*"
	Resources   []string // types, or "*"
	Permissions []string // the rule applies to subjects that have one of them; empty: to all
	Roles       []string // the same of roles
	When        string   // the condition; empty: none
}

// Policy is a compiled policy. It is safe for use at the same time.
type Policy struct {
	rules    []*rule
	byTarget map[target]*targetRules
	ruled    map[string]bool // permissions that rules which allow name: they allow nothing by themselves
}

// Permissions is the policy of an API that has none: a permission TYPE:ACTION allows that action on resources of that type.
var Permissions = &Policy{}

// rule is a Rule, compiled.
type rule struct {
	Rule
	condition *expression.Expression // nil: none
}

// target is what rules are found by: an action on resources of a type, each of which may be anyName.
type target struct{ action, resource string }

// targetRules are the rules of a target in the order of the policy.
type targetRules struct{ deny, allow []*rule }

// Rules are the policy's, in its order.
func (p *Policy) Rules() []Rule {
	rules := make([]Rule, len(p.rules))
	for i, r := range p.rules {
		rules[i] = r.Rule
	}
	return rules
}

// Actions are the actions, by name, that rules which allow have for a type of resource.
func (p *Policy) Actions(resource string) (names []string) {
	for _, r := range p.rules {
		if r.Effect == Allow && named(r.Resources, resource) && !slices.Contains(r.Actions, anyName) {
			names = append(names, r.Actions...)
		}
	}
	return names
}

// Who are those to whom an action on a type of resource may be allowed: whoever has one of the permissions or one of the roles.
type Who struct {
	Anyone             bool // a rule that allows asks for neither
	Permissions, Roles []string
}

// Who says to whom an action on a type of resource may be allowed. Others are denied.
func (p *Policy) Who(action, resource string) (w Who) {
	for _, t := range p.targetRules(&Request{Action: Action{Name: action}, Resource: Resource{Type: resource}}) {
		if t == nil {
			continue
		}
		for _, r := range t.allow {
			switch {
			case len(r.Permissions) > 0:
				w.Permissions = append(w.Permissions, r.Permissions...)
			case len(r.Roles) > 0:
				w.Roles = append(w.Roles, r.Roles...)
			default:
				w.Anyone = true
			}
		}
	}
	if permission := resource + ":" + action; !p.ruled[permission] {
		w.Permissions = append(w.Permissions, permission)
	}
	for _, list := range []*[]string{&w.Permissions, &w.Roles} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return w
}

// Reads says whether a condition reads a variable, as "subject.claims".
func (p *Policy) Reads(variable string) bool {
	for _, r := range p.rules {
		if r.condition != nil && r.condition.Reads(variable) {
			return true
		}
	}
	return false
}

func (p *Policy) add(r *rule) {
	p.rules = append(p.rules, r)
	for _, action := range r.Actions {
		for _, resource := range r.Resources {
			t := target{action, resource}
			rules := p.byTarget[t]
			if rules == nil {
				rules = &targetRules{}
				p.byTarget[t] = rules
			}
			if r.Effect == Deny {
				rules.deny = append(rules.deny, r)
			} else {
				rules.allow = append(rules.allow, r)
			}
		}
	}
	if r.Effect == Allow {
		for _, permission := range r.Permissions {
			p.ruled[permission] = true
		}
	}
}
