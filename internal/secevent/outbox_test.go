package secevent_test

import (
	"testing"

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
