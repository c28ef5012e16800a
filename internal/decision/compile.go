package decision

import (
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/signet-auth/signet/internal/expression"
)

// Compile reads a policy in YAML or JSON, and compiles it:
//
//	rules:
//	- name: own-orders
//	  effect: allow                  # or deny
//	  actions: [read, cancel]        # "*" stands for all
//	  resources: [order]             # types; "*" stands for all
//	  permissions: [order:own]       # the subject has one of them; left out: whoever it is
//	  roles: [customer]              # the same of roles
//	  when: resource.properties.owner == subject.id
//
// A permission that a rule which allows names counts for its rules alone: it allows nothing by itself any more. Problems say what is wrong,
// and where.
func Compile(text string) (*Policy, error) {
	root, err := readYAML(text, MaxText)
	if err != nil {
		return nil, err
	}
	c := &compiler{names: map[string]bool{}, policy: &Policy{byTarget: map[target]*targetRules{}, ruled: map[string]bool{}}}
	if root != nil {
		c.policyNode(root)
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	return c.policy, nil
}

type compiler struct {
	policy *Policy
	reader
	names      map[string]bool // of rules
	conditions int
}

func (c *compiler) policyNode(node *yaml.Node) {
	c.members(node, "a policy", func(name string, key, value *yaml.Node) {
		if name != "rules" {
			c.problem(key, "a policy has no member %q: use rules", clip(name))
			return
		}
		if value.Kind != yaml.SequenceNode {
			c.problem(value, "rules is a list")
			return
		}
		if len(value.Content) > maxRules {
			c.problem(value.Content[maxRules], "there are %d rules; use at most %d", len(value.Content), maxRules)
			return
		}
		for _, rule := range value.Content {
			if len(c.problems) == maxProblems {
				return
			}
			c.rule(rule)
		}
	})
}

func (c *compiler) rule(node *yaml.Node) {
	r := &rule{}
	before := len(c.problems)
	c.members(node, "a rule", func(name string, key, value *yaml.Node) {
		switch name {
		case "name":
			r.Name = c.text(value, name)
			if r.Name != "" && c.names[r.Name] {
				c.problem(value, "there is another rule of the name %s", clip(r.Name))
			}
			c.names[r.Name] = true
		case "description":
			r.Description = c.text(value, name)
		case "effect":
			if r.Effect = Effect(c.text(value, name)); r.Effect != Allow && r.Effect != Deny {
				c.problem(value, "effect is allow or deny")
			}
		case "actions":
			r.Actions = c.list(value, name)
		case "resources":
			r.Resources = c.list(value, name)
		case "permissions":
			r.Permissions = c.list(value, name)
		case "roles":
			r.Roles = c.list(value, name)
		case "when":
			c.condition(r, value)
		default:
			c.problem(key, "a rule has no member %q: use name, description, effect, actions, resources, permissions, roles, when", clip(name))
		}
	})
	if len(c.problems) > before {
		return
	}
	for _, m := range []struct {
		name  string
		given bool
	}{{"name", r.Name != ""}, {"effect", r.Effect != ""}, {"actions", r.Actions != nil}, {"resources", r.Resources != nil}} {
		if !m.given {
			c.problem(node, "a rule needs %s", m.name)
			return
		}
	}
	if slices.Contains(r.Permissions, anyName) || slices.Contains(r.Roles, anyName) {
		c.problem(node, "%q stands for all actions or all types of resources only: leave permissions or roles out for a rule that applies to all subjects", anyName)
		return
	}
	r.Actions, r.Resources = widest(r.Actions), widest(r.Resources)
	c.policy.add(r)
}

// widest is a list in which nothing stands beside anyName.
func widest(names []string) []string {
	if slices.Contains(names, anyName) {
		return []string{anyName}
	}
	return names
}

func (c *compiler) condition(r *rule, node *yaml.Node) {
	if node.Kind != yaml.ScalarNode || node.ShortTag() == "!!null" {
		c.problem(node, "when is an expression in CEL")
		return
	}
	if c.conditions++; c.conditions > maxConditions {
		c.problem(node, "there are more than %d conditions", maxConditions)
		return
	}
	var err error
	r.When = node.Value
	r.condition, err = compileCondition(r.When)
	if err == nil {
		return
	}
	// The place is exact where the text of the condition is as it stands in the policy: in one line, without quotes.
	if at, ok := errors.AsType[*expression.ErrText](err); ok && node.Style == 0 && !strings.Contains(node.Value, "\n") {
		c.problem(&yaml.Node{Line: node.Line, Column: node.Column + at.Column - 1}, "when: %s", at.Message)
		return
	}
	c.problem(node, "when: %v", err)
}
