package decide_test

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/resourceserver"
	"github.com/signet-auth/signet/resourceserver/decide"
	"github.com/signet-auth/signet/resourceserver/rstest"
)

const text = `
rules:
- {name: own, effect: allow, actions: [cancel], resources: [orders], permissions: ["orders:write"], when: resource.properties.owner == subject.id}
- {name: mail, effect: allow, actions: [share], resources: [orders], when: subject.claims.mail_domain == context.domain}
- {name: closed, effect: deny, actions: ["*"], resources: [orders], roles: [guest]}
- {name: service, effect: allow, actions: [sync], resources: ["*"], when: subject.type == "client"}
`

func verified(t testing.TB, issuer *rstest.Issuer, claims rstest.Claims) *resourceserver.Claims {
	t.Helper()
	found, err := issuer.Verifier.Verify(t.Context(), issuer.Token(claims))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestATokenIsJudgedByThePolicy(t *testing.T) {
	issuer := rstest.New(t, "https://orders.example")
	alice := verified(t, issuer, rstest.Claims{"scope": "orders:write orders:read", "entitlements": []string{"orders:write", "orders:read"}, "mail_domain": "people.example"})
	guest := verified(t, issuer, rstest.Claims{"roles": []string{"z", "guest"}, "entitlements": []string{"orders:read"}})
	service := verified(t, issuer, rstest.Claims{"sub": "app", "client_id": "app"})
	own, order := decide.Resource{Type: "orders", ID: "1", Properties: map[string]any{"owner": "alice"}}, decide.Resource{Type: "orders", ID: "1"}

	var policy decide.Policy
	if v := policy.Allow(alice, "read", order, nil); v.Allowed || v.Known {
		t.Errorf("before it is known: %+v", v)
	}
	if err := policy.SetPolicy(text, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		claims   *resourceserver.Claims
		action   string
		resource decide.Resource
		context  map[string]any
		allowed  bool
		by       string
	}{
		{alice, "read", order, nil, true, "orders:read"}, {alice, "cancel", own, nil, true, "own"}, {alice, "cancel", order, nil, false, ""},
		{alice, "write", order, nil, false, ""}, {alice, "share", order, map[string]any{"domain": "people.example"}, true, "mail"},
		{guest, "read", order, nil, false, "closed"}, {guest, "share", order, map[string]any{"domain": "people.example"}, false, "closed"},
		{service, "sync", order, nil, true, "service"}, {alice, "sync", order, nil, false, ""},
	} {
		if v := policy.Allow(c.claims, c.action, c.resource, c.context); v.Allowed != c.allowed || v.Rule+v.Permission != c.by || !v.Known {
			t.Errorf("%s by %s: %s", c.action, c.claims.Subject, v.Reason())
		}
	}
	if v, why := policy.Explain(guest, "read", order, nil); v.Allowed || len(why) != 4 || !why[2].Applies || why[2].Allows || why[0].Why != "It is about other actions." {
		t.Errorf("%+v %+v", v, why)
	}
	if err := policy.SetPolicy("rules: [{}]", time.Now().Add(time.Hour)); err == nil || !strings.Contains(err.Error(), "a rule needs name") {
		t.Errorf("a policy with a mistake: %v", err)
	}
	if v := policy.Allow(alice, "cancel", own, nil); !v.Allowed {
		t.Errorf("the one before counts no more: %s", v.Reason())
	}
	if err := policy.SetPolicy(text, time.Now()); err != nil {
		t.Fatal(err)
	}
	if v := policy.Allow(alice, "cancel", own, nil); v.Allowed || v.Known {
		t.Errorf("an old one counts: %s", v.Reason())
	}
	if v, why := policy.Explain(alice, "cancel", own, nil); v.Known || v.Allowed || why != nil {
		t.Errorf("an old one explains %+v %+v", v, why)
	}
	if n := policy.ConditionFailures(); n != 1 { // that of the order without an owner
		t.Errorf("%d conditions failed", n)
	}
	if v := policy.Allow(nil, "cancel", own, nil); v.Allowed {
		t.Error("without claims it is allowed")
	}
	if err := policy.SetPolicy("", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if v := policy.Allow(alice, "write", order, nil); v.Permission != "orders:write" {
		t.Errorf("without a policy: %s", v.Reason())
	}
}

// large is a policy of 1,000 rules, 100 of them with conditions, and a token with 1,000 permissions.
func large(t testing.TB) (*decide.Policy, *resourceserver.Claims) {
	t.Helper()
	var rules strings.Builder
	rules.WriteString("rules:\n")
	for i := range 1000 {
		fmt.Fprintf(&rules, "- {name: r%d, effect: allow, actions: [read], resources: [t%d], roles: [clerk]", i, i)
		if i < 100 {
			rules.WriteString(`, when: 'resource.properties.owner == subject.id'`)
		}
		rules.WriteString("}\n")
	}
	policy := new(decide.Policy)
	if err := policy.SetPolicy(rules.String(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	var held []string
	for i := range 1000 {
		held = append(held, fmt.Sprintf("t%04d:write", i))
	}
	return policy, verified(t, rstest.New(t, "https://orders.example"), rstest.Claims{"roles": []string{"clerk"}, "entitlements": held})
}

func TestAllowAllocatesNothingWithoutACondition(t *testing.T) {
	policy, claims := large(t)
	for action, resource := range map[string]decide.Resource{"read": {Type: "t700"}, "write": {Type: "t0700"}} {
		if v := policy.Allow(claims, action, resource, nil); !v.Allowed {
			t.Errorf("%s: %s", action, v.Reason())
		}
		if n := testing.AllocsPerRun(100, func() { policy.Allow(claims, action, resource, nil) }); n != 0 {
			t.Errorf("%s: %v allocations", action, n)
		}
	}
}

func BenchmarkAllow(b *testing.B) {
	policy, claims := large(b)
	for name, resource := range map[string]decide.Resource{"rule": {Type: "t700"}, "condition": {Type: "t50", Properties: map[string]any{"owner": "alice"}}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				policy.Allow(claims, "read", resource, nil)
			}
		})
	}
}

// What a service links with this package: CEL and YAML, but no server, database or gRPC.
func TestTheDependencyTreeHasNoServer(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for path := range strings.FieldsSeq(string(out)) {
		if own, ok := strings.CutPrefix(path, "github.com/signet-auth/signet/internal/"); ok && !slices.Contains([]string{"domain", "statuslist", "expression", "decision"}, own) {
			t.Errorf("it needs %s", path)
		}
		for _, other := range []string{"ory/", "google.golang.org/grpc", "jackc/", "modernc.org/", "lestrrat-go/", "net/http/pprof"} {
			if strings.Contains(path, other) {
				t.Errorf("it needs %s", path)
			}
		}
	}
}
