package decision

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/signet-auth/signet/internal/domain"
)

// Bounds of test cases.
const (
	maxCases       = 10_000
	maxCostlyCases = 100 // how many may cost as much as one may: the conditions of those that come after fail
)

// Case is a test of a policy: a request, and what its answer should be.
type Case struct {
	Name    string
	Line    int
	Request Request
	Allowed bool
	Rule    string // that decides; empty: whichever
}

// ParseCases reads test cases in YAML or JSON, a list:
//
//   - name: owners read their orders
//     subject: {type: user, id: usr_1, permissions: [order:read], roles: [], groups: [], claims: {}, properties: {}}
//     action: read          # or {name: read, properties: {}}
//     resource: order:42    # or {type: order, id: 42, properties: {owner: usr_1}}
//     context: {amount: 10}
//     now: 2026-01-31T12:00:00Z
//     expect: allow         # or deny
//     rule: own-orders      # that decides; may be left out
//
// Problems say what is wrong, and where.
func ParseCases(text string) ([]Case, error) {
	root, err := readYAML(text, MaxText)
	if err != nil || root == nil {
		return nil, err
	}
	r := &reader{}
	if root.Kind != yaml.SequenceNode || len(root.Content) > maxCases {
		r.problem(root, "the cases are a list of at most %d", maxCases)
		return nil, r.problems
	}
	var cases []Case
	for _, node := range root.Content {
		cases = append(cases, r.testCase(node))
	}
	if len(r.problems) > 0 {
		return nil, r.problems
	}
	return cases, nil
}

func (r *reader) testCase(node *yaml.Node) Case {
	c := Case{Line: node.Line}
	expected := false
	r.members(node, "a case", func(name string, key, value *yaml.Node) {
		switch name {
		case "name":
			c.Name = r.text(value, name)
		case "subject":
			r.subject(value, &c.Request.Subject)
		case "action":
			r.action(value, &c.Request.Action)
		case "resource":
			r.resource(value, &c.Request.Resource)
		case "context":
			c.Request.Context = r.object(value, name)
		case "now":
			at, err := time.Parse(time.RFC3339, value.Value)
			if err != nil {
				r.problem(value, "now is a time, as 2026-01-31T12:00:00Z")
			}
			c.Request.Now = at
		case "expect":
			if expected, c.Allowed = true, value.Value == string(Allow); !c.Allowed && value.Value != string(Deny) {
				r.problem(value, "expect is allow or deny")
			}
		case "rule":
			c.Rule = r.text(value, name)
		default:
			r.problem(key, "a case has no member %q: use name, subject, action, resource, context, now, expect, rule", clip(name))
		}
	})
	if node.Kind == yaml.MappingNode && (!expected || c.Request.Action.Name == "" || c.Request.Resource.Type == "") {
		r.problem(node, "a case needs subject, action, resource and expect")
	}
	return c
}

func (r *reader) subject(node *yaml.Node, s *Subject) {
	r.members(node, "subject", func(name string, key, value *yaml.Node) {
		switch name {
		case "type":
			s.Type = r.text(value, name)
		case "id":
			s.ID = r.text(value, name)
		case "permissions":
			s.Permissions = r.set(value, name)
		case "roles":
			s.Roles = r.set(value, name)
		case "groups":
			s.Groups = r.set(value, name)
		case "properties":
			s.Properties = r.object(value, name)
		case "claims":
			s.Claims = ClaimMap(r.object(value, name))
		default:
			r.problem(key, "subject has no member %q: use type, id, permissions, roles, groups, claims, properties", clip(name))
		}
	})
}

func (r *reader) set(node *yaml.Node, name string) Names {
	if node.Kind == yaml.SequenceNode && len(node.Content) == 0 {
		return Names{}
	}
	return NamesOf(r.list(node, name))
}

func (r *reader) action(node *yaml.Node, a *Action) {
	if node.Kind == yaml.ScalarNode {
		a.Name = r.text(node, "action")
		return
	}
	r.members(node, "action", func(name string, key, value *yaml.Node) {
		switch name {
		case "name":
			a.Name = r.text(value, name)
		case "properties":
			a.Properties = r.object(value, name)
		default:
			r.problem(key, "action has no member %q: use name, properties", clip(name))
		}
	})
}

func (r *reader) resource(node *yaml.Node, into *Resource) {
	if node.Kind == yaml.ScalarNode {
		*into = ResourceOf(r.text(node, "resource"))
		return
	}
	r.members(node, "resource", func(name string, key, value *yaml.Node) {
		switch name {
		case "type":
			into.Type = r.text(value, name)
		case "id":
			into.ID = r.text(value, name)
		case "properties":
			into.Properties = r.object(value, name)
		default:
			r.problem(key, "resource has no member %q: use type, id, properties", clip(name))
		}
	})
}

// ResourceOf reads a resource that is written TYPE:ID, or TYPE alone.
func ResourceOf(text string) Resource {
	kind, id, _ := strings.Cut(text, ":")
	return Resource{Type: kind, ID: id}
}

// object reads members as JSON has them, whose numbers are of one type.
func (r *reader) object(node *yaml.Node, name string) map[string]any {
	var members map[string]any
	var same domain.JSONObject
	if node.Kind != yaml.MappingNode || node.Decode(&members) != nil {
		r.problem(node, "%s is an object with members", name)
		return nil
	}
	text, err := json.Marshal(members)
	if err != nil || json.Unmarshal(text, &same) != nil {
		r.problem(node, "%s has a value that is not of JSON", name)
		return nil
	}
	return same
}

// Result is what a case came to.
type Result struct {
	Case    Case
	Verdict Verdict
	Passed  bool
}

// Test runs cases, and names the rules that decided none of them, in the order of the policy.
func (p *Policy) Test(cases []Case) (results []Result, untested []string) {
	decided, budget := map[string]bool{}, NewBudget(maxCostlyCases)
	for i := range cases {
		request := cases[i].Request
		request.Budget = budget
		verdict := p.Decide(&request)
		decided[verdict.Rule] = true
		passed := verdict.Allowed == cases[i].Allowed && (cases[i].Rule == "" || cases[i].Rule == verdict.Rule)
		results = append(results, Result{cases[i], verdict, passed})
	}
	for _, rule := range p.rules {
		if !decided[rule.Name] {
			untested = append(untested, rule.Name)
		}
	}
	return results, slices.Clip(untested)
}
