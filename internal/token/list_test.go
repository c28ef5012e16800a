package token_test

import (
	"slices"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestATokenInARareStateIsListedThoughManyNewerOnesAreNot(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		minted := f.issue(t, f.a)
		must(t, f.a.tokens.Suspend(t.Context(), minted.Record.ID))
		many := make([]domain.IssuedToken, 2500)
		for i := range many {
			at := f.now.Load().Add(time.Duration(i+1) * time.Millisecond)
			many[i] = domain.IssuedToken{ID: domain.FirstTokenID(at), Kind: domain.TokenAccess, ExpiresAt: at.Add(time.Hour)}
		}
		_, err := db.InsertIssuedTokens(t.Context(), many, slices.Repeat([]int64{1 << 40}, len(many)))
		must(t, err)
		for limit, want := range map[int]domain.TokenID{1: minted.Record.ID, 2: {}, 0: {}} {
			entries, next, err := f.a.tokens.List(t.Context(), domain.TokenFilter{State: domain.TokenSuspended, Limit: limit})
			must(t, err)
			if len(entries) != 1 || entries[0].ID != minted.Record.ID || next != want {
				t.Errorf("limit %d: got %d tokens and next %s, want the one and next %s", limit, len(entries), next, want)
			}
		}
		entries, _, err := f.a.tokens.List(t.Context(), domain.TokenFilter{State: domain.TokenLive, Limit: 1200})
		must(t, err)
		if len(entries) != 1200 {
			t.Errorf("got %d live tokens, want as many as the limit", len(entries))
		}
	})
}

func TestATokenThatARevocationCoversIsMarkedAtOnceWhenItIsRevokedItself(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		minted := f.issue(t, f.a)
		_, err := f.a.tokens.Revoke(t.Context(), domain.Revocation{Kind: domain.RevokeOfAll})
		must(t, err)
		if entry, err := f.a.tokens.Find(t.Context(), minted.Record.ID); err != nil || entry.RevokedAt.IsZero() {
			t.Errorf("a covered token is shown as not revoked: %v", err)
		}
		must(t, f.a.tokens.RevokeID(t.Context(), minted.Record.ID))
		found, _, err := db.FindIssuedTokens(t.Context(), []domain.TokenRef{minted.Record.Ref()})
		must(t, err)
		if found[minted.Record.ID].RevokedAt.IsZero() {
			t.Error("its row is not marked")
		}
	})
}
