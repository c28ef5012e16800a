package secevent_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/secevent"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

const (
	sessionRevoked    = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	tokenClaimsChange = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change"
)

func (r *replica) read(t *testing.T, answer secevent.Answer) []set {
	t.Helper()
	var sets []set
	for jti, token := range answer.Sets {
		s := r.open(t, token)
		if s.ID != jti {
			t.Errorf("token %s is answered as %s", s.ID, jti)
		}
		sets = append(sets, s)
	}
	slices.SortFunc(sets, func(x, y set) int { return cmp.Or(cmp.Compare(x.seq(t), y.seq(t)), cmp.Compare(x.ID, y.ID)) })
	return sets
}

func (s set) seq(t *testing.T) int64 {
	t.Helper()
	seq, err := strconv.ParseInt(s.Txn, 10, 64)
	must(t, err)
	return seq
}

func ids(sets []set) []string {
	var all []string
	for _, s := range sets {
		all = append(all, s.ID)
	}
	return all
}

func abouts(sets []set) []string {
	var all []string
	for _, s := range sets {
		all = append(all, s.about())
	}
	return all
}

func same[T any](t *testing.T, got, want T) {
	t.Helper()
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestARevocationReachesAPollThatWaitsAtAnotherReplica(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.polls(t, "orders-svc")
		must(t, w.b.events.Sync(eventtest.Context(t)))
		answered := make(chan secevent.Answer, 1)
		go func() {
			answer, err := w.b.events.Poll(eventtest.Context(t), "orders-svc", secevent.Poll{})
			if err != nil {
				t.Error(err)
			}
			answered <- answer
		}()
		jti := w.revoke(t, orders)
		must(t, w.b.events.Sync(eventtest.Context(t)))
		sets := w.b.read(t, <-answered)
		if len(sets) != 1 {
			t.Fatalf("%d tokens, want one", len(sets))
		}
		s := sets[0]
		if s.Issuer != issuer || s.Audience != "orders-svc" || time.Since(time.Unix(s.IssuedAt, 0)) > time.Minute {
			t.Errorf("the token is %+v", s)
		}
		same(t, s.Subject, map[string]any{"format": "jwt_id", "iss": issuer, "jti": jti})
		event := s.Events[sessionRevoked]
		if len(s.Events) != 1 || event.Timestamp != s.IssuedAt || event.Initiator != "system" || event.Reason["en"] == "" {
			t.Errorf("the events are %+v", s.Events)
		}
		for _, forbidden := range []string{"sub", "exp"} {
			if s.raw[forbidden] != nil {
				t.Errorf("the token has the claim %q", forbidden)
			}
		}
	})
}

func TestRunWakesPollsAndEndsThem(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.polls(t, "orders-svc")
	ctx, stop := context.WithCancel(eventtest.Context(t))
	var running sync.WaitGroup
	running.Go(func() { w.b.events.Run(ctx) })
	var got, empty secevent.Answer
	var polling sync.WaitGroup
	polling.Go(func() { got, _ = w.b.events.Poll(eventtest.Context(t), "orders-svc", secevent.Poll{}) })
	w.revoke(t, orders)
	w.b.events.Wake()
	polling.Wait()
	same(t, len(got.Sets), 1)
	w.b.events.SetPatience(time.Hour, time.Second)
	before := w.receiver(t).Progress
	for jti := range got.Sets {
		polling.Go(func() {
			empty, _ = w.b.events.Poll(eventtest.Context(t), "orders-svc", secevent.Poll{Ack: []string{jti}})
		})
	}
	eventually(t, "the second poll waits", func() bool { return w.receiver(t).Progress.Acked > before.Acked })
	stop()
	running.Wait()
	polling.Wait()
	same(t, len(empty.Sets), 0)
}

// failedOver is a database of which a failover lost an entry of the outbox, whose number another one then got.
type failedOver struct {
	*store.DB
	failovers atomic.Int64
}

func (f *failedOver) NewestEntry(context.Context) (int64, error) { return 7, nil }
func (f *failedOver) History() int64                             { return f.failovers.Load() }

func TestAPollHearsOfAnEventWithTheNumberOfOneThatAFailoverLost(t *testing.T) {
	db := &failedOver{DB: storetest.SQLite(t)}
	w := newWorld(t, db.DB)
	w.polls(t, "orders-svc")
	ctx := eventtest.Context(t)
	b := w.replica(t, db)
	must(t, b.events.Sync(ctx))
	answered := make(chan secevent.Answer)
	go func() {
		answer, err := b.events.Poll(ctx, "orders-svc", secevent.Poll{})
		if err != nil {
			t.Error(err)
		}
		answered <- answer
	}()
	eventually(t, "the poll waits", func() bool { return b.events.Waiting() == 1 })
	w.revoke(t, orders)
	db.failovers.Add(1)
	must(t, b.events.Sync(ctx))
	same(t, len((<-answered).Sets), 1)
}

func TestAReceiverHearsOnlyOfWhatItServes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.revoke(t, orders) // before it was a receiver
		w.polls(t, "orders-svc", "billing-svc")
		w.hadToken(t, "billing-svc", "", billing)
		first, second := w.revoke(t, orders), w.revoke(t, billing)
		same(t, abouts(w.b.poll(t, "orders-svc")), []string{first})
		same(t, abouts(w.b.poll(t, "billing-svc")), []string{second})
		for _, client := range []string{"reporting", "nobody"} {
			if _, err := w.b.events.Poll(eventtest.Context(t), client, secevent.Poll{ReturnImmediately: true}); !errors.Is(err, domain.ErrNotFound) {
				t.Errorf("%s polls: %v", client, err)
			}
		}
		// One that serves nothing any more, or is disabled, hears nothing.
		_, err := w.a.Registry.UpdateClient(eventtest.Context(t), "orders-svc", servicetest.Become(domain.Client{
			GrantTypes: []string{domain.GrantClientCredentials}, APIs: []domain.ClientAPI{{Audience: orders}},
		}))
		must(t, err)
		must(t, w.a.Registry.DisableClient(eventtest.Context(t), "billing-svc", ""))
		same(t, len(w.b.poll(t, "orders-svc")), 0)
		same(t, len(w.b.poll(t, "billing-svc")), 0)
		must(t, w.a.Registry.EnableClient(eventtest.Context(t), "billing-svc"))
		same(t, abouts(w.b.poll(t, "billing-svc")), []string{second, "billing-svc"})
	})
}

func TestEventsAreToldUntilTheyAreAcknowledgedInAnyOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.polls(t, "orders-svc", "billing-svc")
		for range 4 {
			w.revoke(t, orders)
		}
		told := ids(w.a.poll(t, "orders-svc"))
		same(t, len(told), 4)
		same(t, ids(w.b.poll(t, "orders-svc")), told)
		same(t, ids(w.b.poll(t, "orders-svc", told[2], told[1])), []string{told[0], told[3]})
		same(t, ids(w.a.poll(t, "orders-svc", told[1], "1.1.nonsense", "", "x")), []string{told[0], told[3]})
		same(t, ids(w.a.poll(t, "billing-svc", told[0])), nil) // not its own
		same(t, ids(w.a.poll(t, "orders-svc", told[0])), told[3:])
		same(t, ids(w.b.poll(t, "orders-svc", told...)), nil)
		last, err := db.LastEvent(eventtest.Context(t))
		must(t, err)
		r, err := w.a.events.Find(eventtest.Context(t), "orders-svc")
		must(t, err)
		same(t, r.Progress, domain.Progress{Acked: last})
	})
}

func TestAcknowledgementsAtOnceAreAllKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.polls(t, "orders-svc")
		for range 8 {
			w.revoke(t, orders)
		}
		told := ids(w.a.poll(t, "orders-svc"))
		var polls sync.WaitGroup
		for n, id := range told {
			polls.Go(func() {
				r := []*replica{w.a, w.b}[n%2]
				if _, err := r.events.Poll(eventtest.Context(t), "orders-svc", secevent.Poll{MaxEvents: new(int), Ack: []string{id}}); err != nil {
					t.Error(err)
				}
			})
		}
		polls.Wait()
		same(t, ids(w.a.poll(t, "orders-svc")), nil)
	})
}

func TestAPollIsAnsweredAsItAsks(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.polls(t, "orders-svc")
	w.a.events.SetPatience(50*time.Millisecond, time.Second)
	ask := func(p secevent.Poll) secevent.Answer {
		t.Helper()
		answer, err := w.a.events.Poll(eventtest.Context(t), "orders-svc", p)
		must(t, err)
		if answer.Sets == nil {
			t.Error("an answer without sets")
		}
		return answer
	}
	same(t, ask(secevent.Poll{}), secevent.Answer{Sets: map[string]string{}}) // after its patience
	for range 3 {
		w.revoke(t, orders)
	}
	if got := ask(secevent.Poll{MaxEvents: new(2)}); len(got.Sets) != 2 || !got.MoreAvailable {
		t.Errorf("two of three are answered as %d, more: %t", len(got.Sets), got.MoreAvailable)
	}
	if got := ask(secevent.Poll{MaxEvents: new(1000)}); len(got.Sets) != 3 || got.MoreAvailable {
		t.Errorf("all three are answered as %d, more: %t", len(got.Sets), got.MoreAvailable)
	}
	if got := ask(secevent.Poll{MaxEvents: new(0)}); len(got.Sets) != 0 || !got.MoreAvailable {
		t.Errorf("none of three are answered as %d, more: %t", len(got.Sets), got.MoreAvailable)
	}
	if _, err := w.a.events.Poll(eventtest.Context(t), "orders-svc", secevent.Poll{MaxEvents: new(-1)}); !errors.Is(err, domain.ErrInvalid) {
		t.Errorf("a negative number: %v", err)
	}
	ctx, cancel := context.WithCancel(eventtest.Context(t))
	cancel()
	if _, err := w.a.events.Poll(ctx, "orders-svc", secevent.Poll{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who is gone: %v", err)
	}
}

func TestARefusedTokenIsNotToldAgainAndTheLogKeepsWhy(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.polls(t, "orders-svc")
		w.revoke(t, orders)
		w.revoke(t, orders)
		told := ids(w.a.poll(t, "orders-svc"))
		answer, err := w.a.events.Poll(eventtest.Context(t), "orders-svc", secevent.Poll{
			ReturnImmediately: true,
			SetErrs:           map[string]secevent.SetError{told[0]: {Code: "invalid_key", Description: "new\nto me"}, "1.2.x": {Code: "invalid_key"}},
		})
		must(t, err)
		same(t, ids(w.a.read(t, answer)), told[1:])
		last, err := db.LastEvent(eventtest.Context(t))
		must(t, err)
		events, err := db.ListEvents(eventtest.Context(t), last-1, 1)
		must(t, err)
		same(t, events[0].Action+" "+events[0].Target+" "+events[0].Details,
			fmt.Sprintf(`receiver.refuse receiver:orders-svc {"description":"new to me","err":"invalid_key","jti":%q}`, told[0]))
	})
}

func TestPeopleAndClientsLoseTheirSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.polls(t, "orders-svc")
		ctx := event.WithActor(eventtest.Context(t), "user:alice")
		alice, err := w.a.Directory.FindUser(ctx, "alice")
		must(t, err)
		client, err := w.a.Registry.FindClient(ctx, "reporting")
		must(t, err)
		_, started, err := w.a.Sessions.Start(ctx, domain.Authentication{User: alice}, session.Browser{})
		must(t, err)
		_, other, err := w.a.Sessions.Start(ctx, domain.Authentication{User: alice}, session.Browser{})
		must(t, err)
		session := int64(0)
		grant := func(audience string) int64 {
			id, err := db.InsertGrant(ctx, domain.Grant{
				SessionID: session, ClientID: client.ID, UserID: alice.ID, APIs: []domain.GrantAPI{{Audience: audience}}, AuthTime: w.now(), CreatedAt: w.now(), ExpiresAt: w.now().Add(time.Hour),
			})
			must(t, err)
			return id
		}
		root := event.WithActor(eventtest.Context(t), "os:root")
		revoke := func(selector revocation.TokenSelector) error {
			_, err := w.a.Revocation.Revoke(root, selector)
			return err
		}
		revokeGrant := func(audience string) error {
			_, err := w.a.Revocation.RevokeGrant(root, grant(audience))
			return err
		}
		for _, step := range []struct {
			do   func() error
			want string // empty: nothing is told
		}{
			{func() error { session = started.ID; grant(orders); return w.a.Sessions.End(ctx, other) }, ""}, // nothing was granted in it
			{func() error { return w.a.Sessions.End(ctx, started) }, alice.Subject + " by user: The user's session was ended."},
			{func() error { return revokeGrant(billing) }, ""}, // another service's
			{func() error { return revokeGrant(orders) }, alice.Subject + " by admin: What the user had granted to a client was revoked."},
			{func() error { return revoke(revocation.TokenSelector{UserID: alice.ID}) }, alice.Subject + " by admin: All tokens of the subject were revoked."},
			{func() error { return revoke(revocation.TokenSelector{ClientID: client.ID}) }, "reporting by admin: All tokens of the subject were revoked."},
			{func() error { return w.a.Passwords.Set(ctx, "alice", "correct horse battery staple") }, alice.Subject + " by user: The user's password was set anew."},
			{func() error { return w.a.Directory.DisableUser(root, "alice", "") }, alice.Subject + " by admin: The user was disabled."},
			{func() error { return w.a.Directory.DeleteUser(root, "alice") }, alice.Subject + " by admin: The user was deleted."},
			{func() error { return w.a.Registry.DisableClient(root, "reporting", "") }, "reporting by admin: The client was disabled."},
			{func() error { return w.a.Registry.DeleteClient(root, "reporting") }, "reporting by admin: The client was deleted."},
		} {
			must(t, step.do())
			sets := w.b.poll(t, "orders-svc")
			told := ""
			for _, s := range sets {
				e := s.Events[sessionRevoked]
				told += s.about() + " by " + e.Initiator + ": " + e.Reason["en"]
				if strings.Contains(e.Reason["en"], "session") {
					same(t, s.Subject["format"], "complex")
					same[any](t, s.Subject["session"], map[string]any{"format": "opaque", "id": started.SID})
				} else if strings.Contains(e.Reason["en"], "granted") {
					same(t, s.Subject["format"], "complex")
					same[any](t, s.Subject["application"], map[string]any{"format": "opaque", "id": "reporting"})
				} else {
					same(t, s.Subject["format"], "iss_sub")
				}
			}
			same(t, told, step.want)
			w.b.poll(t, "orders-svc", ids(sets)...)
		}
	})
}

func TestAnAPIAKeyAndEverybodyLoseTheirSessions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.polls(t, "orders-svc", "billing-svc")
		ctx := eventtest.Context(t)
		api, err := w.a.Registry.FindAPI(ctx, orders)
		must(t, err)
		gone, err := w.a.Registry.CreateAPI(ctx, domain.API{Audience: "https://gone.example"})
		must(t, err)
		must(t, w.a.Registry.DeleteAPI(ctx, gone.Audience))
		all, err := w.a.Keys.List(ctx)
		must(t, err)
		key := all[slices.IndexFunc(all, func(k domain.SigningKey) bool { return k.Alg == domain.ES256 })]
		revoke := func(selector revocation.TokenSelector) func() error {
			return func() error {
				_, err := w.a.Revocation.Revoke(ctx, selector)
				return err
			}
		}
		type subjects = []map[string]any
		theKey := subjects{{"format": "opaque", "id": key.KID}}
		everything := subjects{{"format": "uri", "uri": issuer}}
		for _, step := range []struct {
			do              func() error
			orders, billing subjects // that the services are told of
		}{
			{revoke(revocation.TokenSelector{APIID: api.ID}), subjects{{"format": "uri", "uri": orders}}, nil},
			{revoke(revocation.TokenSelector{APIID: gone.ID}), nil, nil},
			{revoke(revocation.TokenSelector{KeyID: key.ID}), theKey, theKey},
			{revoke(revocation.TokenSelector{KeyID: 1 << 30}), nil, nil},
			{func() error { _, _, err := w.a.Keys.Revoke(ctx, key.KID); return err }, theKey, theKey},
			{revoke(revocation.TokenSelector{All: true}), everything, everything},
			{func() error {
				_, err := w.a.Registry.UpdateClient(ctx, "orders-svc", servicetest.Become(domain.Client{
					GrantTypes: []string{domain.GrantClientCredentials}, APIs: []domain.ClientAPI{{Audience: orders}},
				}))
				return errors.Join(err, revoke(revocation.TokenSelector{KeyID: key.ID})(), revoke(revocation.TokenSelector{All: true})())
			}, nil, slices.Concat(theKey, everything)}, // orders-svc serves nothing any more
		} {
			must(t, step.do())
			for client, want := range map[string]subjects{"orders-svc": step.orders, "billing-svc": step.billing} {
				sets := w.b.poll(t, client)
				var told subjects
				for _, s := range sets {
					told = append(told, s.Subject)
					if s.Events[sessionRevoked].Reason["en"] == "" {
						t.Errorf("the events are %+v", s.Events)
					}
				}
				same(t, told, want)
				w.b.poll(t, client, ids(sets)...)
			}
		}
	})
}

func TestEverySubjectOfAChangeIsToldWithItsClaimsOfNow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		subjects := map[string]string{"reporting": "reporting"} // by sub
		for _, name := range []string{"alice", "bob"} {
			if name == "bob" {
				_, err := w.a.Directory.CreateUser(ctx, domain.User{Username: name}, nil)
				must(t, err)
				w.hadToken(t, "reporting", name, orders)
			}
			user, err := w.a.Directory.FindUser(ctx, name)
			must(t, err)
			subjects[user.Subject] = name
		}
		_, err := w.a.Directory.CreateGroup(ctx, domain.Group{Name: "ops"})
		must(t, err)
		must(t, w.a.Directory.AddMember(ctx, "ops", "bob"))
		w.polls(t, "orders-svc", "billing-svc")
		// told are the subjects whom one change is told of, with their claims, and acknowledges them.
		told := func(change func() error) (all []string) {
			t.Helper()
			must(t, change())
			sets := w.b.poll(t, "orders-svc")
			for _, s := range sets {
				claims := s.Events[tokenClaimsChange].Claims
				if claims["aud"] != orders {
					t.Errorf("the claims are for %v", claims["aud"])
				}
				all = append(all, fmt.Sprintf("%s %v %v %v", subjects[s.about()], claims["roles"], claims["groups"], claims["entitlements"]))
			}
			w.b.poll(t, "orders-svc", ids(sets)...)
			slices.Sort(all)
			return all
		}
		assign := func(kind domain.SubjectKind, subject string) func() error {
			return func() error {
				return w.a.Directory.Assign(ctx, domain.Assignment{Role: "clerk", SubjectKind: kind, Subject: subject})
			}
		}
		same(t, told(assign(domain.SubjectUser, "alice")), []string{"alice [clerk] [] [read]"})
		same(t, told(assign(domain.SubjectClient, "reporting")), []string{"reporting [clerk] [] [read]"})
		same(t, told(assign(domain.SubjectGroup, "ops")), []string{"bob [clerk] [ops] [read]"})
		same(t, told(func() error { return w.a.Directory.AddMember(ctx, "ops", "alice") }), []string{"alice [clerk] [ops] [read]"})
		same(t, told(func() error {
			_, err := w.a.Directory.UpdateRole(ctx, "clerk", servicetest.Become(domain.Role{}))
			return err
		}), []string{"alice [] [] []", "bob [] [] []", "reporting [] [] []"})
		must(t, func() error {
			_, err := w.a.Directory.UpdateRole(ctx, "clerk", servicetest.Become(domain.Role{Permissions: []domain.RolePermission{{Audience: orders, Permission: "read"}}}))
			return err
		}())
		told(func() error { return nil })
		same(t, told(func() error { return w.a.Directory.RemoveMember(ctx, "ops", "bob") }), []string{"bob [] [] []"})
		same(t, told(func() error { return w.a.Directory.DeleteGroup(ctx, "ops") }), []string{"alice [clerk] [] [read]"})
		same(t, told(func() error { return w.a.Directory.Unassign(ctx, "clerk", domain.SubjectUser, "alice") }), []string{"alice [] [] []"})
		same(t, told(func() error { return w.a.Directory.DeleteRole(ctx, "clerk") }), []string{"reporting [] [] []"})
		if sets := w.b.poll(t, "billing-svc"); len(sets) == 0 || sets[0].Events[tokenClaimsChange].Claims["aud"] != billing {
			t.Errorf("the other service is told %+v", sets)
		}
	})
}

func TestAReceiverOfSomeEventsHearsNoOthers(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	_, err := w.a.events.Create(eventtest.Context(t), domain.Receiver{
		Client: "orders-svc", Method: domain.DeliveryPoll, Events: []string{domain.EventTokenClaimsChange},
	}, "")
	must(t, err)
	w.revoke(t, orders)
	must(t, w.a.Directory.Assign(eventtest.Context(t), domain.Assignment{Role: "clerk", SubjectKind: domain.SubjectClient, Subject: "reporting"}))
	same(t, abouts(w.a.poll(t, "orders-svc")), []string{"reporting"})
}

func TestALongLogWithoutNewsIsPassedOver(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.polls(t, "orders-svc")
	w.lengthen(t)
	jti := w.revoke(t, orders)
	same(t, abouts(w.a.poll(t, "orders-svc")), []string{jti})
	w.a.poll(t, "orders-svc", ids(w.a.poll(t, "orders-svc"))...)
	w.lengthen(t)
	same(t, len(w.a.poll(t, "orders-svc")), 0)
	last, err := w.db.LastEvent(eventtest.Context(t))
	must(t, err)
	r, err := w.a.events.Find(eventtest.Context(t), "orders-svc")
	must(t, err)
	same(t, r.Progress.Acked, last)
}

func TestAPollFarBehindIsAnsweredAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.polls(t, "orders-svc")
		w.lengthen(t)
		jti := w.revoke(t, orders)
		w.a.events.SetPatience(time.Hour, time.Second)
		ctx, cancel := context.WithTimeout(eventtest.Context(t), 30*time.Second)
		defer cancel()
		answer, err := w.a.events.Poll(ctx, "orders-svc", secevent.Poll{})
		must(t, err)
		sets := w.a.read(t, answer)
		same(t, abouts(sets), []string{jti})
		answer, err = w.a.events.Poll(ctx, "orders-svc", secevent.Poll{ReturnImmediately: true, Ack: ids(sets)})
		must(t, err)
		same(t, answer, secevent.Answer{Sets: map[string]string{}})
	})
}

func TestAClientCannotTakeAllThePlacesToWait(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	w.polls(t, "orders-svc", "billing-svc")
	w.a.events.SetPatience(time.Hour, time.Second)
	ctx, cancel := context.WithTimeout(eventtest.Context(t), 30*time.Second)
	defer cancel()
	for range 2 { // the places are given back
		answers := map[string]chan secevent.Answer{}
		for _, client := range []string{"orders-svc", "billing-svc"} {
			answered := make(chan secevent.Answer, secevent.MaxWaitingOf+1)
			answers[client] = answered
			for range secevent.MaxWaitingOf + 1 {
				go func() {
					answer, err := w.a.events.Poll(ctx, client, secevent.Poll{})
					if err != nil {
						t.Error(err)
					}
					answered <- answer
				}()
			}
			same(t, len((<-answered).Sets), 0) // the others wait
		}
		w.revoke(t, orders)
		w.revoke(t, billing)
		must(t, w.a.events.Sync(ctx))
		for client, answered := range answers {
			for range secevent.MaxWaitingOf {
				same(t, len((<-answered).Sets), 1)
			}
			w.a.poll(t, client, ids(w.a.poll(t, client))...)
		}
	}
}
