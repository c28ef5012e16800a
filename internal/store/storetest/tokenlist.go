package storetest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var listTests = map[string]func(*testing.T, *store.DB){
	"what a revocation under way covers is revoked, since that began": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		tokens := w.issued(1, 4)
		tokens[0].UserID, tokens[1].UserID, tokens[3].UserID = w.user, w.user, w.user
		indexed(t, db, tokens[:3]...)
		check(t, revoke(t.Context(), db, tokens[0], t0))
		for i := range 2 { // the first counts
			r := domain.Revocation{Kind: domain.RevokeOfUser, TargetID: w.user, CreatedAt: t0.Add(time.Duration(i+1) * time.Minute)}
			must(db.InsertRevocation(t.Context(), r))(t)
		}
		indexed(t, db, tokens[3:]...)
		tokens[0].RevokedAt, tokens[1].RevokedAt = t0, t0.Add(time.Minute)
		for state, want := range map[domain.TokenState][]domain.IssuedToken{
			"":                  {tokens[3], tokens[2], tokens[1], tokens[0]},
			domain.TokenRevoked: {tokens[1], tokens[0]},
			domain.TokenLive:    {tokens[3], tokens[2]},
		} {
			var got []domain.IssuedToken
			for _, e := range listTokens(t, db, domain.TokenFilter{State: state, Now: t0}) {
				got = append(got, e.IssuedToken)
			}
			same(t, got, want)
		}
	},
	"tokens are found by the role of who holds it, alone or in a group, until it ends": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		tokens := w.issued(1, 3)
		tokens[0].UserID = w.user
		tokens[1].UserID = must(db.InsertUser(t.Context(), domain.User{Subject: "sub-bob", Username: "bob", CreatedAt: t0, UpdatedAt: t0}))(t)
		indexed(t, db, tokens...)
		want := func(now time.Time, chosen ...int) {
			t.Helper()
			var got []int
			for _, e := range listTokens(t, db, domain.TokenFilter{RoleID: w.role, Now: now}) {
				got = append(got, slices.IndexFunc(tokens, func(token domain.IssuedToken) bool { return token.ID == e.ID }))
			}
			same(t, got, chosen)
		}
		want(t0)
		check(t, db.PutAssignment(t.Context(), domain.Assignment{Role: "clerk", SubjectKind: domain.SubjectUser, Subject: "bob", CreatedAt: t0}))
		want(t0, 1)
		check(t, db.AddMember(t.Context(), "ops", "alice"))
		check(t, db.PutAssignment(t.Context(), domain.Assignment{Role: "clerk", SubjectKind: domain.SubjectGroup, Subject: "ops", ExpiresAt: t0.Add(time.Minute), CreatedAt: t0}))
		want(t0, 1, 0)
		want(t0.Add(time.Minute), 1)
		check(t, db.PutAssignment(t.Context(), domain.Assignment{Role: "clerk", SubjectKind: domain.SubjectClient, Subject: "shop", CreatedAt: t0}))
		want(t0, 2, 1, 0)
		same(t, len(listTokens(t, db, domain.TokenFilter{RoleID: w.role + 1, Now: t0})), 0)
		same(t, len(listTokens(t, db, domain.TokenFilter{RoleID: w.role, UserID: w.user, Now: t0})), 1)
	},
	"tokens are found by state while more revocations are under way than a query may name": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		tokens, open := w.motley(t, db)
		check(t, db.Tx(t.Context(), func(ctx context.Context) error {
			for range 501 {
				_, err := db.InsertRevocation(ctx, domain.Revocation{Kind: domain.RevokeByCriteria, CreatedAt: t0, Criteria: &domain.TokenCriteria{KeyID: 1 << 20}})
				if err != nil {
					return err
				}
			}
			return nil
		}))
		for _, filter := range []domain.TokenFilter{{}, {UserID: 31}, {KeyID: 2}} {
			for _, state := range domain.TokenStates {
				filter.State, filter.Now = state, tokens[8].ExpiresAt
				var want, got []domain.TokenID
				for _, token := range slices.Backward(tokens) {
					if chooses(filter, token, open) {
						want = append(want, token.ID)
					}
				}
				filter.Limit = 1 + len(want)/2
				for _, e := range listTokens(t, db, filter) {
					got = append(got, e.ID)
				}
				if back := backward(t, db, filter); len(want) == 0 || !slices.Equal(got, want) || !slices.Equal(back, want) {
					t.Errorf("%+v: got %v, backward %v, want %v", filter, got, back, want)
				}
				same(t, counted(t, db, filter), len(want))
			}
		}
	},
	"tokens are found by owner, time and state, page by page": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		tokens, open := w.motley(t, db)
		now := tokens[8].ExpiresAt
		found := map[domain.TokenState]int{}
		for _, filter := range filters(w, tokens) {
			for _, state := range append([]domain.TokenState{""}, domain.TokenStates...) {
				filter.State, filter.Now = state, now
				var want, got []domain.TokenID
				for _, token := range slices.Backward(tokens) {
					if chooses(filter, token, open) {
						want = append(want, token.ID)
					}
				}
				filter.Limit = 1 + len(want)/2
				for _, e := range listTokens(t, db, filter) {
					got = append(got, e.ID)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%+v: got %v, want %v", filter, got, want)
				}
				if got = backward(t, db, filter); !slices.Equal(got, want) {
					t.Errorf("%+v, backward: got %v, want %v", filter, got, want)
				}
				if n := counted(t, db, filter); n != len(want) {
					t.Errorf("%+v: counted %d, want %d", filter, n, len(want))
				}
				found[state] += len(got)
			}
		}
		for state, n := range found {
			if n == 0 {
				t.Errorf("none was found in state %q, so nothing was tested", state)
			}
		}
	},
	"what is rare is looked for in several steps, which miss nothing and find nothing twice": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		tokens := w.issued(1, 2500)
		for i := range tokens {
			tokens[i].ExpiresAt = t0.Add(time.Duration(i%3+1) * time.Hour)
		}
		indexed(t, db, tokens...)
		for _, owner := range []domain.TokenFilter{{}, {ClientID: w.client}} {
			owner.State, owner.Now = domain.TokenSuspended, t0
			want := []int{0, 1750} // and the last of each step, and those beside it
			for filter := owner; ; {
				entries, next, err := db.ListIssuedTokens(t.Context(), filter)
				check(t, err)
				same(t, len(entries), 0)
				if filter.Before = next; next == (domain.TokenID{}) {
					break
				}
				last := slices.IndexFunc(tokens, func(token domain.IssuedToken) bool { return token.ID == next })
				want = append(want, last-1, last, last+1)
			}
			if len(want) < 2+3 {
				t.Fatal("there was one step, so nothing is tested")
			}
			slices.Sort(want)
			for _, i := range want {
				check(t, db.SuspendToken(t.Context(), tokens[i].Ref(), t0))
			}
			for _, owner.Limit = range []int{0, 1, 2, 100} {
				var got []int
				for _, e := range slices.Backward(listTokens(t, db, owner)) {
					got = append(got, slices.IndexFunc(tokens, func(token domain.IssuedToken) bool { return token.ID == e.ID }))
				}
				same(t, got, want)
				same(t, len(backward(t, db, owner)), len(want))
			}
			same(t, counted(t, db, owner), len(want))
			for _, i := range want {
				check(t, db.ResumeToken(t.Context(), tokens[i].Ref(), t0))
			}
		}
	},
	"a state that there is not is refused": func(t *testing.T, db *store.DB) {
		_, _, err := db.ListIssuedTokens(t.Context(), domain.TokenFilter{State: "odd", Now: t0})
		wantErr(t, err, domain.ErrInvalid)
	},
}

// backward lists what the filter chooses from the oldest on, page by page, as the pages before others.
func backward(tb testing.TB, db *store.DB, filter domain.TokenFilter) (ids []domain.TokenID) {
	tb.Helper()
	for filter.After = (domain.TokenID{15: 1}); ; {
		entries, next, err := db.ListIssuedTokens(tb.Context(), filter)
		check(tb, err)
		page := make([]domain.TokenID, len(entries))
		for i, e := range entries {
			page[i] = e.ID
		}
		ids = append(page, ids...)
		if filter.After = next; next == (domain.TokenID{}) {
			return ids
		}
	}
}

// counted counts what the filter chooses, step by step.
func counted(tb testing.TB, db *store.DB, filter domain.TokenFilter) (n int) {
	tb.Helper()
	for {
		found, next, err := db.CountIssuedTokens(tb.Context(), filter)
		check(tb, err)
		n += found
		if filter.Before = next; next == (domain.TokenID{}) {
			return n
		}
	}
}

// motley fills the index with tokens of all owners, in all states, and begins a revocation of each kind.
func (w world) motley(tb testing.TB, db *store.DB) (tokens []domain.IssuedToken, open []domain.Revocation) {
	tb.Helper()
	grants := []int64{w.grant(tb, db), w.grant(tb, db)}
	tokens = w.issued(1, 400)
	tokens[100].ID = domain.FirstTokenID(tokens[100].ID.Time())
	for i := range tokens {
		token := &tokens[i]
		token.KeyID, token.ClientID = int64(i%5), int64(20+i%7)
		if i%2 == 0 {
			token.UserID = []int64{w.user, 31, 32}[i/2%3]
		}
		if token.UserID == w.user {
			token.GrantID = grants[i/4%2]
		}
		if i%3 != 0 {
			token.APIID = int64(40 + i%4)
		}
		token.ExpiresAt = t0.Add(time.Duration(i*i%300) * time.Minute / 2)
	}
	half := len(tokens) - len(tokens)/4
	suspend := func(tokens []domain.IssuedToken) {
		for i := 0; i < len(tokens); i += 11 {
			check(tb, db.SuspendToken(tb.Context(), tokens[i].Ref(), t0))
			tokens[i].SuspendedAt = t0
		}
	}
	indexed(tb, db, tokens[:half]...)
	suspend(tokens[:half])
	for _, r := range []domain.Revocation{
		{Kind: domain.RevokeOfUser, TargetID: 31}, {Kind: domain.RevokeOfClient, TargetID: 21}, {Kind: domain.RevokeOfAPI, TargetID: 41},
		{Kind: domain.RevokeOfKey, TargetID: 1}, {Kind: domain.RevokeOfGrant, TargetID: grants[0]},
		{Kind: domain.RevokeOfAll, IssuedBefore: tokens[40].ID.Time()}, {Kind: domain.RevokeOfAll, IssuedBefore: time.Unix(-1, 0)},
		{Kind: domain.RevokeByCriteria, Criteria: &domain.TokenCriteria{UserID: 32, APIID: 42}},
		{Kind: domain.RevokeByCriteria, Criteria: &domain.TokenCriteria{KeyID: 3, Role: "clerk", Users: []int64{32}, Clients: []int64{22, 23}, IssuedSince: tokens[150].ID.Time()}},
	} {
		r.CreatedAt = t0
		open = append(open, must(db.InsertRevocation(tb.Context(), r))(tb))
	}
	indexed(tb, db, tokens[half:]...)
	suspend(tokens[half:])
	for i := range tokens {
		if i%13 == 0 {
			check(tb, revoke(tb.Context(), db, tokens[i], t0))
			tokens[i].RevokedAt = t0
		}
	}
	return tokens, open
}

// filters are by each owner and several, with and without limits of time.
func filters(w world, tokens []domain.IssuedToken) (all []domain.TokenFilter) {
	early, late := tokens[100].ID.Time(), tokens[300].ID.Time()
	for i, f := range []domain.TokenFilter{
		{}, {UserID: 31}, {ClientID: 20}, {APIID: 41}, {GrantID: tokens[0].GrantID}, {KeyID: 2}, {UserID: w.user, ClientID: 20},
		{ClientID: 20, APIID: 42}, {UserID: 32, GrantID: tokens[0].GrantID}, {ClientID: 99},
		{JTI: tokens[9].ID.String()}, {JTI: tokens[9].ID.String()[:9]}, {JTI: tokens[9].ID.String()[:8], UserID: 31}, {JTI: "_"}, {JTI: "?"}, {JTI: tokens[9].ID.String() + "A"},
	} {
		for j, span := range [][2]time.Time{
			{}, {early, {}}, {{}, late}, {early, late}, {late, early},
			{early.Add(time.Microsecond), late.Add(time.Microsecond)}, // to a millisecond later
			{{}, time.Unix(-1, 0)}, {time.Unix(-1, 0), {}},
			{{}, time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)}, {time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC), {}},
		} {
			if i > 1 && (i+j)%3 != 0 { // all of them would take minutes
				continue
			}
			f.IssuedSince, f.IssuedBefore = span[0], span[1]
			all = append(all, f)
		}
	}
	return all
}

// chooses says what a filter means.
func chooses(f domain.TokenFilter, token domain.IssuedToken, open []domain.Revocation) bool {
	if slices.ContainsFunc(open, func(r domain.Revocation) bool { return r.Covers(token) }) {
		token.RevokedAt = t0
	}
	for _, owner := range [][2]int64{
		{f.UserID, token.UserID}, {f.ClientID, token.ClientID}, {f.APIID, token.APIID}, {f.GrantID, token.GrantID}, {f.KeyID, token.KeyID},
	} {
		if owner[0] != 0 && owner[0] != owner[1] {
			return false
		}
	}
	return strings.HasPrefix(token.ID.String(), f.JTI) && (f.State == "" || f.State == token.State(f.Now)) &&
		(f.IssuedSince.IsZero() || !token.ID.Time().Before(f.IssuedSince)) &&
		(f.IssuedBefore.IsZero() || token.ID.Time().Before(f.IssuedBefore))
}
