package decision

import (
	"slices"
	"strings"
)

// Considered is what one rule came to.
type Considered struct {
	Rule    string
	Effect  Effect
	Applies bool   // it would decide, unless another rule outweighs it
	Why     string // a sentence
}

// Explain is Decide that says of each rule, in the order of the policy, why it applies or does not.
func (p *Policy) Explain(r *Request) (Verdict, []Considered) {
	verdict := p.Decide(r)
	considered := make([]Considered, 0, len(p.rules))
	for _, rule := range p.rules {
		c := Considered{Rule: rule.Name, Effect: rule.Effect}
		c.Applies, c.Why = rule.explain(r)
		considered = append(considered, c)
	}
	return verdict, considered
}

func (r *rule) explain(request *Request) (applies bool, why string) {
	switch {
	case !named(r.Actions, request.Action.Name):
		return false, "It is about other actions."
	case !named(r.Resources, request.Resource.Type):
		return false, "It is about resources of other types."
	}
	spent := uint64(0) // alone, so that what others cost does not hide what it comes to
	switch outcome, failure := r.applies(request, &spent); outcome {
	case lacksPermission:
		return false, "The subject has none of its permissions: " + strings.Join(r.Permissions, ", ") + "."
	case lacksRole:
		return false, "The subject has none of its roles: " + strings.Join(r.Roles, ", ") + "."
	case isFalse:
		return false, "Its condition is false."
	case failed:
		if r.Effect == Deny {
			return true, "Its condition failed, so it denies: " + string(failure) + "."
		}
		return false, "Its condition failed: " + string(failure) + "."
	default:
		if r.condition != nil {
			return true, "Its condition is true."
		}
		return true, "It fits the request, and has no condition."
	}
}

func named(names []string, name string) bool {
	return slices.Contains(names, anyName) || slices.Contains(names, name)
}

// Reason is a sentence that says what decided.
func (v Verdict) Reason() string {
	switch {
	case v.Rule != "" && v.Allowed:
		return "The rule " + v.Rule + " allows it."
	case v.Rule != "" && v.Rule == v.FailedRule:
		return "The condition of the rule " + v.Rule + ", which would deny it, failed: " + string(v.Failure) + "."
	case v.Rule != "":
		return "The rule " + v.Rule + " denies it."
	case v.Allowed:
		return "The permission " + v.Permission + " allows it."
	case v.Failures > 0:
		return "No rule and no permission allows it; the condition of the rule " + v.FailedRule + " failed: " + string(v.Failure) + "."
	default:
		return "No rule and no permission allows it."
	}
}
