package pdp

import (
	"fmt"

	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/policy"
)

// How many evaluations a request may have.
const (
	maxEvaluations = 500
	maxExplained   = 10
)

// answered is a decision (AuthZEN §6.2).
type answered struct {
	Decision bool    `json:"decision"`
	Context  *detail `json:"context,omitempty"`
}

// detail says what decided.
type detail struct {
	Rule       string       `json:"rule,omitempty"`
	Permission string       `json:"permission,omitempty"`
	Reason     string       `json:"reason,omitempty"`
	Policy     int64        `json:"policy,omitempty"` // the number of the version that decided
	Rules      []considered `json:"rules,omitempty"`
	Error      *failure     `json:"error,omitempty"`
}

// considered is what one rule came to.
type considered struct {
	Rule    string          `json:"rule"`
	Effect  decision.Effect `json:"effect"`
	Applies bool            `json:"applies"`
	Why     string          `json:"why"`
}

// failure says why an evaluation of several could not be made.
type failure struct {
	Status  int    `json:"status"`
	Message string `json:"message"`
}

// evaluation answers one (AuthZEN §6).
func evaluation(q *question) (any, error) { return q.evaluate(q.body) }

// evaluations answers several (AuthZEN §7). What an evaluation leaves out is as the whole request has it.
func evaluations(q *question) (any, error) {
	goOn, err := semantic(q.body)
	if err != nil {
		return nil, err
	}
	given, err := list(q.body, "evaluations")
	if err != nil {
		return nil, err
	}
	if len(given) == 0 {
		return evaluation(q)
	}
	most := maxEvaluations
	if q.explain {
		most = maxExplained
	}
	if len(given) > most {
		return nil, malformed(fmt.Sprintf("There are %d evaluations; send at most %d, or %d that are to be explained.", len(given), maxEvaluations, maxExplained))
	}
	answers := make([]answered, 0, len(given))
	for _, item := range given {
		a, err := q.item(item)
		if err != nil {
			return nil, err
		}
		answers = append(answers, a)
		if !goOn(a.Decision) {
			break
		}
	}
	return struct {
		Evaluations []answered `json:"evaluations"`
	}{answers}, nil
}

// semantic says, after a decision, whether the evaluations go on (AuthZEN §7.1.2.1).
func semantic(body map[string]any) (goOn func(decision bool) bool, err error) {
	options, err := object(body, "options")
	if err != nil {
		return nil, err
	}
	name, err := optionalText(options, "evaluations_semantic")
	if err != nil {
		return nil, err
	}
	switch name {
	case "", "execute_all":
		return func(bool) bool { return true }, nil
	case "deny_on_first_deny":
		return func(decision bool) bool { return decision }, nil
	case "permit_on_first_permit":
		return func(decision bool) bool { return !decision }, nil
	}
	return nil, malformed("options.evaluations_semantic is execute_all, deny_on_first_deny or permit_on_first_permit.")
}

// item evaluates one of several; what is wrong with it denies that one alone.
func (q *question) item(given any) (answered, error) {
	members, err := withDefaults(given, q.body)
	var a answered
	if err == nil {
		a, err = q.evaluate(members)
	}
	if told := refusalOf(err); told != nil {
		return refused(told), nil
	}
	return a, err
}

// withDefaults reads an evaluation of several. What it leaves out is as the whole request has it.
func withDefaults(given any, body map[string]any) (map[string]any, error) {
	given, ok := plain(given)
	if !ok {
		return nil, errUnusable
	}
	members, ok := given.(map[string]any)
	if !ok {
		return nil, malformed("An evaluation is an object.")
	}
	for _, name := range []string{"subject", "action", "resource", "context"} {
		if _, own := members[name]; own {
			continue
		}
		if value, ok := body[name]; ok {
			members[name] = value
		}
	}
	return members, nil
}

func refused(told *refusal) answered {
	return answered{Context: &detail{Error: &failure{told.status, told.text}}}
}

func (q *question) evaluate(members map[string]any) (answered, error) {
	request, err := readRequest(members)
	if err != nil {
		return answered{}, err
	}
	request.Now = q.surface.Now()
	a, err := q.decider.Decide(q.ctx, request, q.explain)
	if err != nil {
		return answered{}, err
	}
	return answered{a.Allowed, q.detail(a)}, nil
}

func (q *question) detail(a policy.Answer) *detail {
	d := &detail{Rule: a.Rule, Permission: a.Permission}
	if !a.Allowed || q.explain {
		d.Reason = a.Reason()
	}
	if q.explain {
		d.Policy = a.Policy
		for _, c := range a.Considered {
			d.Rules = append(d.Rules, considered(c))
		}
	}
	return d
}
