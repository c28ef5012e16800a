package storetest

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// listed gives tokens the first places of a status list.
func listed(list int64, tokens []domain.IssuedToken) []domain.IssuedToken {
	for i := range tokens {
		tokens[i].Status = domain.StatusRef{List: list, Index: int32(i)}
	}
	return tokens
}

// findToken finds one in the index.
func findToken(tb testing.TB, db *store.DB, token domain.IssuedToken) domain.IssuedToken {
	tb.Helper()
	found, _, err := db.FindIssuedTokens(tb.Context(), []domain.TokenRef{token.Ref()})
	check(tb, err)
	return found[token.ID]
}

// revoke revokes one token.
func revoke(ctx context.Context, db *store.DB, token domain.IssuedToken, now time.Time) error {
	_, err := db.RevokeTokens(ctx, now, token.Ref())
	return err
}

// changesAfter returns all status changes after a seq.
func changesAfter(tb testing.TB, db *store.DB, after int64) []domain.StatusChange {
	tb.Helper()
	changes, newest, complete, err := db.StatusChanges(tb.Context(), after, 1<<20)
	check(tb, err)
	if !complete || len(changes) > 0 && changes[len(changes)-1].Seq != newest {
		tb.Errorf("the changes after %d are not complete: %v, the newest is %d", after, complete, newest)
	}
	return changes
}

var markTests = map[string]func(*testing.T, *store.DB){
	"a token is revoked once, and its status list told once": func(t *testing.T, db *store.DB) {
		tokens := listed(5, makeWorld(t, db).issued(1, 3))
		tokens[2].Status = domain.StatusRef{}
		indexed(t, db, tokens...)
		for _, token := range tokens[1:] {
			check(t, revoke(t.Context(), db, token, t0))
			check(t, revoke(t.Context(), db, token, t0.Add(time.Minute)))
			token.RevokedAt = t0
			same(t, findToken(t, db, token), token)
		}
		same(t, findToken(t, db, tokens[0]), tokens[0])
		same(t, changesAfter(t, db, 0), []domain.StatusChange{{Seq: 1, List: 5, Status: domain.StatusInvalid, Indexes: []int32{1}}})
	},
	"of many tokens those are revoked that are live, and returned": func(t *testing.T, db *store.DB) {
		tokens := listed(5, makeWorld(t, db).issued(1, 300))
		indexed(t, db, tokens[1:]...)
		check(t, revoke(t.Context(), db, tokens[1], t0))
		refs := []domain.TokenRef{tokens[2].Ref()} // twice
		var want []domain.TokenID
		for _, token := range tokens[:299] {
			refs = append(refs, token.Ref())
			want = append(want, token.ID)
		}
		revoked := must(db.RevokeTokens(t.Context(), t0, refs...))(t)
		slices.SortFunc(revoked, func(a, b domain.TokenID) int { return bytes.Compare(a[:], b[:]) })
		same(t, revoked, want[2:])
		same(t, findToken(t, db, tokens[298]).RevokedAt, t0)
		same(t, findToken(t, db, tokens[299]), tokens[299])
		same(t, len(changesAfter(t, db, 1)), 1) // one for the list, whatever their number
		same(t, len(must(db.RevokeTokens(t.Context(), t0))(t)), 0)
	},
	"a suspended token is resumed": func(t *testing.T, db *store.DB) {
		token := listed(5, makeWorld(t, db).issued(1, 1))[0]
		indexed(t, db, token)
		token.Revision = revision(t, db)
		for i, c := range []struct {
			do     func() error
			at     time.Time
			status domain.TokenStatus
		}{
			{func() error { return db.SuspendToken(t.Context(), token.Ref(), t0) }, t0, domain.StatusSuspended},
			{func() error { return db.ResumeToken(t.Context(), token.Ref(), t0) }, time.Time{}, domain.StatusValid},
			{func() error { return db.SuspendToken(t.Context(), token.Ref(), t0.Add(time.Hour)) }, t0.Add(time.Hour), domain.StatusSuspended},
		} {
			check(t, c.do())
			check(t, c.do()) // done before is no error
			token.SuspendedAt = c.at
			same(t, findToken(t, db, token), token)
			same(t, changesAfter(t, db, int64(i)), []domain.StatusChange{{Seq: int64(i + 1), List: 5, Status: c.status, Indexes: []int32{0}}})
		}
	},
	"a revoked token is neither suspended nor resumed": func(t *testing.T, db *store.DB) {
		token := listed(5, makeWorld(t, db).issued(1, 1))[0]
		indexed(t, db, token)
		check(t, db.SuspendToken(t.Context(), token.Ref(), t0))
		check(t, revoke(t.Context(), db, token, t0))
		wantErr(t, db.ResumeToken(t.Context(), token.Ref(), t0), domain.ErrRevoked)
		wantErr(t, db.SuspendToken(t.Context(), token.Ref(), t0), domain.ErrRevoked)
		same(t, findToken(t, db, token).RevokedAt, t0)
		same(t, len(changesAfter(t, db, 0)), 2)
	},
	"what is not in the index cannot be marked": func(t *testing.T, db *store.DB) {
		token := makeWorld(t, db).issued(1, 1)[0]
		indexed(t, db, token)
		for _, ref := range []domain.TokenRef{{ID: tokenID(99), ExpiresAt: token.ExpiresAt}, {ID: token.ID, ExpiresAt: t0}} {
			same(t, len(must(db.RevokeTokens(t.Context(), t0, ref))(t)), 0)
			wantErr(t, db.SuspendToken(t.Context(), ref, t0), domain.ErrNotFound)
			wantErr(t, db.ResumeToken(t.Context(), ref, t0), domain.ErrNotFound)
		}
	},
	"a grant takes its tokens along, and tells their lists": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		grant := w.grant(t, db)
		tokens := listed(5, w.issued(1, 4))
		for i := range tokens {
			tokens[i].UserID, tokens[i].GrantID = w.user, grant
		}
		tokens[3].GrantID = w.grant(t, db)
		tokens[1].Status.List = 4
		tokens[2].ExpiresAt = t0 // expired
		indexed(t, db, tokens...)
		same(t, must(db.RevokeGrant(t.Context(), grant, 10, t0))(t).Marked, 2)
		_, err := db.RevokeGrant(t.Context(), grant, 10, t0)
		wantErr(t, err, domain.ErrRevoked)
		same(t, changesAfter(t, db, 0), []domain.StatusChange{
			{Seq: 1, List: 4, Status: domain.StatusInvalid, Indexes: []int32{1}},
			{Seq: 2, List: 5, Status: domain.StatusInvalid, Indexes: []int32{0}},
		})
	},
	"a token is revoked once by many at once": func(t *testing.T, db *store.DB) {
		token := listed(5, makeWorld(t, db).issued(1, 1))[0]
		indexed(t, db, token)
		succeeded, _ := parallel(20, func(i int) error {
			if i%2 == 0 {
				_ = db.SuspendToken(t.Context(), token.Ref(), t0) // before or too late
				return nil
			}
			return revoke(t.Context(), db, token, t0)
		})
		same(t, succeeded, 20)
		changes := changesAfter(t, db, 0)
		same(t, changes[len(changes)-1].Status, domain.StatusInvalid)
		if len(changes) > 2 {
			t.Errorf("the list was told %d times of one suspension and one revocation", len(changes))
		}
	},
}
