package secevent_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/store"
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
			must(t, w.a.Directory.SetUserDisabled(ctx, name, true))
			must(t, w.a.Directory.DeleteUser(ctx, name))
		}
		same(t, abouts(w.b.poll(t, "orders-svc")), nil)
		same(t, abouts(w.b.poll(t, "billing-svc")), []string{bob.Subject, bob.Subject})
	})
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
			_, err := w.a.Registry.UpdateAPI(ctx, orders, func(api *domain.API) error {
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
