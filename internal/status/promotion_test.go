package status_test

import (
	"slices"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/status"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestAReplicaThatSawWhatAPromotionLostReadsItsListsAndLeasesAnew(t *testing.T) {
	pair := pgtest.NewPair(t)
	db, other := storetest.Open(t, pair.URL()), storetest.Open(t, pair.URL())
	ctx, f := eventtest.Context(t), servicetest.SetUp(t, db)
	b := servicetest.NewReplica(t, other, f.Master, f.Clock)
	lost, revoked := f.Issue(t, f.A), f.Issue(t, f.A)
	want := func(when string, ofLost, ofRevoked domain.TokenStatus) {
		t.Helper()
		f.Pass(t, status.Pace)
		if a, b := servicetest.Status(t, f.A, lost), servicetest.Status(t, f.A, revoked); a != ofLost || b != ofRevoked {
			t.Errorf("%s: %d and %d, want %d and %d", when, a, b, ofLost, ofRevoked)
		}
	}
	want("at first", domain.StatusValid, domain.StatusValid)
	here, there := status.NewAllocator(db, []byte("key"), f.Clock), status.NewAllocator(other, []byte("key"), f.Clock)
	allocate := func(from *status.Allocator) (refs []domain.StatusRef) {
		t.Helper()
		for range 3 {
			ref, err := from.Allocate(ctx, f.Clock().Add(10*time.Minute))
			servicetest.Must(t, err)
			refs = append(refs, ref)
		}
		return refs
	}

	pair.Lag(t)
	servicetest.Must(t, f.A.Revocation.RevokeID(ctx, lost.Record.ID))
	want("before", domain.StatusInvalid, domain.StatusValid)
	allocate(here)

	pair.Primary.Crash()
	pair.Promote(t)
	for deadline := time.Now().Add(30 * time.Second); db.Ping(ctx) != nil || other.Ping(ctx) != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the promoted server is not found")
		}
	}
	b.Refresh(t)
	servicetest.Must(t, b.Revocation.RevokeID(ctx, revoked.Record.ID))
	f.A.Refresh(t)
	want("after", domain.StatusValid, domain.StatusInvalid)
	theirs := append(allocate(there), allocate(there)...) // as many as were allocated here, with those that were lost
	for _, ref := range allocate(here) {
		if slices.Contains(theirs, ref) {
			t.Errorf("%v is given twice", ref)
		}
	}
}
