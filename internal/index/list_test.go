package index_test

import (
	"slices"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestATokenInARareStateIsListedThoughManyNewerOnesAreNot(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		minted := f.Issue(t, f.A)
		servicetest.Must(t, f.A.Revocation.Suspend(eventtest.Context(t), minted.Record.ID))
		many := make([]domain.IssuedToken, 2500)
		for i := range many {
			at := f.Now.Load().Add(time.Duration(i+1) * time.Millisecond)
			many[i] = domain.IssuedToken{ID: domain.FirstTokenID(at), Kind: domain.TokenAccess, ExpiresAt: at.Add(time.Hour)}
		}
		_, err := db.InsertIssuedTokens(eventtest.Context(t), many, slices.Repeat([]int64{1 << 40}, len(many)))
		servicetest.Must(t, err)
		for limit, want := range map[int]domain.TokenID{1: minted.Record.ID, 2: {}, 0: {}} {
			entries, next, err := f.A.Index.List(eventtest.Context(t), domain.TokenFilter{State: domain.TokenSuspended, Limit: limit})
			servicetest.Must(t, err)
			if len(entries) != 1 || entries[0].ID != minted.Record.ID || next != want {
				t.Errorf("limit %d: got %d tokens and next %s, want the one and next %s", limit, len(entries), next, want)
			}
		}
		entries, _, err := f.A.Index.List(eventtest.Context(t), domain.TokenFilter{State: domain.TokenLive, Limit: 1200})
		servicetest.Must(t, err)
		if len(entries) != 1200 {
			t.Errorf("got %d live tokens, want as many as the limit", len(entries))
		}
	})
}
