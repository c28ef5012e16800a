package storetest

import (
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var criteriaTests = map[string]func(*testing.T, *store.DB){
	"a revocation of several criteria marks the tokens that meet all of them, and nothing else": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		grant := w.grant(t, db)
		makeTokens := func(from int) []domain.IssuedToken {
			tokens := listed(5, w.issued(from, 48))
			for i := range tokens {
				token := &tokens[i]
				token.ClientID, token.APIID, token.KeyID = int64(20+i%2), int64(40+i/2%2), int64(80+i/4%2)
				if i%3 != 0 {
					token.UserID, token.GrantID = int64(30+i%3), grant+int64(i%4)
				}
				token.ExpiresAt = t0.Add(time.Duration(i%5) * time.Hour)
			}
			indexed(t, db, tokens...)
			for i := range tokens {
				if i%7 == 0 {
					check(t, db.SuspendToken(t.Context(), tokens[i].Ref(), t0))
				}
			}
			return tokens
		}
		tokens := makeTokens(100)
		var all []domain.Revocation
		for i, c := range []struct {
			k      domain.TokenCriteria
			before time.Time
		}{
			{k: domain.TokenCriteria{UserID: 31, ClientID: 20}},
			{k: domain.TokenCriteria{ClientID: 21, APIID: 41, KeyID: 80}},
			{k: domain.TokenCriteria{APIID: 40, IssuedSince: tokens[30].ID.Time()}},
			{k: domain.TokenCriteria{ClientID: 20, IssuedSince: tokens[5].ID.Time()}, before: tokens[9].ID.Time()},
			{k: domain.TokenCriteria{UserID: 32, GrantID: grant + 1}},
			{k: domain.TokenCriteria{KeyID: 81, Role: "clerk", Users: []int64{32}, Clients: []int64{21}}},
			{k: domain.TokenCriteria{APIID: 41, Suspended: true}},
			{k: domain.TokenCriteria{ClientID: 20, Role: "nobody"}},
			{k: domain.TokenCriteria{IssuedSince: time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC), KeyID: 80}},
			{k: domain.TokenCriteria{IssuedSince: time.Unix(-1, 0).UTC(), KeyID: 80}},
		} {
			r := must(db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeByCriteria, Criteria: &c.k, IssuedBefore: c.before, CreatedAt: t0}))(t)
			same(t, must(db.FindRevocation(t.Context(), r.ID))(t), r)
			makeTokens(200 + 100*i) // written afterwards, with ids on either side
			makeTokens(10_000 - 100*i)
			checkMarks(t, db, all...)
			for _, state := range domain.TokenStates { // while it is under way
				checkList(t, db, domain.TokenFilter{State: state, Now: t0}, append(all, r))
			}
			all = append(all, r)
			must(stepToEnd(t.Context(), db, r.ID, 7))(t)
			checkMarks(t, db, all...)
		}
	},
	"while suspended tokens are revoked, none of them is resumed, and no other one joins them": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		tokens := w.issued(1, 4)
		tokens[1].APIID++
		tokens[3].APIID++
		indexed(t, db, tokens...)
		for _, token := range tokens[:2] {
			check(t, db.SuspendToken(t.Context(), token.Ref(), t0))
		}
		r := must(db.InsertRevocation(t.Context(), domain.Revocation{
			Kind: domain.RevokeByCriteria, CreatedAt: t0, Criteria: &domain.TokenCriteria{APIID: w.api, Suspended: true},
		}))(t)
		wantErr(t, db.ResumeToken(t.Context(), tokens[0].Ref(), t0), domain.ErrRevoked)
		check(t, db.ResumeToken(t.Context(), tokens[1].Ref(), t0))
		wantErr(t, db.SuspendToken(t.Context(), tokens[0].Ref(), t0), domain.ErrRevoked)
		wantErr(t, db.SuspendToken(t.Context(), tokens[2].Ref(), t0), domain.ErrInvalid)
		check(t, db.SuspendToken(t.Context(), tokens[3].Ref(), t0))
		must(stepToEnd(t.Context(), db, r.ID, 7))(t)
		check(t, db.SuspendToken(t.Context(), tokens[2].Ref(), t0))
		same(t, findToken(t, db, tokens[2]).RevokedAt.IsZero(), true)
	},
	"who holds a role does so by an assignment of their own, or by a group, until that ends": func(t *testing.T, db *store.DB) {
		l := makeLosing(t, db)
		users, clients, err := db.RoleHolders(t.Context(), l.writer, 10, t0)
		check(t, err)
		same(t, users, []int64{l.user, l.bob, l.carol})
		same(t, clients, []int64{l.client})
		check(t, db.DeleteGroups(t.Context(), []string{"ops"}))
		users, _, err = db.RoleHolders(t.Context(), l.writer, 10, t0.Add(time.Hour))
		check(t, err)
		same(t, users, []int64{l.bob})
		users, _, err = db.RoleHolders(t.Context(), l.writer, 1, t0)
		check(t, err)
		same(t, len(users), 1)
	},
}

// checkList checks that a list has just what its filter chooses, where these revocations are.
func checkList(t *testing.T, db *store.DB, filter domain.TokenFilter, revocations []domain.Revocation) {
	t.Helper()
	chosen := map[domain.TokenID]bool{}
	for _, entry := range listTokens(t, db, filter) {
		chosen[entry.ID] = true
	}
	for _, entry := range listTokens(t, db, domain.TokenFilter{}) {
		token := findToken(t, db, entry.IssuedToken)
		if want := chooses(filter, token, revocations); chosen[token.ID] != want {
			t.Errorf("%s: chosen as %s: %v, want %v", token.ID, filter.State, chosen[token.ID], want)
		}
	}
}
