package index_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestTokenIsNotIndexedOnAStaleDecision(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		f.Issue(t, f.B, "orders:read") // b knows all it needs
		revision := f.B.Cache.Revision()
		minted, err := f.B.Minter.Mint(eventtest.Context(t), f.Request(t, f.B, "orders:read"))
		servicetest.Must(t, err)
		servicetest.Must(t, f.A.Directory.Unassign(eventtest.Context(t), "clerk", domain.SubjectClient, "reporting"))
		if err := f.B.Index.Record(eventtest.Context(t), revision, minted.Record); !errors.Is(err, domain.ErrStale) {
			t.Fatalf("record: %v, want ErrStale", err)
		}
		if f.Introspect(t, f.A, minted.Token) != nil {
			t.Error("the token of the stale decision is active")
		}
		if again := f.Issue(t, f.B, "orders:read"); len(again.Scopes) != 0 {
			t.Errorf("the next token still has %v", again.Scopes)
		}
		lost := f.B.Cache.Revision() + 1 // as after a promotion that lost a commit
		if err := f.B.Index.Record(eventtest.Context(t), lost, minted.Record); !errors.Is(err, domain.ErrStale) {
			t.Errorf("decided on what the database does not have: error %v, want ErrStale", err)
		}
	})
}

func TestManyAtOnceShareWritesAndAllAreIndexed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		f.Issue(t, f.A)
		var group sync.WaitGroup
		values := make([]string, 300)
		for i := range values {
			group.Go(func() { values[i] = f.Issue(t, f.A, "orders:read").Token })
		}
		group.Wait()
		for _, value := range values {
			group.Go(func() {
				if f.Introspect(t, f.B, value) == nil {
					t.Error("an issued token is not active")
				}
			})
		}
		group.Wait()
	})
}
