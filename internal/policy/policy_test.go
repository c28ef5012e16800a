package policy_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/policy"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
	"github.com/signet-auth/signet/internal/token"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	open   = "rules: [{name: open, effect: allow, actions: [read], resources: [order]}]"
	closed = "rules: [{name: closed, effect: deny, actions: ['*'], resources: ['*']}]"
)

func service(t *testing.T, f servicetest.Fixture, r *servicetest.Replica) *policy.Service {
	t.Helper()
	s, err := policy.New(policy.Config{
		Store: f.DB, Subjects: f.DB, Resources: f.DB, Candidates: f.DB, Registry: r.Registry, Directory: r.Directory, Introspection: r.Introspection, Cache: r.Cache, CacheSize: 10,
		Events: r.Recorder, Now: f.Clock,
	})
	servicetest.Must(t, err)
	return s
}

func set(t *testing.T, s *policy.Service, text string) domain.Policy {
	t.Helper()
	stored, err := s.Set(eventtest.Context(t), servicetest.Orders, func(domain.Policy) (string, error) { return text, nil })
	servicetest.Must(t, err)
	return stored
}

// ask refreshes the replica's cache, as finding out who asks does.
func ask(t *testing.T, s *policy.Service, r *servicetest.Replica, kind, id, action, resource string) policy.Answer {
	t.Helper()
	r.Refresh(t)
	a, err := s.Decider(servicetest.Orders).Decide(eventtest.Context(t), decision.Request{
		Subject: decision.Subject{Type: kind, ID: id}, Action: decision.Action{Name: action}, Resource: decision.Resource{Type: resource},
	}, false)
	servicetest.Must(t, err)
	return a
}

func TestTheNextDecisionOfEveryReplicaObeysAChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		a, b := service(t, f, f.A), service(t, f, f.B)
		ctx := eventtest.Context(t)
		wants := func(when, action, resource string, allowed bool) {
			t.Helper()
			for _, replica := range []struct {
				s *policy.Service
				r *servicetest.Replica
			}{{a, f.A}, {b, f.B}} {
				if got := ask(t, replica.s, replica.r, policy.SubjectClient, "reporting", action, resource); got.Allowed != allowed {
					t.Errorf("%s: %s", when, got.Reason())
				}
			}
		}
		wants("without a policy", "read", "order", false)
		wants("without a policy", "read", "orders", true) // by the permission orders:read
		if stored := set(t, a, open); stored.Number != 1 || stored.Version != 1 {
			t.Errorf("the first is %+v", stored)
		}
		wants("opened", "read", "order", true)
		set(t, b, closed)
		wants("closed", "read", "order", false)
		wants("closed", "read", "orders", false)
		_, err := a.Rollback(ctx, servicetest.Orders, 1, func(domain.Policy) error { return nil })
		servicetest.Must(t, err)
		wants("rolled back", "read", "order", true)
		servicetest.Must(t, f.A.Directory.Unassign(eventtest.Context(t), "clerk", domain.SubjectClient, "reporting"))
		wants("the role is gone", "read", "orders", false)
		servicetest.Must(t, b.Delete(ctx, servicetest.Orders, func(domain.Policy) error { return nil }))
		wants("deleted", "read", "order", false)
		set(t, a, open)
		servicetest.Must(t, f.A.Registry.DeleteAPI(ctx, servicetest.Orders))
		f.A.Refresh(t)
		_, err = a.Decider(servicetest.Orders).Decide(ctx, decision.Request{Subject: decision.Subject{Type: policy.SubjectClient, ID: "reporting"}}, false)
		servicetest.Refused(t, err, domain.ErrNotFound)
	})
}

func TestChangesOfAPolicyAreCheckedAndRecorded(t *testing.T) {
	f := servicetest.SetUp(t, storetest.SQLite(t))
	s := service(t, f, f.A)
	ctx := eventtest.Context(t)
	before := len(events(t, f))
	set(t, s, open)
	if stored := set(t, s, open); stored.Number != 1 {
		t.Errorf("the same text makes version %d", stored.Number)
	}
	set(t, s, closed)
	_, err := s.Set(ctx, servicetest.Orders, func(domain.Policy) (string, error) { return "rules: [{}]", nil })
	servicetest.Refused(t, err, domain.ErrInvalid, "line 1, column 9: a rule needs name")
	if problems, ok := errors.AsType[decision.Problems](err); !ok || len(problems) != 1 {
		t.Errorf("%v are no problems", err)
	}
	_, err = s.Set(ctx, servicetest.Orders, func(domain.Policy) (string, error) { return open, domain.ErrConflict })
	servicetest.Refused(t, err, domain.ErrConflict)
	_, err = s.Set(ctx, "https://none.example", func(domain.Policy) (string, error) { return open, nil })
	servicetest.Refused(t, err, domain.ErrNotFound)
	_, err = s.Rollback(ctx, servicetest.Orders, 9, func(domain.Policy) error { return nil })
	servicetest.Refused(t, err, domain.ErrNotFound, "version 9")
	_, err = s.Rollback(ctx, servicetest.Orders, 1, func(domain.Policy) error { return nil })
	servicetest.Must(t, err)
	if got := strings.Join(events(t, f)[before:], " "); got != "policy.set policy.set policy.rollback" {
		t.Errorf("recorded are %s", got)
	}
	versions, err := s.Versions(ctx, servicetest.Orders)
	servicetest.Must(t, err)
	if len(versions) != 2 || versions[0].Active || !versions[1].Active || versions[0].Author == "" {
		t.Errorf("%+v", versions)
	}
}

// events are the kinds of what was recorded.
func events(t *testing.T, f servicetest.Fixture) (kinds []string) {
	t.Helper()
	recorded, err := f.A.Log.List(eventtest.Context(t), 0, 1000)
	servicetest.Must(t, err)
	for _, e := range recorded {
		kinds = append(kinds, e.Action)
	}
	return kinds
}

func TestATokenWhoseEncryptedClaimsCannotBeReadMayDoNothing(t *testing.T) {
	f := servicetest.SetUp(t, storetest.SQLite(t))
	s := service(t, f, f.A)
	for _, encrypted := range []string{"", "a.b.c.d.e"} {
		minted := f.Issue(t, f.A, "orders:read")
		claims, ok := token.Parse(minted.Token)
		if !ok {
			t.Fatal("the token has no claims")
		}
		record := minted.Record
		record.ID[len(record.ID)-1]++
		claims.ID, claims.Encrypted = record.ID.String(), encrypted
		text, err := json.Marshal(claims)
		servicetest.Must(t, err)
		signed, _, err := f.A.Keys.Sign(eventtest.Context(t), domain.ES256, keys.TypeAccessToken, text)
		servicetest.Must(t, err)
		record.Digest = token.Digest(string(signed))
		servicetest.Must(t, f.A.Index.Record(eventtest.Context(t), f.A.Cache.Revision(), record))
		if got := ask(t, s, f.A, policy.SubjectToken, string(signed), "read", "orders"); got.Allowed != (encrypted == "") {
			t.Errorf("with encrypted claims %q: %s", encrypted, got.Reason())
		}
		active := f.Introspect(t, f.A, string(signed))
		if active == nil {
			t.Fatal("it is not active")
		}
		known := s.Decider(servicetest.Orders)
		known.Know(string(signed), active)
		got, err := known.Decide(eventtest.Context(t), decision.Request{
			Subject: decision.Subject{Type: policy.SubjectToken, ID: string(signed)}, Action: decision.Action{Name: "read"}, Resource: decision.Resource{Type: "orders"},
		}, false)
		if servicetest.Must(t, err); got.Allowed != (encrypted == "") {
			t.Errorf("once introspected, with encrypted claims %q: %s", encrypted, got.Reason())
		}
	}
}

func TestATokenAloneSaysWhoTheSubjectIs(t *testing.T) {
	f := servicetest.SetUp(t, storetest.SQLite(t))
	s := service(t, f, f.A)
	minted := f.Issue(t, f.A, "orders:read")
	byToken := func() policy.Answer { return ask(t, s, f.A, policy.SubjectToken, minted.Token, "read", "orders") }
	if got := byToken(); !got.Allowed || got.Permission != "orders:read" || got.Audience != servicetest.Orders {
		t.Errorf("%+v", got)
	}
	for _, c := range []struct {
		among   []string
		allowed bool
	}{{nil, true}, {[]string{"https://a.example", servicetest.Orders}, true}, {[]string{"https://a.example", "https://b.example"}, false}} {
		got, err := s.Decider("", c.among...).Decide(eventtest.Context(t), decision.Request{
			Subject: decision.Subject{Type: policy.SubjectToken, ID: minted.Token}, Action: decision.Action{Name: "read"}, Resource: decision.Resource{Type: "orders"},
		}, false)
		if servicetest.Must(t, err); got.Allowed != c.allowed || !c.allowed && got.Audience != "" {
			t.Errorf("among %q: %+v", c.among, got)
		}
	}
	servicetest.Must(t, f.A.Directory.Unassign(eventtest.Context(t), "clerk", domain.SubjectClient, "reporting"))
	if got := byToken(); !got.Allowed {
		t.Errorf("the directory counts: %s", got.Reason())
	}
	servicetest.Must(t, f.A.Revocation.RevokeID(eventtest.Context(t), minted.Record.ID))
	if got := byToken(); got.Allowed || got.Unknown == "" {
		t.Errorf("a revoked token may %+v", got)
	}
	_, err := s.Decider("").Decide(eventtest.Context(t), decision.Request{Subject: decision.Subject{Type: policy.SubjectUser, ID: "x"}}, false)
	servicetest.Refused(t, err, policy.ErrNoAudience)
}
