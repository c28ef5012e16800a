package index_test

import (
	"slices"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/index"
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
			entries, next := listOn(t, f.A.Index, domain.TokenFilter{State: domain.TokenSuspended, Limit: limit})
			if len(entries) != 1 || entries[0].ID != minted.Record.ID || next != want {
				t.Errorf("limit %d: got %d tokens and next %s, want the one and next %s", limit, len(entries), next, want)
			}
		}
		entries, _ := listOn(t, f.A.Index, domain.TokenFilter{State: domain.TokenLive, Limit: 1200})
		if len(entries) != 1200 {
			t.Errorf("got %d live tokens, want as many as the limit", len(entries))
		}
	})
}

// listOn lists as a client does: while it has fewer tokens than it wants, it asks for those after.
func listOn(t *testing.T, x *index.Index, filter domain.TokenFilter) (entries []domain.TokenEntry, next domain.TokenID) {
	t.Helper()
	limit := filter.Limit
	for {
		found, next, err := x.List(eventtest.Context(t), filter)
		servicetest.Must(t, err)
		entries = append(entries, found...)
		if next == (domain.TokenID{}) || limit > 0 && len(entries) >= limit {
			return entries, next
		}
		filter.Before = next
		if limit > 0 {
			filter.Limit = limit - len(entries)
		}
	}
}
