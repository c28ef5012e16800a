package storetest

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var indexTests = map[string]func(*testing.T, *store.DB){
	"tokens are found as they were written, with the revision": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		now := revision(t, db)
		tokens := w.issued(1, 3)
		tokens[0].Digest, tokens[0].Status = domain.TokenDigest{0: 7, 15: 8}, domain.StatusRef{List: 9, Index: 0}
		tokens[1] = domain.IssuedToken{
			ID: tokenID(2), Kind: domain.TokenIdentity, KeyID: 3, ClientID: 4, UserID: 5, GrantID: 6,
			ExpiresAt: t0.Add(time.Hour + time.Microsecond),
		}
		same(t, must(db.InsertIssuedTokens(t.Context(), tokens, []int64{now, now + 1, now}))(t), now)
		found, at, err := db.FindIssuedTokens(t.Context(), []domain.TokenRef{
			tokens[0].Ref(), tokens[1].Ref(), {ID: tokens[2].ID, ExpiresAt: t0}, {ID: tokenID(99), ExpiresAt: t0},
		})
		check(t, err)
		same(t, at, now)
		tokens[0].Revision, tokens[1].Revision = now, now
		same(t, found, map[domain.TokenID]domain.IssuedToken{tokens[0].ID: tokens[0], tokens[1].ID: tokens[1]})
	},
	"the revision comes without tokens too": func(t *testing.T, db *store.DB) {
		now := revision(t, db)
		found, at, err := db.FindIssuedTokens(t.Context(), nil)
		check(t, err)
		same(t, at, now)
		same(t, len(found), 0)
		same(t, must(db.InsertIssuedTokens(t.Context(), nil, nil))(t), now)
	},
	"a token decided on an older revision is not written": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		now := revision(t, db)
		tokens := w.issued(1, 2)
		same(t, must(db.InsertIssuedTokens(t.Context(), tokens, []int64{now - 1, now}))(t), now)
		found, _, err := db.FindIssuedTokens(t.Context(), []domain.TokenRef{tokens[0].Ref(), tokens[1].Ref()})
		check(t, err)
		tokens[1].Revision = now
		same(t, found, map[domain.TokenID]domain.IssuedToken{tokens[1].ID: tokens[1]})
	},
	"thousands of tokens go in one batch": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		tokens := w.issued(1, 2000)
		indexed(t, db, tokens...)
		refs := make([]domain.TokenRef, len(tokens))
		for i := range tokens {
			refs[i] = tokens[i].Ref()
		}
		found, _, err := db.FindIssuedTokens(t.Context(), refs)
		check(t, err)
		same(t, len(found), len(tokens))
	},
	"a token written in a transaction that is rolled back is not there": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		token := w.issued(1, 1)[0]
		indexed(t, db, w.issued(2, 1)...) // there is a partition
		ctx := must(db.Begin(t.Context()))(t)
		must(db.InsertIssuedTokens(ctx, []domain.IssuedToken{token}, []int64{revision(t, db)}))(t)
		check(t, db.Rollback(ctx))
		found, _, err := db.FindIssuedTokens(t.Context(), []domain.TokenRef{token.Ref()})
		check(t, err)
		same(t, len(found), 0)
	},
	"one token is revoked, once": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		tokens := w.issued(1, 2)
		indexed(t, db, tokens...)
		check(t, revoke(t.Context(), db, tokens[0], t0))
		check(t, revoke(t.Context(), db, tokens[0], t0.Add(time.Minute)))
		tokens[0].RevokedAt = t0
		found, _, err := db.FindIssuedTokens(t.Context(), []domain.TokenRef{tokens[0].Ref(), tokens[1].Ref()})
		check(t, err)
		same(t, found, map[domain.TokenID]domain.IssuedToken{tokens[0].ID: tokens[0], tokens[1].ID: tokens[1]})
	},
	"tokens are listed newest first, page by page, with names": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		key := must(db.InsertSigningKey(t.Context(), domain.SigningKey{KID: "k1", Alg: domain.ES256, State: domain.KeyActive, PublicJWK: []byte("{}")}))(t)
		tokens := w.issued(1, 4)
		tokens[0].KeyID = key
		tokens[1].UserID = w.user
		tokens[2].ClientID, tokens[2].APIID, tokens[2].UserID = 98, 99, 97 // gone
		indexed(t, db, tokens...)
		page, next, err := db.ListIssuedTokens(t.Context(), domain.TokenFilter{Limit: 3})
		check(t, err)
		same(t, next, tokens[1].ID)
		same(t, page, []domain.TokenEntry{
			{IssuedToken: tokens[3], Client: "shop", Subject: "shop", Audience: audience},
			{IssuedToken: tokens[2]},
			{IssuedToken: tokens[1], Client: "shop", Username: "alice", Subject: "sub-alice", Audience: audience},
		})
		page, next, err = db.ListIssuedTokens(t.Context(), domain.TokenFilter{Limit: 3, Before: next})
		check(t, err)
		same(t, next, domain.TokenID{})
		same(t, page, []domain.TokenEntry{{IssuedToken: tokens[0], Client: "shop", Subject: "shop", Audience: audience, KeyName: "k1"}})
		same(t, len(listTokens(t, db, domain.TokenFilter{UserID: w.user, ClientID: w.client})), 1)
	},
	"no stale token is written and no change misses one": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		var stop atomic.Bool
		var stale, written atomic.Int64
		const writers = 4
		_, failed := parallel(writers+1, func(i int) error {
			if i == writers {
				defer stop.Store(true)
				return revokeAgainAndAgain(t, db, w, func() bool { return stale.Load() > 0 && written.Load() > 0 })
			}
			known := int64(1)
			for n := 0; !stop.Load(); n++ {
				// As a server does: decide on the revision that it knows, and look again when told that it is old.
				batch := w.issued(i<<20+n*8, 8)
				for j := range batch {
					batch[j].KeyID = known // to tell later on which revision it was decided
				}
				newest, err := db.InsertIssuedTokens(t.Context(), batch, slices.Repeat([]int64{known}, len(batch)))
				if err != nil {
					return err
				}
				if newest > known {
					stale.Add(1)
				} else {
					written.Add(8)
				}
				known = newest
				time.Sleep(time.Duration(1+n/10) * time.Millisecond) // all that is written is listed time and again, the slower the machine the more
			}
			return nil
		})
		for _, err := range failed {
			t.Error(err)
		}
		entries := listTokens(t, db, domain.TokenFilter{ClientID: w.client})
		same(t, int64(len(entries)), written.Load())
		if stale.Load() == 0 || written.Load() == 0 {
			t.Errorf("%d stale batches and %d tokens written: nothing was tested", stale.Load(), written.Load())
		}
	},
}

// revokeAgainAndAgain makes changes that revoke all tokens, until enough has happened, and checks that no token lives on that was
// decided before the change.
func revokeAgainAndAgain(t *testing.T, db *store.DB, w world, enough func() bool) error {
	for n := 0; n < 20 || !enough() && n < 1000; n++ {
		var revocation domain.Revocation
		err := db.Tx(t.Context(), func(ctx context.Context) (err error) {
			if err := db.UpdateUser(ctx, domain.User{Username: "alice"}); err != nil {
				return err
			}
			revocation, err = db.InsertRevocation(ctx, domain.Revocation{Kind: domain.RevokeOfClient, TargetID: w.client, CreatedAt: t0})
			return err
		})
		if err != nil {
			return err
		}
		changedAt := revision(t, db) // nobody else makes changes
		if revocation, err = db.StepRevocation(t.Context(), revocation.ID, 1<<20, t0); err != nil {
			return err
		}
		for _, entry := range listTokens(t, db, domain.TokenFilter{ClientID: w.client, State: domain.TokenLive, Now: t0}) {
			if entry.KeyID < changedAt {
				t.Errorf("a token decided on revision %d lives, though revision %d revoked all", entry.KeyID, changedAt)
			}
		}
		time.Sleep(time.Millisecond) // or writers may never see the newest revision
	}
	return nil
}
