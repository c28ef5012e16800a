package policy_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/policy"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/statistics"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func register(t *testing.T, s *policy.Service, kind, id, properties string) {
	t.Helper()
	_, err := s.SetResource(eventtest.Context(t), servicetest.Orders, domain.Resource{Type: kind, ID: id, Properties: properties}, func(domain.Resource) error { return nil })
	servicetest.Must(t, err)
}

type finder func(context.Context, decision.Request, policy.SearchPage) (policy.Found, error)

// pages reads all pages of a search, and says how many there were.
func pages(t *testing.T, limit int, find func() finder, r decision.Request) (names []string, n int) {
	t.Helper()
	p := policy.SearchPage{Limit: limit}
	for {
		found, err := find()(eventtest.Context(t), r, p)
		servicetest.Must(t, err)
		if len(found.Names) > limit {
			t.Errorf("a page of %d has %d", limit, len(found.Names))
		}
		names = append(names, found.Names...)
		if n++; found.Next == "" || n > 1000 {
			return names, n
		}
		p.After = found.Next
	}
}

func TestASearchFindsEachSubjectThatMayDoSomethingOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		s := service(t, f, f.A)
		ctx := eventtest.Context(t)
		f.A.AddRole(t, "writer", servicetest.Orders+"#orders:write", servicetest.Orders+"#orders:read")
		servicetest.Must(t, insertGroup(ctx, f, "ops"))
		f.A.AssignRole(t, "clerk", domain.SubjectGroup, "ops", time.Time{})
		subs := map[string]string{}
		for i := range 12 {
			name := fmt.Sprintf("user%02d", i)
			subs[name] = f.A.AddUser(t, name, "").Subject
			if i%2 == 0 {
				f.A.AssignRole(t, "clerk", domain.SubjectUser, name, time.Time{})
			}
			if i%3 == 0 {
				f.A.AssignRole(t, "writer", domain.SubjectUser, name, time.Time{})
			}
			if i%4 < 2 {
				servicetest.Must(t, f.A.Directory.AddMember(ctx, "ops", name))
			}
		}
		servicetest.Must(t, f.A.Directory.DisableUser(ctx, "user04", ""))
		f.A.Refresh(t)
		named := func(among []string) (names []string) {
			for name, sub := range subs {
				for range strings.Count(" "+strings.Join(among, " ")+" ", " "+sub+" ") {
					names = append(names, strings.TrimPrefix(name, "user"))
				}
			}
			slices.Sort(names)
			return names
		}
		subjects := func() finder { return s.Decider(servicetest.Orders).Subjects }
		search := func(kind, action, resource string, limit int) (names []string, n int) {
			r := decision.Request{Subject: decision.Subject{Type: kind}, Action: decision.Action{Name: action}, Resource: decision.Resource{Type: resource, ID: "1"}, Now: f.Clock()}
			return pages(t, limit, subjects, r)
		}
		for _, limit := range []int{1, 2, 5, 100} {
			names, _ := search("user", "read", "orders", limit)
			if got := strings.Join(named(names), " "); got != "00 01 02 03 05 06 08 09 10" || len(names) != 9 {
				t.Errorf("in pages of %d: %s", limit, got)
			}
		}
		if names, _ := search("user", "write", "orders", 2); strings.Join(named(names), " ") != "00 03 06 09" {
			t.Errorf("writers: %s", named(names))
		}
		if names, _ := search("client", "read", "orders", 2); !slices.Equal(names, []string{"reporting"}) {
			t.Errorf("clients: %q", names)
		}
		for _, none := range [][3]string{{"spaceship", "read", "orders"}, {"user", "fly", "orders"}, {"user", "read", "spaceships"}, {"access_token", "read", "orders"}} {
			if names, n := search(none[0], none[1], none[2], 5); len(names) != 0 || n != 1 {
				t.Errorf("%s: %q in %d pages", none, names, n)
			}
		}

		set(t, s, `rules:
- {name: named, effect: allow, actions: [read], resources: [orders], permissions: ["orders:read"], roles: [writer], when: 'resource.properties.owner == "x"'}
- {name: any, effect: allow, actions: [see], resources: [orders], when: 'subject.claims.sub.endsWith("a") || true'}
- {name: not, effect: deny, actions: [see], resources: [orders], roles: [writer]}
`)
		register(t, s, "orders", "1", `{"owner":"x"}`)
		f.A.Refresh(t)
		if names, _ := search("user", "read", "orders", 3); strings.Join(named(names), " ") != "00 03 06 09" {
			t.Errorf("by the rule: %s", named(names))
		}
		if names, _ := search("user", "see", "orders", 3); strings.Join(named(names), " ") != "01 02 05 07 08 10 11" {
			t.Errorf("whoever it is: %s", named(names))
		}
		see := decision.Request{Subject: decision.Subject{Type: "user"}, Action: decision.Action{Name: "see"}, Resource: decision.Resource{Type: "orders", ID: "1"}, Now: f.Clock()}
		all, err := subjects()(ctx, see, policy.SearchPage{After: "group 1 0", Limit: 100}) // it began when the policy asked for roles
		if servicetest.Must(t, err); strings.Join(named(all.Names), " ") != "01 02 05 07 08 10 11" {
			t.Errorf("after the policy was changed: %s", named(all.Names))
		}
		_, err = s.Decider(servicetest.Orders).Subjects(ctx, decision.Request{Subject: decision.Subject{Type: "user"}}, policy.SearchPage{After: "else", Limit: 1})
		servicetest.Refused(t, err, domain.ErrInvalid)
		_, err = s.Decider("").Subjects(ctx, decision.Request{Subject: decision.Subject{Type: "user"}}, policy.SearchPage{Limit: 1})
		servicetest.Refused(t, err, policy.ErrNoAudience)
	})
}

func insertGroup(ctx context.Context, f servicetest.Fixture, name string) error {
	_, err := f.A.Directory.CreateGroup(ctx, domain.Group{Name: name})
	return err
}

func TestRegisteredResourcesCountWhereARequestGivesNoProperties(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		s := service(t, f, f.A)
		ctx := eventtest.Context(t)
		set(t, s, `rules: [{name: own, effect: allow, actions: [read], resources: [order, a, "a:b"], when: 'resource.properties.owner == subject.id'}]`)
		judged := func(kind, id string, properties map[string]any) bool {
			t.Helper()
			f.A.Refresh(t)
			a, err := s.Decider(servicetest.Orders).Decide(ctx, decision.Request{
				Subject: decision.Subject{Type: "client", ID: "reporting"}, Action: decision.Action{Name: "read"}, Resource: decision.Resource{Type: kind, ID: id, Properties: properties},
			}, false)
			servicetest.Must(t, err)
			return a.Allowed
		}
		decide := func(id string, properties map[string]any) bool {
			t.Helper()
			return judged("order", id, properties)
		}
		if decide("1", nil) {
			t.Error("one that is not registered is allowed")
		}
		register(t, s, "order", "1", `{"owner":"reporting"}`)
		if !decide("1", nil) || decide("2", nil) {
			t.Error("the registered properties do not count")
		}
		if decide("1", map[string]any{"owner": "else"}) || decide("1", map[string]any{}) || !decide("2", map[string]any{"owner": "reporting"}) {
			t.Error("the request does not count before what is registered")
		}
		register(t, s, "order", "1", `{"owner":"else"}`)
		if decide("1", nil) {
			t.Error("old properties count")
		}
		register(t, s, "a", "b:1", `{"owner":"reporting"}`)
		if !judged("a", "b:1", nil) || judged("a:b", "1", nil) {
			t.Error("the properties of one count for another whose type and id are the same text")
		}
		for i := range 7 {
			register(t, s, "order", fmt.Sprint(i), fmt.Sprintf(`{"owner":%q}`, []string{"else", "reporting"}[i%2]))
		}
		f.A.Refresh(t)
		resources := func() finder { return s.Decider(servicetest.Orders).Resources }
		r := decision.Request{Subject: decision.Subject{Type: "client", ID: "reporting"}, Action: decision.Action{Name: "read"}, Resource: decision.Resource{Type: "order"}}
		for _, limit := range []int{1, 2, 9} {
			if names, _ := pages(t, limit, resources, r); strings.Join(names, " ") != "1 3 5" {
				t.Errorf("in pages of %d: %s", limit, names)
			}
		}
		r.Resource.Properties = map[string]any{"owner": "reporting"}
		if names, _ := pages(t, 9, resources, r); len(names) != 7 {
			t.Errorf("with properties of the request: %s", names)
		}
		r.Resource.Properties, r.Subject.ID = nil, "nobody"
		if names, _ := pages(t, 9, resources, r); len(names) != 0 {
			t.Errorf("of nobody: %s", names)
		}
		third, whatever := domain.ResourceName{Type: "order", ID: "3"}, func(domain.Resource) error { return nil }
		moved := func(domain.Resource) error { return domain.ErrConflict }
		servicetest.Refused(t, s.DeleteResource(ctx, servicetest.Orders, third, moved), domain.ErrConflict)
		servicetest.Must(t, s.DeleteResource(ctx, servicetest.Orders, third, whatever))
		servicetest.Refused(t, s.DeleteResource(ctx, servicetest.Orders, third, whatever), domain.ErrNotFound)
		if decide("3", nil) {
			t.Error("a deleted one counts")
		}

		for name, wrong := range map[string]domain.Resource{
			"a colon": {Type: "a:b", ID: "1", Properties: "{}"}, "no type": {ID: "1", Properties: "{}"}, "no id": {Type: "a", Properties: "{}"},
			"long":    {Type: "a", ID: "1", Properties: `{"a":"` + strings.Repeat("x", 4096) + `"}`},
			"control": {Type: "a", ID: "a\nb", Properties: "{}"}, "NUL": {Type: "a", ID: "1", Properties: `{"a":"\u0000"}`},
		} {
			_, err := s.SetResource(ctx, servicetest.Orders, wrong, func(domain.Resource) error { return nil })
			if servicetest.Refused(t, err, domain.ErrInvalid); t.Failed() {
				t.Fatal(name)
			}
		}
		_, err := s.SetResource(ctx, "https://none.example", domain.Resource{Type: "a", ID: "1", Properties: "{}"}, func(domain.Resource) error { return nil })
		servicetest.Refused(t, err, domain.ErrNotFound)
	})
}

func TestASearchEndsWhereItsBudgetDoes(t *testing.T) {
	f := servicetest.SetUp(t, storetest.SQLite(t))
	s := service(t, f, f.A)
	var actions []string
	for i := range 150 {
		actions = append(actions, fmt.Sprintf("a%03d", i))
	}
	set(t, s, `rules:
- {name: a, effect: allow, actions: [`+strings.Join(actions[:100], ", ")+`], resources: [order], when: 'context.many.exists(x, x == "y") || true'}
- {name: b, effect: allow, actions: [`+strings.Join(actions[100:], ", ")+`], resources: [order], when: 'context.many.exists(x, x == "y") || true'}
`)
	f.A.Refresh(t)
	many := make([]any, 2000)
	for i := range many {
		many[i] = "x"
	}
	r := decision.Request{Subject: decision.Subject{Type: "client", ID: "reporting"}, Resource: decision.Resource{Type: "order", ID: "1"}, Context: map[string]any{"many": many}}
	names, n := pages(t, 1000, func() finder { return s.Decider(servicetest.Orders).Actions }, r)
	if !slices.Equal(names, actions) || n < 2 {
		t.Errorf("%d pages: %q", n, names)
	}
	ctx, cancel := context.WithCancel(eventtest.Context(t))
	cancel()
	if _, err := s.Decider(servicetest.Orders).Actions(ctx, r, policy.SearchPage{Limit: 10}); err == nil {
		t.Error("a request that has ended is answered")
	}
}

func TestTrialsOfAPolicyAreNotCounted(t *testing.T) {
	f := servicetest.SetUp(t, storetest.SQLite(t))
	s := service(t, f, f.A)
	s.Counters = statistics.NewCounters(nil)
	r := decision.Request{Subject: decision.Subject{Type: "client", ID: "reporting"}, Action: decision.Action{Name: "a"}, Resource: decision.Resource{Type: "order", ID: "1"}}
	decide := func(d *policy.Decider) {
		t.Helper()
		a, err := d.Decide(eventtest.Context(t), r, true)
		if servicetest.Must(t, err); a.Allowed {
			t.Error("it is allowed")
		}
	}
	trial := s.Decider(servicetest.Orders)
	servicetest.Must(t, trial.Use(`rules: [{name: fails, effect: allow, actions: [a], resources: [order], when: 'context.none == 1'}]`))
	decide(trial)
	decide(s.Decider(servicetest.Orders))
	counts := statistics.New(statistics.Config{Store: f.DB, Counters: s.Counters, Fetches: statistics.NewFetches(f.Clock), Key: make([]byte, 32), Now: f.Clock})
	servicetest.Must(t, counts.Stop(t.Context()))
	sums, err := f.DB.SumStatistics(t.Context(), f.Clock().Add(-time.Hour), f.Clock().Add(time.Hour), 24*time.Hour)
	if servicetest.Must(t, err); len(sums) != 1 || sums[0].Kind != statistics.Denied || sums[0].Count != 1 {
		t.Errorf("a trial and a decision counted %+v", sums)
	}
}
