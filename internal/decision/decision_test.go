package decision

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
)

const orders = `
rules:
- name: own-orders
  effect: allow
  actions: [read, cancel]
  resources: [order]
  permissions: [order:own]
  when: resource.properties.owner == subject.id
- name: large
  effect: deny
  actions: ["*"]
  resources: [order]
  when: context.amount > 100
- name: clerks
  effect: allow
  actions: ["*"]
  resources: [order]
  roles: [clerk]
- name: anyone
  effect: allow
  actions: [ping]
  resources: ["*"]
- name: night
  effect: deny
  actions: [open]
  resources: ["*"]
  when: now.getHours() < 6
`

func mustCompile(t testing.TB, text string) *Policy {
	t.Helper()
	policy, err := Compile(text)
	if err != nil {
		t.Fatal(err)
	}
	return policy
}

func TestRulesDecideBeforePermissionsAndDenyOutweighsAllow(t *testing.T) {
	cases, err := ParseCases(`
- {name: owner, subject: {id: a, permissions: [order:own]}, action: read, resource: {type: order, id: "1", properties: {owner: a}}, context: {amount: 1}, expect: allow, rule: own-orders}
- {name: someone else, subject: {id: b, permissions: [order:own]}, action: read, resource: {type: order, properties: {owner: a}}, context: {amount: 1}, expect: deny}
- {name: owner without the permission, subject: {id: a}, action: read, resource: {type: order, properties: {owner: a}}, context: {amount: 1}, expect: deny}
- {name: not of another action, subject: {id: a, permissions: [order:own]}, action: pay, resource: {type: order, properties: {owner: a}}, context: {amount: 1}, expect: deny}
- {name: not of another type, subject: {id: a, permissions: [order:own]}, action: read, resource: {type: bill, properties: {owner: a}}, expect: deny}
- {name: too large, subject: {id: a, permissions: [order:own], roles: [clerk]}, action: read, resource: {type: order, properties: {owner: a}}, context: {amount: 101}, expect: deny, rule: large}
- {name: clerk, subject: {id: a, roles: [a, clerk, z]}, action: pay, resource: order:1, context: {amount: 100}, expect: allow, rule: clerks}
- {name: by permission, subject: {id: a, permissions: [order:pay]}, action: pay, resource: order:1, context: {amount: 100}, expect: allow}
- {name: a permission that a rule names allows nothing alone, subject: {id: a, permissions: [order:own]}, action: own, resource: order:1, context: {amount: 1}, expect: deny}
- {name: any type, subject: {id: a}, action: ping, resource: x, expect: allow, rule: anyone}
- {name: at night, subject: {permissions: [door:open]}, action: open, resource: door, now: 2026-01-01T05:59:59Z, expect: deny, rule: night}
- {name: by day, subject: {permissions: [door:open]}, action: open, resource: door, now: 2026-01-01T06:00:00Z, expect: allow}
- {name: an amount is not given and the rule denies, subject: {permissions: [order:pay]}, action: pay, resource: order, expect: deny, rule: large}
`)
	if err != nil {
		t.Fatal(err)
	}
	results, untested := mustCompile(t, orders).Test(cases)
	for _, r := range results {
		if !r.Passed {
			t.Errorf("%s: %+v", r.Case.Name, r.Verdict)
		}
	}
	if len(untested) > 0 {
		t.Errorf("untested: %v", untested)
	}
	if _, untested := mustCompile(t, orders).Test(cases[:1]); !slices.Equal(untested, []string{"large", "clerks", "anyone", "night"}) {
		t.Errorf("of the first alone: %v", untested)
	}
}

func TestWithoutAPolicyPermissionsDecide(t *testing.T) {
	held := NamesOf([]string{"z:z", "order:read", "order", "order:", "order:items:read", "order-x:read", ":read", "orde", "orders:read"})
	for _, c := range []struct {
		resource, action string
		want             bool
	}{
		{"order", "read", true}, {"order:items", "read", false}, {"order", "items:read", true}, {"order", "", true}, {"", "read", true}, {"z", "z", true}, {"order-x", "read", true},
		{"order", "rea", false}, {"order", "reads", false}, {"orde", "read", false}, {"", "", false}, {"order:read", "", false}, {"orderread", "", false},
		{"*", "*", false}, {"order", "*", false},
	} {
		r := &Request{Subject: Subject{Permissions: held}, Action: Action{Name: c.action}, Resource: Resource{Type: c.resource}}
		if got := Permissions.Decide(r); got.Allowed != c.want || c.want && got.Permission != c.resource+":"+c.action {
			t.Errorf("%q on %q: %+v", c.action, c.resource, got)
		}
	}
}

func TestAConditionThatFailsNeverAllows(t *testing.T) {
	const both = `
rules:
- {name: refuses, effect: deny, actions: [a], resources: [r], when: %[1]q}
- {name: allows, effect: allow, actions: [b], resources: [r], when: %[1]q}
`
	many := make([]any, 2000)
	for i := range many {
		many[i] = strings.Repeat("x", 20)
	}
	request := func(action string) *Request {
		return &Request{Subject: Subject{Permissions: NamesOf([]string{"r:a"})}, Action: Action{Name: action}, Resource: Resource{Type: "r"}, Context: map[string]any{"zero": 0.0, "many": many}}
	}
	for condition, why := range map[string]string{
		`context.missing`:                                   "not there",
		`resource.properties.a.b == 1`:                      "not there",
		`subject.claims.sub == ""`:                          "not there",
		`context.zero`:                                      "neither true nor false",
		`1 / int(context.zero) == 1`:                        "division by zero",
		`context.many.all(x, context.many.all(y, x != ""))`: "limit",
		`context.zero + "a" == "a"`:                         "types",
		`timestamp(context.many[0]) < now`:                  "",
	} {
		policy := mustCompile(t, fmt.Sprintf(both, condition))
		denied, allowed := policy.Decide(request("a")), policy.Decide(request("b"))
		if denied.Allowed || denied.Rule != "refuses" || denied.Failures != 1 || denied.FailedRule != "refuses" || !strings.Contains(string(denied.Failure), why) {
			t.Errorf("%s: the rule that denies: %+v", condition, denied)
		}
		if allowed.Allowed || allowed.Rule != "" || allowed.Failures != 1 || !strings.Contains(string(allowed.Failure), why) {
			t.Errorf("%s: the rule that allows: %+v", condition, allowed)
		}
	}
}

func TestAllConditionsOfADecisionShareOneLimit(t *testing.T) {
	var text strings.Builder
	text.WriteString("rules:\n")
	for i := range 100 {
		fmt.Fprintf(&text, "- {name: r%d, effect: allow, actions: [a], resources: [r], when: 'context.many.exists(x, x == \"y\")'}\n", i)
	}
	text.WriteString("- {name: last, effect: allow, actions: [a], resources: [r]}\n")
	many := make([]any, 1000)
	for i := range many {
		many[i] = "x"
	}
	r := &Request{Action: Action{Name: "a"}, Resource: Resource{Type: "r"}, Context: map[string]any{"many": many}}
	verdict := mustCompile(t, text.String()).Decide(r)
	if verdict.Failures == 0 || verdict.Failures == 100 || verdict.Failure != errTooMuch {
		t.Errorf("%+v", verdict)
	}
	if !verdict.Allowed || verdict.Rule != "last" {
		t.Errorf("a rule without a condition costs nothing: %+v", verdict)
	}
}

func TestDecisionsThatShareABudgetFailWhenItIsSpent(t *testing.T) {
	policy := mustCompile(t, `
rules:
- {name: costly, effect: allow, actions: [a], resources: [r], when: 'context.many.exists(x, x == "y") || true'}
- {name: free, effect: allow, actions: [b], resources: [r]}
`)
	many := make([]any, 1000)
	for i := range many {
		many[i] = "x"
	}
	r := &Request{Action: Action{Name: "a"}, Resource: Resource{Type: "r"}, Context: map[string]any{"many": many}, Budget: NewBudget(1)}
	allowed := 0
	for ; allowed < 100 && policy.Decide(r).Allowed; allowed++ {
	}
	if allowed == 0 || allowed == 100 || !r.Budget.Spent() {
		t.Errorf("%d decisions had budget", allowed)
	}
	if v, why := policy.Explain(r); v.Failure != errTooMuch || !strings.Contains(why[0].Why, string(errTooMuch)) {
		t.Errorf("%+v %+v", v, why)
	}
	if r.Action.Name = "b"; !policy.Decide(r).Allowed {
		t.Error("a rule without a condition needs budget")
	}
	if r.Action.Name, r.Budget = "a", nil; !policy.Decide(r).Allowed {
		t.Error("without a budget it is spent")
	}
}

func TestTestCasesShareABudget(t *testing.T) {
	policy := mustCompile(t, `rules: [{name: costly, effect: allow, actions: [a], resources: [r], when: 'context.many.exists(x, x == "y") || true'}]`)
	many := make([]any, 1000)
	for i := range many {
		many[i] = "x"
	}
	cases := make([]Case, maxCases)
	for i := range cases {
		cases[i] = Case{Allowed: true, Request: Request{Action: Action{Name: "a"}, Resource: Resource{Type: "r"}, Context: map[string]any{"many": many}}}
	}
	results, _ := policy.Test(cases)
	if first, last := results[0], results[len(results)-1]; !first.Passed || last.Passed || last.Verdict.Failure != errTooMuch {
		t.Errorf("the first of many came to %+v, the last to %+v", first.Verdict, last.Verdict)
	}
}

func TestTheTypeOfAPermissionEndsAtItsFirstColon(t *testing.T) {
	for _, c := range []struct {
		resource, action string
		allowed          bool
	}{{"a", "b:c", true}, {"a:b", "c", false}, {"a", "b", false}, {"a:b:c", "", false}, {"x", "y", true}} {
		r := &Request{Subject: Subject{Permissions: NamesOf([]string{"a:b:c", "x:y"})}, Action: Action{Name: c.action}, Resource: Resource{Type: c.resource}}
		if v := Permissions.Decide(r); v.Allowed != c.allowed {
			t.Errorf("%s on %s: %s", c.action, c.resource, v.Reason())
		}
	}
	named := mustCompile(t, `rules: [{name: named, effect: allow, actions: [c], resources: ["a:b"], permissions: ["a:b:c"]}]`)
	r := &Request{Subject: Subject{Permissions: NamesOf([]string{"a:b:c"})}, Action: Action{Name: "c"}, Resource: Resource{Type: "a:b"}}
	if !named.Decide(r).Allowed {
		t.Error("a rule that names the permission and the type does not allow")
	}
}

func TestWhatNoConditionReadsChangesNothing(t *testing.T) {
	policy := mustCompile(t, orders)
	r := &Request{Subject: Subject{ID: "a", Roles: NamesOf([]string{"clerk"})}, Action: Action{Name: "ping"}, Resource: Resource{Type: "bill"}}
	without := policy.Decide(r)
	r.Context = map[string]any{"amount": 1e9}
	r.Subject.Properties, r.Resource.Properties, r.Action.Properties = r.Context, r.Context, r.Context
	if with := policy.Decide(r); with != without || !with.Allowed {
		t.Errorf("%+v, with context %+v", without, with)
	}
}

func TestConditionsReadAllOfARequest(t *testing.T) {
	r := &Request{
		Subject: Subject{Type: "user", ID: "usr_1", Permissions: NamesOf([]string{"p"}), Roles: NamesOf([]string{"r"}), Groups: NamesOf([]string{"g"}),
			Properties: map[string]any{"clearance": 3.0}, Claims: ClaimMap{"email": "a@x.example"}},
		Action: Action{Name: "read", Properties: map[string]any{"soft": true}}, Resource: Resource{Type: "order", ID: "42", Properties: map[string]any{"tags": []any{"a"}}},
		Context: map[string]any{"ip": "::1"}, Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	for _, condition := range []string{
		`subject.type == "user" && subject.id == "usr_1"`, `"p" in subject.permissions && "r" in subject.roles && "g" in subject.groups`,
		`subject.properties.clearance >= 3`, `subject.claims.email.endsWith("@x.example")`, `action.name == "read" && action.properties.soft`,
		`resource.type + ":" + resource.id == "order:42"`, `"a" in resource.properties.tags`, `context.ip == "::1"`, `now < timestamp("2026-01-03T00:00:00Z")`,
		`!has(context.amount)`, `context.?amount.orValue(1) == 1`, `resource.properties.?owner != optional.of(subject.id)`, `subject.claims.email.lower().split("@")[0] == "a"`,
	} {
		policy := mustCompile(t, fmt.Sprintf("rules: [{name: r, effect: allow, actions: [read], resources: [order], when: %q}]", condition))
		if verdict := policy.Decide(r); !verdict.Allowed {
			t.Errorf("%s: %+v", condition, verdict)
		}
	}
	empty := &Request{Action: Action{Name: "read"}, Resource: Resource{Type: "order"}}
	policy := mustCompile(t, "rules: [{name: r, effect: allow, actions: [read], resources: [order], when: 'size(subject.roles) + size(subject.claims) + size(context) == 0'}]")
	if verdict := policy.Decide(empty); !verdict.Allowed {
		t.Errorf("an empty request: %+v", verdict)
	}
}

// An integer that a double would round is another integer, wherever a condition compares it. In a calculation it is a double as all others.
func TestNumbersAreComparedExactlyAndCalculatedAsDoubles(t *testing.T) {
	const big = "{n: 9007199254740993, small: 3, list: [1, 9007199254740993], most: 18446744073709551615}"
	for condition, holds := range map[string]bool{
		`resource.properties.n == 9007199254740993`: true, `9007199254740993 == resource.properties.n`: true, `resource.properties.n == 9007199254740992`: false,
		`resource.properties.n != 9007199254740992`: true, `resource.properties.n > 9007199254740992`: true, `resource.properties.n <= 9007199254740992`: false,
		`resource.properties.n in [1, 9007199254740993]`: true, `resource.properties.n in [9007199254740992]`: false, `9007199254740992 in resource.properties.list`: false,
		`resource.properties.list.exists(n, n == 9007199254740993)`: true, `resource.properties.list.exists(n, n == 9007199254740994)`: false,
		`resource.properties == {"n": 9007199254740993}`: false, `resource.properties.n == context.n`: true, `resource.properties.n == action.properties.n`: true,
		`resource.properties.n == subject.properties.n && resource.properties.n == subject.claims.n`: true, `string(resource.properties.n) == "9007199254740993"`: true,
		`resource.properties.most == 18446744073709551615u`: true, `resource.properties.most == 18446744073709551614u`: false, `int(resource.properties.n) % 10 == 3`: true,
		// as with doubles alone
		`resource.properties.small == 3 && resource.properties.small == 3.0 && resource.properties.small < 3.5`: true, `resource.properties.n * 1.5 > 1.0`: true,
		`1.5 + resource.properties.n - 1.0 > 1.0`: true, `resource.properties.n / 2.0 < 4503599627370497.0`: true, `resource.properties.n / resource.properties.small < 3.1e15`: true,
		`-resource.properties.n < 0.0 && -resource.properties.most < 0.0`: true, `resource.properties.n + resource.properties.most > 1.8e19`: true, `resource.properties.n / resource.properties.most < 0.1`: true,
		`(true ? 1.0 : resource.properties.n) * 2.0 == 2.0`: true, `(false ? 1.0 : resource.properties.n) * 2.0 > 2.0`: true, `resource.properties.list.map(n, n * 2.0)[1] > 4.0`: true,
		`resource.properties.?n.orValue(1.0) * 2.0 > 4.0`: true, `"order " + resource.id + string(resource.properties.small) == "order 3"`: true, `1 + 2 == 3 && 9007199254740993 + 1 == 9007199254740994`: true,
		`size(resource.properties.list) * 2 == 4`: true, `int(resource.properties.n) + 1 == 9007199254740994`: true, `resource.properties.list + [1] == [1, 9007199254740993, 1]`: true,
	} {
		cases, err := ParseCases(fmt.Sprintf("- {subject: {properties: %[1]s, claims: %[1]s}, action: {name: read, properties: %[1]s}, resource: {type: order, properties: %[1]s}, context: %[1]s, expect: deny}", big))
		if err != nil {
			t.Fatal(err)
		}
		policy := mustCompile(t, fmt.Sprintf("rules: [{name: r, effect: allow, actions: [read], resources: [order], when: %q}]", condition))
		if verdict := policy.Decide(&cases[0].Request); verdict.Allowed != holds || verdict.Failures > 0 {
			t.Errorf("%s: %+v", condition, verdict)
		}
	}
	policy := mustCompile(t, "rules: [{name: r, effect: allow, actions: [read], resources: [order], when: 'resource.properties.n % 2 == 1'}]")
	request := &Request{Action: Action{Name: "read"}, Resource: Resource{Type: "order", Properties: map[string]any{"n": int64(9007199254740993)}}}
	if verdict := policy.Decide(request); verdict.Allowed || verdict.Failures != 1 { // CEL has no remainder of doubles
		t.Errorf("a remainder: %+v", verdict)
	}
	if _, err := Compile("rules: [{name: r, effect: allow, actions: [read], resources: [order], when: '@double(1) == 1'}]"); err == nil {
		t.Error("a condition calls a function that is not for it")
	}
}

func TestMistakesAreToldWithTheirPlace(t *testing.T) {
	rule := func(members string) string {
		return "rules:\n- {name: r, effect: allow, actions: [a], resources: [b], " + members + "}"
	}
	for text, want := range map[string]string{
		"rules: x":                           "line 1, column 8: rules is a list",
		"rule: []":                           `line 1, column 1: a policy has no member "rule"`,
		"[]":                                 "a policy is an object",
		"rules: [1]":                         "line 1, column 9: a rule is an object",
		"rules: [{name: a}]":                 "a rule needs effect",
		"rules:\n- name: a\n  effect: maybe": "line 3, column 11: effect is allow or deny",
		"rules: []\nrules: []":               "line 2, column 1: rules is given twice",
		"rules: [":                           "this is not YAML",
		"--- \na: 1\n---\nb: 2":              "more than one document",
		"rules: &a []":                       "anchors",
		"rules: !!seq []":                    "tags",
		"\x00":                               "NUL",
		"\xff":                               "not UTF-8",
		strings.Repeat("#", MaxText+1):       "use at most",
		strings.Repeat("[", 20) + strings.Repeat("]", 20): "nested too deeply",
		rule("whom: x"):                              `no member "whom"`,
		rule("permissions: ['*']"):                   "for all actions",
		rule("roles: []"):                            "roles is a list of 1 to 100 names",
		rule("permissions: [a, a]"):                  "names a twice",
		rule("description: ''"):                      "description is a text",
		rule("when: ''"):                             "when: it is empty",
		rule("when: 'subject.idd == \"\"'"):          "undeclared reference",
		rule("when: '1 + 1'"):                        "it gives int, but has to be true or false",
		rule("when: 'context.a.matches(context.b)'"): "must be written out",
		rule("when: [true]"):                         "when is an expression",
		"rules:\n- name: r\n  when: context.a && resource.idd == \"\"":                                                          "line 3, column 30: when: undeclared reference",
		"rules:\n- name: r\n  when: |\n    context.a &&\n    resource.idd == \"\"\n":                                            "line 3, column 9: when: line 2, column 9: undeclared reference",
		"rules: [{name: r, effect: deny, actions: [a], resources: [b]}, {name: r, effect: deny, actions: [a], resources: [b]}]": "another rule of the name r",
		"rules: [" + strings.Repeat("{name: r, effect: deny, actions: [a], resources: [b]},", 1001) + "]":                       "use at most 1000",
	} {
		_, err := Compile(text)
		if !errors.Is(err, domain.ErrInvalid) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("%.80q: %v, want %q", text, err, want)
		}
		if problems, ok := errors.AsType[Problems](err); ok && len(problems) > maxProblems {
			t.Errorf("%.80q: %d problems", text, len(problems))
		}
	}
	var conditions strings.Builder
	for i := range maxConditions + 1 {
		fmt.Fprintf(&conditions, "- {name: r%d, effect: allow, actions: [a], resources: [b], when: 'true'}\n", i)
	}
	if _, err := Compile("rules:\n" + conditions.String()); !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), "more than 250 conditions") {
		t.Errorf("too many conditions: %v", err)
	}
	for _, text := range []string{"", "# nothing", "rules: []", `{"rules":[]}`} {
		if policy, err := Compile(text); err != nil || len(policy.Rules()) != 0 {
			t.Errorf("%q: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"a: b": "the cases are a list", "- 1": "a case is an object", "- {expect: allow}": "a case needs", "- {expect: perhaps}": "expect is allow or deny",
		"- {subject: {email: a}}": "subject has no member", "- {now: today}": "now is a time", "- {context: [a]}": "context is an object",
	} {
		if _, err := ParseCases(text); !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestExplainSaysWhyEachRuleDecidesOrNot(t *testing.T) {
	policy := mustCompile(t, orders)
	r := &Request{Subject: Subject{ID: "a", Permissions: NamesOf([]string{"order:own"})}, Action: Action{Name: "cancel"},
		Resource: Resource{Type: "order", Properties: map[string]any{"owner": "a"}}, Context: map[string]any{"amount": 1.0}}
	verdict, considered := policy.Explain(r)
	want := []Considered{
		{"own-orders", Allow, true, "Its condition is true."},
		{"large", Deny, false, "Its condition is false."},
		{"clerks", Allow, false, "The subject has none of its roles: clerk."},
		{"anyone", Allow, false, "It is about other actions."},
		{"night", Deny, false, "It is about other actions."},
	}
	if diff := cmp.Diff(want, considered); diff != "" || verdict.Reason() != "The rule own-orders allows it." {
		t.Errorf("%s: %s", verdict.Reason(), diff)
	}
	r.Context, r.Subject.Permissions = nil, Names{}
	verdict, considered = policy.Explain(r)
	if verdict.Allowed || verdict.Reason() != "The condition of the rule large, which would deny it, failed: it reads a member that is not there." ||
		considered[0].Why != "The subject has none of its permissions: order:own." || !considered[1].Applies {
		t.Errorf("%s %+v", verdict.Reason(), considered)
	}
}

// one is a request with 1,000 permissions, to a policy with 1,000 rules, 100 of them with conditions.
func large(t testing.TB) (*Policy, *Request, *Request) {
	var text strings.Builder
	var held []string
	text.WriteString("rules:\n")
	for i := range 1000 {
		held = append(held, fmt.Sprintf("type%d:read", i))
		fmt.Fprintf(&text, "- {name: r%d, effect: allow, actions: [read], resources: [type%d], permissions: ['type%d:read']", i, i, i)
		if i < 100 {
			text.WriteString(`, when: 'resource.properties.owner == subject.id && context.amount < 100'`)
		}
		text.WriteString("}\n")
	}
	request := func(kind string) *Request {
		return &Request{Subject: Subject{Type: "user", ID: "usr_1", Permissions: NamesOf(held)}, Action: Action{Name: "read"},
			Resource: Resource{Type: kind, ID: "42", Properties: map[string]any{"owner": "usr_1"}}, Context: map[string]any{"amount": 10.0}}
	}
	return mustCompile(t, text.String()), request("type700"), request("type50")
}

func TestADecisionWithoutAConditionAllocatesNothing(t *testing.T) {
	policy, plain, conditional := large(t)
	for _, r := range []*Request{plain, conditional} {
		if verdict := policy.Decide(r); !verdict.Allowed {
			t.Fatalf("%+v", verdict)
		}
	}
	for name, p := range map[string]*Policy{"rules": policy, "permissions": Permissions} {
		if n := testing.AllocsPerRun(100, func() { p.Decide(plain) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	policy, plain, conditional := large(b)
	for name, run := range map[string]func(){
		"rule":       func() { policy.Decide(plain) },
		"permission": func() { Permissions.Decide(plain) },
		"condition":  func() { policy.Decide(conditional) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(orders)
	f.Add(`{"rules":[{"name":"r","effect":"deny","actions":["*"],"resources":["*"],"when":"context.a"}]}`)
	f.Add("rules:\n- name: r\n  effect: allow\n  actions: [a]\n  resources: [b]\n  when: >\n    subject.roles.exists(r, r.startsWith(\"x\"))\n")
	f.Fuzz(func(t *testing.T, text string) {
		policy, err := Compile(text)
		if err != nil {
			if !errors.Is(err, domain.ErrInvalid) {
				t.Errorf("%v", err)
			}
			return
		}
		r := &Request{Subject: Subject{ID: "a", Roles: NamesOf([]string{"x"})}, Action: Action{Name: "a"}, Resource: Resource{Type: "b"}, Context: map[string]any{"a": true}}
		verdict, considered := policy.Explain(r)
		denied := slices.ContainsFunc(considered, func(c Considered) bool { return c.Applies && c.Effect == Deny })
		allowed := slices.ContainsFunc(considered, func(c Considered) bool { return c.Applies && c.Effect == Allow })
		if verdict.Failure != errTooMuch && verdict.Allowed != (allowed && !denied) {
			t.Errorf("%+v, but explained as %+v", verdict, considered)
		}
	})
}
