package decision

import (
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/expression"
)

// Request asks whether a subject may do something.
type Request struct {
	Subject  Subject
	Action   Action
	Resource Resource
	Context  map[string]any // of JSON types
	Now      time.Time
	Budget   *Budget // what several decisions share; nil: each has its own limit alone
}

// Budget bounds what the conditions of several decisions cost together. It is not for use at the same time.
type Budget struct{ left uint64 }

// NewBudget makes a Budget of as much as so many decisions may cost by themselves.
func NewBudget(decisions int) *Budget { return &Budget{uint64(decisions) * maxCost} }

// Spent says whether nothing is left: conditions fail.
func (b *Budget) Spent() bool { return b != nil && b.left == 0 }

func (b *Budget) spend(cost uint64) {
	if b != nil {
		b.left -= min(cost, b.left)
	}
}

// Subject is who would do it.
type Subject struct {
	Type, ID    string
	Permissions Names
	Roles       Names
	Groups      Names
	Properties  map[string]any // what the request says of it, of JSON types
	Claims      Claims         // what its token says, or would say; nil: nothing
}

// Claims are read where a condition reads them.
type Claims interface{ All() map[string]any }

// ClaimMap are Claims that are there already.
type ClaimMap map[string]any

// All implements Claims.
func (m ClaimMap) All() map[string]any { return m }

// Action is what would be done.
type Action struct {
	Name       string
	Properties map[string]any
}

// Resource is what it would be done with.
type Resource struct {
	Type, ID   string
	Properties map[string]any
}

// Names is a set of names.
type Names struct{ sorted []string }

// NamesOf makes a set of a list, which must not change afterwards.
func NamesOf(list []string) Names {
	if !slices.IsSorted(list) {
		list = slices.Sorted(slices.Values(list))
	}
	return Names{list}
}

// NamesOfSorted is NamesOf of a list that is sorted, which takes no time.
func NamesOfSorted(list []string) Names { return Names{list} }

// Has says whether a name is in the set.
func (n Names) Has(name string) bool {
	_, ok := slices.BinarySearch(n.sorted, name)
	return ok
}

func (n Names) hasAny(names []string) bool { return slices.ContainsFunc(names, n.Has) }

// permission finds TYPE:ACTION without making that text; empty: it is not there. The type ends at the first colon of a permission, so that
// a:b:c is b:c on an a and nothing else.
func (n Names) permission(resource, action string) string {
	if strings.Contains(resource, ":") {
		return ""
	}
	i, ok := slices.BinarySearchFunc(n.sorted, struct{}{}, func(name string, _ struct{}) int {
		head := min(len(name), len(resource))
		if order := strings.Compare(name[:head], resource[:head]); order != 0 {
			return order
		}
		if len(name) <= len(resource) {
			return -1
		}
		if name[head] != ':' {
			return int(name[head]) - ':'
		}
		return strings.Compare(name[head+1:], action)
	})
	if !ok {
		return ""
	}
	return n.sorted[i]
}

// Verdict is the answer to a Request.
type Verdict struct {
	Allowed    bool
	Rule       string // the name of the rule that decided; empty: none did
	Permission string // that decided, where no rule did; empty: nothing did, so it is denied
	Failures   int    // conditions that failed: such a rule does not allow, and one that would deny does
	FailedRule string // the first of them
	Failure    expression.Failure
}

// Decide answers a request.
func (p *Policy) Decide(r *Request) Verdict {
	var verdict Verdict
	rules := p.targetRules(r)
	spent := uint64(0)
	for _, t := range rules {
		if t == nil {
			continue
		}
		for _, rule := range t.deny {
			outcome, why := rule.applies(r, &spent)
			if outcome == failed {
				verdict.fail(rule, why)
			}
			if outcome == fires || outcome == failed {
				verdict.Rule = rule.Name
				return verdict
			}
		}
	}
	for _, t := range rules {
		if t == nil {
			continue
		}
		for _, rule := range t.allow {
			outcome, why := rule.applies(r, &spent)
			if outcome == failed {
				verdict.fail(rule, why)
			}
			if outcome == fires {
				verdict.Allowed, verdict.Rule = true, rule.Name
				return verdict
			}
		}
	}
	if permission := r.Subject.Permissions.permission(r.Resource.Type, r.Action.Name); permission != "" && !p.ruled[permission] {
		verdict.Allowed, verdict.Permission = true, permission
	}
	return verdict
}

// targetRules are those of the request's action and resource, the more specific first; nil where there are none.
func (p *Policy) targetRules(r *Request) [4]*targetRules {
	if len(p.byTarget) == 0 {
		return [4]*targetRules{}
	}
	action, resource := r.Action.Name, r.Resource.Type
	return [4]*targetRules{
		p.byTarget[target{action, resource}], p.byTarget[target{anyName, resource}], p.byTarget[target{action, anyName}], p.byTarget[target{anyName, anyName}],
	}
}

func (v *Verdict) fail(rule *rule, why expression.Failure) {
	if v.Failures++; v.Failures == 1 {
		v.FailedRule, v.Failure = rule.Name, why
	}
}

// outcome is what a rule, whose target fits, comes to.
type outcome int

const (
	fires outcome = iota
	lacksPermission
	lacksRole
	isFalse
	failed
)

// applies evaluates a rule. All conditions of a decision share one limit of cost, of which spent is gone; those that come after fail.
func (r *rule) applies(request *Request, spent *uint64) (outcome, expression.Failure) {
	if len(r.Permissions) > 0 && !request.Subject.Permissions.hasAny(r.Permissions) {
		return lacksPermission, ""
	}
	if len(r.Roles) > 0 && !request.Subject.Roles.hasAny(r.Roles) {
		return lacksRole, ""
	}
	if r.condition == nil {
		return fires, ""
	}
	if *spent > maxCost || request.Budget.Spent() {
		return failed, errTooMuch
	}
	holds, cost, err := holds(r.condition, request)
	request.Budget.spend(cost)
	if *spent += cost; *spent > maxCost && err == nil {
		err = errTooMuch
	}
	switch {
	case err != nil:
		return failed, expression.Reason(err)
	case holds:
		return fires, ""
	default:
		return isFalse, ""
	}
}

const errTooMuch expression.Failure = "the conditions together cost more than the limit"
