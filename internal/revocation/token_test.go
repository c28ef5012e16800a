package revocation_test

import (
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestOnlyItsClientRevokesAToken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		minted := f.Issue(t, f.A, "orders:read")
		other := &domain.Client{ID: 4711, ClientID: "other"}
		if err := f.B.Revocation.RevokeAccess(eventtest.Context(t), other, minted.Token); !errors.Is(err, revocation.ErrNotYours) {
			t.Errorf("another client: %v, want ErrNotYours", err)
		}
		if f.Introspect(t, f.A, minted.Token) == nil {
			t.Fatal("another client has revoked it")
		}
		own := f.Request(t, f.B).Client
		for range 2 { // idempotent
			servicetest.Must(t, f.B.Revocation.RevokeAccess(eventtest.Context(t), own, minted.Token))
		}
		if f.Introspect(t, f.A, minted.Token) != nil {
			t.Error("active after its client has revoked it")
		}
		for _, none := range []string{"", "garbage", "a.b.c", minted.Token[:len(minted.Token)-3]} {
			if err := f.B.Revocation.RevokeAccess(eventtest.Context(t), own, none); !errors.Is(err, domain.ErrNotFound) {
				t.Errorf("%q: %v, want ErrNotFound", none, err)
			}
		}
	})
}

func TestATokenThatARevocationCoversIsMarkedAtOnceWhenItIsRevokedItself(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		minted := f.Issue(t, f.A)
		_, err := f.A.Revocation.Revoke(eventtest.Context(t), revocation.TokenSelector{All: true})
		servicetest.Must(t, err)
		if entry, err := f.A.Index.Find(eventtest.Context(t), minted.Record.ID); err != nil || entry.RevokedAt.IsZero() {
			t.Errorf("a covered token is shown as not revoked: %v", err)
		}
		servicetest.Must(t, f.A.Revocation.RevokeID(eventtest.Context(t), minted.Record.ID))
		found, _, err := db.FindIssuedTokens(eventtest.Context(t), []domain.TokenRef{minted.Record.Ref()})
		servicetest.Must(t, err)
		if found[minted.Record.ID].RevokedAt.IsZero() {
			t.Error("its row is not marked")
		}
	})
}
func TestOnlyWhatIsNotRevokedCanBeSuspended(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		ctx := eventtest.Context(t)
		minted := f.Issue(t, f.A)
		for range 2 { // done before is no error
			servicetest.Must(t, f.A.Revocation.Suspend(ctx, minted.Record.ID))
		}
		for range 2 {
			servicetest.Must(t, f.A.Revocation.Resume(ctx, minted.Record.ID))
		}
		servicetest.Must(t, f.A.Revocation.Suspend(ctx, minted.Record.ID))
		servicetest.Must(t, f.A.Revocation.RevokeID(ctx, minted.Record.ID))
		if err := f.A.Revocation.Resume(ctx, minted.Record.ID); !errors.Is(err, domain.ErrRevoked) {
			t.Errorf("resume: %v, want ErrRevoked", err)
		}
		if err := f.A.Revocation.Suspend(ctx, minted.Record.ID); !errors.Is(err, domain.ErrRevoked) {
			t.Errorf("suspend: %v, want ErrRevoked", err)
		}
		if err := f.A.Revocation.Suspend(ctx, domain.TokenID{1}); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("unknown: %v, want ErrNotFound", err)
		}
	})
}
func TestRevocationsAtTheSameTimeAreEachWrittenDownOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		const tokens, times = 40, 3
		want := map[string]int{}
		var group sync.WaitGroup
		for i := range tokens {
			minted := f.Issue(t, f.A)
			want["os:"+strconv.Itoa(i)+" token:"+minted.Record.ID.String()] = 1
			for n := range times { // at one replica, and again at the other
				group.Go(func() {
					ctx := event.WithActor(t.Context(), event.OperatingSystemUser(strconv.Itoa(i)))
					if err := []*servicetest.Replica{f.A, f.B, f.A}[n].Revocation.RevokeID(ctx, minted.Record.ID); err != nil {
						t.Error(err)
					}
					if active, err := f.B.Introspection.Introspect(ctx, minted.Token); active != nil || err != nil {
						t.Errorf("a revoked token is active: %v, %v", active, err)
					}
				})
			}
		}
		group.Wait()
		log := f.A.Log
		_, err := log.Verify(eventtest.Context(t))
		servicetest.Must(t, err)
		events, err := log.List(eventtest.Context(t), 0, 1000)
		servicetest.Must(t, err)
		got := map[string]int{}
		for _, e := range events {
			if e.Action == "token.revoke" {
				got[e.Actor+" "+e.Target]++
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
