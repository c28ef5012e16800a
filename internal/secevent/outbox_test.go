package secevent_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/secevent"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestAReceiverHearsOnlyOfSubjectsThatHadATokenForWhatItServes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		w.polls(t, "orders-svc", "billing-svc")
		bob := w.a.AddUser(t, "bob", "")
		w.a.AddUser(t, "carol", "")
		w.hadToken(t, "reporting", "bob", billing)
		for _, name := range []string{"bob", "carol"} {
			must(t, w.a.Directory.DisableUser(ctx, name, ""))
			must(t, w.a.Directory.DeleteUser(ctx, name))
		}
		same(t, abouts(w.b.poll(t, "orders-svc")), nil)
		same(t, abouts(w.b.poll(t, "billing-svc")), []string{bob.Subject, bob.Subject})
	})
}

func TestAReceiverHearsOfSubjectsThatItAddedAndNobodyElseDoes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		w.a.AddClient(t, domain.Client{ClientID: "orders-too", Serves: []string{orders}})
		w.a.AddService(t, "robot", orders)
		w.polls(t, "orders-svc", "orders-too", "billing-svc")
		bob := w.a.AddUser(t, "bob", "")
		named := func(sub string) secevent.SubjectID {
			return secevent.SubjectID{Format: domain.FormatIssSub, Issuer: issuer, Subject: sub}
		}
		// heard is what each receiver hears of, until it acknowledges that.
		heard := func() map[string][]string {
			t.Helper()
			all := map[string][]string{}
			for _, receiver := range []string{"orders-svc", "orders-too", "billing-svc"} {
				if sets := w.b.poll(t, receiver); len(sets) > 0 {
					all[receiver] = abouts(sets)
					w.b.poll(t, receiver, ids(sets)...)
				}
			}
			return all
		}
		none := map[string][]string{}
		change := func() {
			t.Helper()
			w.a.AssignRole(t, "clerk", domain.SubjectUser, "bob", time.Time{})
			w.a.AssignRole(t, "clerk", domain.SubjectClient, "robot", time.Time{})
		}
		change()
		same(t, heard(), none)
		for range 2 { // the second time is no error
			must(t, w.a.events.AddSubject(ctx, "orders-svc", named(bob.Subject)))
			must(t, w.a.events.AddSubject(ctx, "orders-svc", named("robot")))
		}
		change()
		same(t, heard(), map[string][]string{"orders-svc": {bob.Subject, "robot"}})

		_, session, err := w.a.Sessions.Start(ctx, domain.Authentication{User: bob}, session.Browser{})
		must(t, err)
		must(t, w.a.Sessions.End(ctx, session))
		same(t, heard(), map[string][]string{"orders-svc": {bob.Subject}})

		client, err := w.a.Registry.FindClient(ctx, "reporting")
		must(t, err)
		for audience, want := range map[string]map[string][]string{
			"https://nobody-serves.example": {"orders-svc": {bob.Subject}},
			orders:                          {"orders-svc": {bob.Subject}, "orders-too": {bob.Subject}}, // each once
		} {
			grant, err := db.InsertGrant(ctx, domain.Grant{UserID: bob.ID, ClientID: client.ID, APIs: []domain.GrantAPI{{Audience: audience}}, ExpiresAt: w.now().Add(time.Hour)})
			must(t, err)
			_, err = w.a.Revocation.RevokeGrant(ctx, grant)
			must(t, err)
			same(t, heard(), want)
		}

		w.hadToken(t, "reporting", "bob", orders) // of which all hear, each once
		w.a.AssignRole(t, "clerk", domain.SubjectUser, "bob", time.Time{})
		same(t, heard(), map[string][]string{"orders-svc": {bob.Subject}, "orders-too": {bob.Subject}})

		must(t, w.a.events.RemoveSubject(ctx, "orders-svc", named("robot")))
		must(t, w.a.events.RemoveSubject(ctx, "orders-svc", named("robot")))
		w.a.AssignRole(t, "clerk", domain.SubjectClient, "robot", time.Time{})
		same(t, heard(), none)

		// What is gone can be added no more, and makes room.
		must(t, w.a.events.AddSubject(ctx, "billing-svc", named(bob.Subject)))
		must(t, w.a.Directory.DeleteUser(ctx, "bob"))
		same(t, heard()["billing-svc"], []string{bob.Subject})
		must(t, w.a.events.AddSubject(ctx, "orders-svc", named(bob.Subject))) // nobody finds out
	})
}

func TestRevocationsByCriteriaAreHeardOfWhereTheseNameUsers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		w.a.AddUser(t, "bob", "")
		w.hadToken(t, "reporting", "bob", orders)
		w.a.AssignRole(t, "clerk", domain.SubjectUser, "alice", time.Time{})
		w.a.AssignRole(t, "clerk", domain.SubjectClient, "reporting", time.Time{})
		alice, err := w.a.Directory.FindUser(ctx, "alice")
		must(t, err)
		client, err := w.a.Registry.FindClient(ctx, "reporting")
		must(t, err)
		api, err := w.a.Registry.FindAPI(ctx, orders)
		must(t, err)
		clerk, err := w.a.Directory.FindRole(ctx, "clerk")
		must(t, err)
		grant, err := db.InsertGrant(ctx, domain.Grant{
			UserID: alice.ID, ClientID: client.ID, APIs: []domain.GrantAPI{{Audience: orders}, {Audience: billing}}, ExpiresAt: w.now().Add(time.Hour),
		})
		must(t, err)
		w.polls(t, "orders-svc", "billing-svc")
		must(t, w.a.events.AddSubject(ctx, "billing-svc", secevent.SubjectID{Format: domain.FormatIssSub, Issuer: issuer, Subject: alice.Subject}))
		for _, c := range []struct {
			of              revocation.TokenSelector
			orders, billing []string
		}{
			{of: revocation.TokenSelector{GrantID: grant, APIID: api.ID, Suspended: true, Names: revocation.Names{API: orders}}, orders: []string{alice.Subject + " by reporting"}},
			{
				of:     revocation.TokenSelector{GrantID: grant, Suspended: true},
				orders: []string{alice.Subject + " by reporting"}, billing: []string{alice.Subject + " by reporting"},
			},
			{of: revocation.TokenSelector{UserID: alice.ID, APIID: api.ID, Names: revocation.Names{User: "alice", API: orders}}, orders: []string{alice.Subject}},
			{
				of:     revocation.TokenSelector{UserID: alice.ID, IssuedSince: w.now(), Names: revocation.Names{User: "alice"}},
				orders: []string{alice.Subject}, billing: []string{alice.Subject},
			},
			{
				of:     revocation.TokenSelector{UserID: alice.ID, ClientID: client.ID, Names: revocation.Names{User: "alice", Client: "reporting"}},
				orders: []string{alice.Subject + " by reporting"}, billing: []string{alice.Subject + " by reporting"},
			},
			{of: revocation.TokenSelector{RoleID: clerk.ID, APIID: api.ID, Names: revocation.Names{Role: "clerk", API: orders}}, orders: []string{"reporting", alice.Subject}},
			{of: revocation.TokenSelector{ClientID: client.ID, APIID: api.ID, Names: revocation.Names{Client: "reporting", API: orders}}},
			{of: revocation.TokenSelector{Suspended: true}},
		} {
			_, err := w.a.Revocation.Revoke(ctx, c.of)
			must(t, err)
			for receiver, want := range map[string][]string{"orders-svc": c.orders, "billing-svc": c.billing} {
				var got []string
				for _, s := range w.acknowledged(t, receiver) {
					about := s.about()
					if application, ok := s.Subject["application"].(map[string]any); ok {
						about += " by " + application["id"].(string)
					}
					got = append(got, about)
				}
				slices.Sort(got)
				same(t, got, want)
			}
		}
	})
}

func TestWhoServedAnAPIHearsThatItWasDeleted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.a.AddClient(t, domain.Client{ClientID: "both-svc", Serves: []string{orders, billing}})
		w.polls(t, "orders-svc", "both-svc", "billing-svc")
		must(t, w.a.Registry.DeleteAPI(eventtest.Context(t), orders))
		w.a.AddAPI(t, orders, "read") // another API, which they do not serve
		for receiver, want := range map[string][]string{"orders-svc": {orders}, "both-svc": {orders}, "billing-svc": nil} {
			sets := w.b.poll(t, receiver)
			same(t, abouts(sets), want)
			for _, s := range sets {
				if _, revoked := s.Events[sessionRevoked]; !revoked {
					t.Errorf("%s hears %v", receiver, s.Events)
				}
			}
		}
	})
}

func TestNobodyFindsOutBySubjectsWhoExists(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	ctx := eventtest.Context(t)
	w.polls(t, "orders-svc")
	good := secevent.SubjectID{Format: domain.FormatIssSub, Issuer: issuer, Subject: "reporting"}
	elsewhere, unknown, email := good, good, secevent.SubjectID{Format: "email", ID: "a@x.example"}
	elsewhere.Issuer, unknown.Subject = "https://other.example", "nobody"
	for _, change := range []func(context.Context, string, secevent.SubjectID) error{w.a.events.AddSubject, w.a.events.RemoveSubject} {
		must(t, change(ctx, "orders-svc", good))
		servicetest.Refused(t, change(ctx, "billing-svc", good), domain.ErrNotFound)
		must(t, change(ctx, "orders-svc", elsewhere))
		must(t, change(ctx, "orders-svc", unknown))
		servicetest.Refused(t, change(ctx, "billing-svc", elsewhere), domain.ErrNotFound)
		servicetest.Refused(t, change(ctx, "orders-svc", email), domain.ErrInvalid)
		servicetest.Refused(t, change(ctx, "orders-svc", secevent.SubjectID{}), domain.ErrInvalid)
	}
	w.a.events.SetMaxSubjects(1)
	more := good
	more.Subject = "billing-svc"
	must(t, w.a.events.AddSubject(ctx, "orders-svc", good))
	for _, subject := range []secevent.SubjectID{more, unknown, elsewhere} { // a full stream tells no more of who exists
		servicetest.Refused(t, w.a.events.AddSubject(ctx, "orders-svc", subject), secevent.ErrTooManySubjects)
	}
	must(t, w.a.events.RemoveSubject(ctx, "orders-svc", good))
	must(t, w.a.events.AddSubject(ctx, "orders-svc", more))
}

func TestServicesHearWhenPermissionsShrink(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		w.a.AssignRole(t, "clerk", domain.SubjectClient, "reporting", time.Time{})
		w.polls(t, "orders-svc", "billing-svc")
		heard := func(receiver string) (all []string) {
			t.Helper()
			sets := w.b.poll(t, receiver)
			for _, s := range sets {
				all = append(all, fmt.Sprint(s.about(), " ", s.Events[tokenClaimsChange].Claims["entitlements"]))
			}
			w.b.poll(t, receiver, ids(sets)...)
			return all
		}
		setAPI := func(permissions ...string) {
			t.Helper()
			_, _, err := w.a.Registry.UpdateAPI(ctx, orders, func(api *domain.API) error {
				api.Permissions = nil
				for _, name := range permissions {
					api.Permissions = append(api.Permissions, domain.Permission{Name: name})
				}
				return nil
			})
			must(t, err)
		}
		setClient := func(apis ...domain.ClientAPI) {
			t.Helper()
			_, err := w.a.Registry.UpdateClient(ctx, "reporting", func(c *domain.Client) error { c.APIs = apis; return nil })
			must(t, err)
		}
		setAPI("read", "write")
		same(t, heard("orders-svc"), nil) // it grew
		setClient(domain.ClientAPI{Audience: orders, Permissions: []string{"read", "write"}}, domain.ClientAPI{Audience: billing})
		same(t, heard("orders-svc"), []string{"reporting [read]"}) // "all" became a list
		setClient(domain.ClientAPI{Audience: orders, Permissions: []string{"write"}}, domain.ClientAPI{Audience: billing})
		same(t, heard("orders-svc"), []string{"reporting []"})
		same(t, heard("billing-svc"), nil)
		setClient(domain.ClientAPI{Audience: orders})
		same(t, heard("orders-svc"), nil)
		same(t, heard("billing-svc"), []string{"reporting []"}) // it may not ask there any more
		setAPI("read")
		same(t, heard("orders-svc"), []string{orders + " [read]"})
		same(t, heard("billing-svc"), nil)
	})
}

func TestAnAssignmentThatExpiresIsHeardOfOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		w.a.AssignRole(t, "clerk", domain.SubjectUser, "alice", w.now().Add(time.Minute))
		w.a.AssignRole(t, "clerk", domain.SubjectClient, "reporting", w.now().Add(time.Hour))
		w.polls(t, "orders-svc")
		alice, err := w.a.Directory.FindUser(ctx, "alice")
		must(t, err)
		must(t, w.a.Directory.RecordExpired(ctx))
		same(t, abouts(w.a.poll(t, "orders-svc")), nil)
		w.advance(2 * time.Minute)
		var replicas sync.WaitGroup
		for n := range 6 {
			replicas.Go(func() {
				if err := []*replica{w.a, w.b}[n%2].Directory.RecordExpired(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		replicas.Wait()
		sets := w.b.poll(t, "orders-svc")
		same(t, abouts(sets), []string{alice.Subject})
		same[any](t, sets[0].Events[tokenClaimsChange].Claims["roles"], []any{})
	})
}

func TestExpiriesThatConcernTooManyForOneTransactionAreHeardOf(t *testing.T) {
	url := pgtest.Database(t)
	w := newWorld(t, storetest.Open(t, url))
	ctx := eventtest.Context(t)
	w.a.AddUser(t, "bob", "")
	w.hadToken(t, "reporting", "bob", orders)
	_, err := w.a.Directory.CreateGroup(ctx, domain.Group{Name: "ops"})
	must(t, err)
	for _, member := range []string{"alice", "bob"} {
		must(t, w.a.Directory.AddMember(ctx, "ops", member))
	}
	soon := w.now().Add(time.Minute)
	w.a.AssignRole(t, "clerk", domain.SubjectGroup, "ops", soon)
	w.a.AssignRole(t, "clerk", domain.SubjectClient, "reporting", soon.Add(time.Second))
	w.polls(t, "orders-svc")
	// What is too much ends as at a statement_timeout, without the time that takes.
	pgtest.Exec(t, url+"&search_path=signet", `
		CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
			BEGIN IF (SELECT COUNT(*) FROM added) > 1 THEN RAISE 'too slow' USING ERRCODE = 'query_canceled'; END IF; RETURN NULL; END $$;
		CREATE TRIGGER slow AFTER INSERT ON outbox REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION slow()`)
	w.advance(2 * time.Minute)
	must(t, w.a.Directory.RecordExpired(ctx))
	same(t, abouts(w.a.poll(t, "orders-svc")), []string{orders, "reporting"})
}

// failing is a database that fails to find a receiver while it is leased.
type failing struct{ *store.DB }

func (f failing) FindReceiver(ctx context.Context, clientID string) (domain.Receiver, error) {
	r, err := f.DB.FindReceiver(ctx, clientID)
	if err == nil && !r.LeasedUntil.IsZero() {
		return r, domain.ErrUnavailable
	}
	return r, err
}

func TestALeaseIsNotLeftBehindAfterAnError(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	s := newService(t)
	w.pushes(t, "orders-svc", s, "")
	w.revoke(t, orders)
	a := w.replica(t, failing{w.db})
	ctx, stop := context.WithTimeout(eventtest.Context(t), 200*time.Millisecond)
	defer stop()
	a.events.Run(ctx) // until its deliveries have ended
	same(t, s.count(true), 0)
	same(t, w.receiver(t).LeasedUntil.IsZero(), true)
}
