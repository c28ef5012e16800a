package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var grantTests = map[string]func(*testing.T, *store.DB){
	"a grant is found as it was stored": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		want := domain.Grant{
			ClientID: w.client, UserID: w.user, SessionID: 7, APIs: []domain.GrantAPI{
				{Audience: audience, Scopes: []string{"openid", "orders:read"}}, {Audience: "https://a.example", Scopes: []string{"openid"}},
			}, AuthTime: t0, ACR: "1",
			AMR: []string{"pwd"}, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour),
			Claims: domain.SingleClaims{IDToken: []string{"name"}, Userinfo: []string{"email", "groups"}},
		}
		want.ID = must(db.InsertGrant(t.Context(), want))(t)
		same(t, must(db.FindGrant(t.Context(), want.ID))(t), want)
		_, err := db.FindGrant(t.Context(), 99)
		wantErr(t, err, domain.ErrNotFound)
	},
	"what a user did serves one grant": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		grant := domain.Grant{
			ClientID: w.client, UserID: w.user, APIs: orders, AuthTime: t0, ACR: "1", CreatedAt: t0, ExpiresAt: t0.Add(time.Hour), Act: []byte{1},
		}
		onlyOneWins(t, domain.ErrExists, func(int) error {
			_, err := db.InsertGrant(t.Context(), grant)
			return err
		})
		grant.Act = nil
		for range 2 {
			must(db.InsertGrant(t.Context(), grant))(t)
		}
	},
	"only a live grant can be held": func(t *testing.T, db *store.DB) {
		grant := makeWorld(t, db).grant(t, db)
		check(t, db.HoldGrant(t.Context(), grant, audience, t0))
		wantErr(t, db.HoldGrant(t.Context(), grant, audience, t0.Add(time.Hour)), domain.ErrRevoked)
		must(db.RevokeGrant(t.Context(), grant, 10, t0))(t)
		wantErr(t, db.HoldGrant(t.Context(), grant, audience, t0), domain.ErrRevoked)
		wantErr(t, db.HoldGrant(t.Context(), 99, audience, t0), domain.ErrRevoked)
	},
	"a grant that ends with its session cannot be held then, and its tokens are found": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		client := must(db.FindClient(t.Context(), "shop"))(t)
		client.RevokeOnSessionEnd = true
		check(t, db.UpdateClient(t.Context(), client))
		session := must(db.InsertSession(t.Context(), domain.Session{Hash: []byte("session"), UserID: w.user, LastSeenAt: t0, ExpiresAt: t0.Add(30 * time.Minute)}))(t)
		give := func(n int, bound bool, session int64) int64 {
			id := must(db.InsertGrant(t.Context(), domain.Grant{
				ClientID: w.client, UserID: w.user, SessionID: session, EndsWithSession: bound, APIs: orders, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour),
			}))(t)
			token := w.issued(n, 1)[0]
			token.GrantID, token.UserID = id, w.user
			indexed(t, db, token)
			return id
		}
		bound, free, gone := give(0, true, session), give(1, false, session), give(2, true, 99)
		check(t, db.HoldGrant(t.Context(), bound, audience, t0))
		check(t, db.HoldGrant(t.Context(), free, audience, t0.Add(30*time.Minute)))
		wantErr(t, db.HoldGrant(t.Context(), bound, audience, t0.Add(30*time.Minute)), domain.ErrRevoked)
		wantErr(t, db.HoldGrant(t.Context(), gone, audience, t0), domain.ErrRevoked)
		must(db.EndSessions(t.Context(), t0, session))(t)
		wantErr(t, db.HoldGrant(t.Context(), bound, audience, t0), domain.ErrRevoked)
		check(t, db.HoldGrant(t.Context(), free, audience, t0))
		same(t, must(db.GrantsOfSessions(t.Context(), t0, session))(t), []int64{bound})
		must(db.RevokeGrant(t.Context(), bound, 10, t0))(t)
		same(t, must(db.GrantsOfSessions(t.Context(), t0, session))(t), nil)
	},
	"no refresh slips past the end of a session, and neither waits for the other": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		client := must(db.FindClient(t.Context(), "shop"))(t)
		client.RevokeOnSessionEnd = true
		check(t, db.UpdateClient(t.Context(), client))
		const sessions = 15
		var ids, grants [sessions]int64
		for i := range sessions {
			ids[i] = must(db.InsertSession(t.Context(), domain.Session{Hash: []byte{byte(i)}, UserID: w.user, ExpiresAt: t0.Add(time.Hour)}))(t)
			grants[i] = must(db.InsertGrant(t.Context(), domain.Grant{
				ClientID: w.client, UserID: w.user, SessionID: ids[i], EndsWithSession: true, APIs: orders, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour),
			}))(t)
			check(t, db.InsertRefreshToken(t.Context(), domain.RefreshToken{Signature: fmt.Sprint("old", i), GrantID: grants[i]}))
		}
		_, failed := parallel(2*sessions, func(i int) error {
			n := i / 2
			if i%2 == 0 {
				return refresh(t.Context(), db, w, grants[n], n)
			}
			return db.Tx(t.Context(), func(ctx context.Context) error {
				if _, err := db.EndSessions(ctx, t0, ids[n]); err != nil {
					return err
				}
				found, err := db.GrantsOfSessions(ctx, t0, ids[n])
				for _, grant := range found {
					if _, err := db.RevokeGrant(ctx, grant, 10_000, t0); err != nil {
						return err
					}
				}
				return err
			})
		})
		for _, err := range failed {
			if !errors.Is(err, domain.ErrRevoked) {
				t.Error(err)
			}
		}
		for _, grant := range grants {
			same(t, liveTokens(t, db, domain.TokenFilter{GrantID: grant}), 0)
		}
	},
	"a code is used once": func(t *testing.T, db *store.DB) {
		grant := makeWorld(t, db).grant(t, db)
		want := domain.AuthorizationCode{Signature: "sig", GrantID: grant, Form: []byte(`{"nonce":["ü"]}`), CreatedAt: t0, ExpiresAt: t0.Add(time.Minute)}
		check(t, db.InsertCode(t.Context(), want))
		same(t, must(db.FindCode(t.Context(), "sig"))(t), want)
		onlyOneWins(t, domain.ErrConsumed, func(int) error { return db.UseCode(t.Context(), "sig", t0) })
		want.UsedAt = t0
		same(t, must(db.FindCode(t.Context(), "sig"))(t), want)
		_, err := db.FindCode(t.Context(), "none")
		wantErr(t, err, domain.ErrNotFound)
		wantErr(t, db.UseCode(t.Context(), "none", t0), domain.ErrNotFound)
	},
	"a refresh token is used once": func(t *testing.T, db *store.DB) {
		grant := makeWorld(t, db).grant(t, db)
		want := domain.RefreshToken{Signature: "sig", GrantID: grant, CreatedAt: t0, ExpiresAt: t0.Add(time.Minute)}
		check(t, db.InsertRefreshToken(t.Context(), want))
		same(t, must(db.FindRefreshToken(t.Context(), "sig"))(t), want)
		want.ExpiresAt = t0.Add(time.Hour)
		check(t, db.ProlongRefreshToken(t.Context(), "sig", want.ExpiresAt))
		same(t, must(db.FindRefreshToken(t.Context(), "sig"))(t), want)
		onlyOneWins(t, domain.ErrConsumed, func(int) error { return db.UseRefreshToken(t.Context(), "sig", t0) })
		want.UsedAt = t0
		same(t, must(db.FindRefreshToken(t.Context(), "sig"))(t), want)
		_, err := db.FindRefreshToken(t.Context(), "none")
		wantErr(t, err, domain.ErrNotFound)
		wantErr(t, db.UseRefreshToken(t.Context(), "none", t0), domain.ErrNotFound)
		wantErr(t, db.ProlongRefreshToken(t.Context(), "sig", t0), domain.ErrConsumed)
	},
	"all that came from a revoked grant is dead": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		grant, other := w.grant(t, db), w.grant(t, db)
		for _, id := range []int64{grant, other} {
			check(t, db.InsertCode(t.Context(), domain.AuthorizationCode{Signature: "code" + text(id), GrantID: id, Form: []byte("{}")}))
			check(t, db.InsertRefreshToken(t.Context(), domain.RefreshToken{Signature: "refresh" + text(id), GrantID: id}))
			token := w.issued(int(id), 1)[0]
			token.GrantID, token.UserID = id, w.user
			indexed(t, db, token)
		}
		want := domain.Revocation{Kind: domain.RevokeOfGrant, TargetID: grant, UserID: w.user, CreatedAt: t0, Marked: 1, Ended: 1, DoneAt: t0}
		same(t, must(db.RevokeGrant(t.Context(), grant, 10, t0))(t), want)
		_, err := db.RevokeGrant(t.Context(), grant, 10, t0.Add(time.Minute))
		wantErr(t, err, domain.ErrRevoked)
		same(t, must(db.FindGrant(t.Context(), grant))(t).RevokedAt, t0)
		wantErr(t, db.HoldGrant(t.Context(), grant, audience, t0), domain.ErrRevoked)
		same(t, liveTokens(t, db, domain.TokenFilter{GrantID: grant}), 0)

		check(t, db.HoldGrant(t.Context(), other, audience, t0))
		same(t, liveTokens(t, db, domain.TokenFilter{GrantID: other}), 1)
		_, err = db.RevokeGrant(t.Context(), 99, 10, t0)
		wantErr(t, err, domain.ErrNotFound)
	},
	"a grant of a user with many tokens is revoked in steps": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		grant, other := w.grant(t, db), w.grant(t, db)
		tokens := listed(5, w.issued(1, 10))
		for i := range tokens {
			tokens[i].UserID, tokens[i].GrantID = w.user, []int64{grant, other}[i%2]
			tokens[i].ExpiresAt = t0.Add(3 * time.Hour)
		}
		indexed(t, db, tokens...)
		before := revision(t, db)
		r := must(db.RevokeGrant(t.Context(), grant, 10, t0))(t)
		want := domain.Revocation{ID: r.ID, Kind: domain.RevokeOfGrant, TargetID: grant, UserID: w.user, Revision: before + 1, CreatedAt: t0, Ended: 1}
		same(t, must(db.OpenRevocations(t.Context()))(t), []domain.Revocation{want})
		same(t, r, want)
		wantErr(t, db.HoldGrant(t.Context(), grant, audience, t0), domain.ErrRevoked)
		_, err := db.RevokeGrant(t.Context(), grant, 10, t0)
		wantErr(t, err, domain.ErrRevoked)
		same(t, len(must(db.OpenRevocations(t.Context()))(t)), 1)
		must(db.Purge(t.Context(), t0.Add(2*time.Hour), 100))(t) // tokens may outlive their grant
		_, err = db.FindGrant(t.Context(), grant)
		wantErr(t, err, domain.ErrNotFound)
		same(t, must(stepToEnd(t.Context(), db, r.ID, 3))(t).Marked, 5)
		checkMarks(t, db, r)
	},
	"a grant is not held past a revocation that it waited for": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		grant := w.grant(t, db)
		revocation := must(db.Begin(t.Context()))(t)
		must(db.InsertRevocation(revocation, domain.Revocation{Kind: domain.RevokeOfClient, TargetID: w.client}))(t)
		held := make(chan error)
		go func() { held <- db.HoldGrant(t.Context(), grant, audience, t0) }()
		time.Sleep(100 * time.Millisecond) // let it come as far as it can
		check(t, db.Commit(revocation))
		wantErr(t, <-held, domain.ErrRevoked)
	},
	"a revocation waits for a grant that is held, and covers what came of it": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		grant := w.grant(t, db)
		holder := must(db.Begin(t.Context()))(t)
		check(t, db.HoldGrant(holder, grant, audience, t0))
		revoked := make(chan domain.Revocation)
		go func() {
			r, err := db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfClient, TargetID: w.client})
			check(t, err)
			revoked <- r
		}()
		time.Sleep(100 * time.Millisecond)
		token := w.issued(1, 1)[0]
		_, err := db.InsertIssuedTokens(holder, []domain.IssuedToken{token}, []int64{must(db.HoldRevision(holder))(t)})
		check(t, errors.Join(err, db.Commit(holder)))
		same(t, (<-revoked).Covers(findToken(t, db, token)), true)
		wantErr(t, db.HoldGrant(t.Context(), grant, audience, t0), domain.ErrRevoked)
	},
	"a revocation of an API that is deleted ends the grants for it, and not those for one that is made again": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		grant := w.grant(t, db)
		r := must(db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfAPI, TargetID: w.api, CreatedAt: t0}))(t)
		check(t, db.DeleteAPI(t.Context(), audience))
		must(db.InsertAPI(t.Context(), domain.API{Audience: audience, SigningAlg: domain.ES256}))(t)
		later := w.grant(t, db)
		wantErr(t, db.HoldGrant(t.Context(), grant, audience, t0), domain.ErrRevoked)
		same(t, must(stepToEnd(t.Context(), db, r.ID, 10))(t).Ended, 1)
		wantErr(t, db.HoldGrant(t.Context(), grant, audience, t0), domain.ErrRevoked)
		check(t, db.HoldGrant(t.Context(), later, audience, t0))
	},
	"a revocation of an API takes it from grants that cover others too, and ends those that cover no other": func(t *testing.T, db *store.DB) {
		const invoices = "https://invoices.example"
		w := makeWorld(t, db)
		api := must(db.InsertAPI(t.Context(), domain.API{Audience: invoices, SigningAlg: domain.ES256}))(t)
		grant := domain.Grant{
			ClientID: w.client, UserID: w.user, AuthTime: t0, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour),
			APIs: []domain.GrantAPI{{Audience: audience}, {Audience: invoices, Scopes: []string{"openid"}}},
		}
		grant.ID = must(db.InsertGrant(t.Context(), grant))(t)
		want := func(revoked time.Time, held ...string) {
			t.Helper()
			found := must(db.FindGrant(t.Context(), grant.ID))(t)
			same(t, found.RevokedAt, revoked)
			for _, a := range []string{audience, invoices} {
				if slices.Contains(held, a) {
					check(t, db.HoldGrant(t.Context(), grant.ID, a, t0))
				} else {
					wantErr(t, db.HoldGrant(t.Context(), grant.ID, a, t0), domain.ErrRevoked)
				}
				same(t, found.At(a) != nil, slices.Contains(held, a))
			}
		}
		want(time.Time{}, audience, invoices)
		first := must(db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfAPI, TargetID: w.api, CreatedAt: t0}))(t)
		want(time.Time{}, invoices)
		same(t, must(stepToEnd(t.Context(), db, first.ID, 10))(t).Ended, 1)
		want(time.Time{}, invoices)
		second := must(db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfAPI, TargetID: api, CreatedAt: t0.Add(time.Minute)}))(t)
		want(t0.Add(time.Minute))
		must(stepToEnd(t.Context(), db, second.ID, 10))(t)
		want(t0.Add(time.Minute))
		_, err := db.RevokeGrant(t.Context(), grant.ID, 10, t0) // it has ended, not only lost its APIs
		wantErr(t, err, domain.ErrRevoked)
	},
	"a revocation of a user, client, API or all ends the grants there are, at once and for good, unless it keeps them": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		bob := world{client: w.client, user: must(db.InsertUser(t.Context(), domain.User{Subject: "b", Username: "bob"}))(t)}
		shop := world{user: w.user, client: must(db.InsertClient(t.Context(), domain.Client{ClientID: "other", IDTokenAlg: domain.ES256}))(t)}
		invoices := must(db.InsertAPI(t.Context(), domain.API{Audience: "https://invoices.example", SigningAlg: domain.ES256}))(t)
		by := func(k domain.TokenCriteria) domain.Revocation {
			return domain.Revocation{Kind: domain.RevokeByCriteria, Criteria: &k}
		}
		for _, c := range []struct {
			r    domain.Revocation
			ends []bool // alice's at the world's client, bob's there, alice's at the other client
		}{
			{domain.Revocation{Kind: domain.RevokeOfUser, TargetID: w.user}, []bool{true, false, true}},
			{domain.Revocation{Kind: domain.RevokeOfClient, TargetID: w.client}, []bool{true, true, false}},
			{domain.Revocation{Kind: domain.RevokeOfClient, TargetID: w.client, IssuedBefore: t0.Add(time.Hour)}, []bool{false, false, false}},
			{domain.Revocation{Kind: domain.RevokeOfAPI, TargetID: w.api}, []bool{true, true, true}},
			{domain.Revocation{Kind: domain.RevokeOfAPI, TargetID: invoices}, []bool{false, false, false}},
			{domain.Revocation{Kind: domain.RevokeOfAPI, TargetID: w.api, IssuedBefore: t0.Add(time.Hour)}, []bool{false, false, false}},
			{domain.Revocation{Kind: domain.RevokeOfAll, IssuedBefore: t0.Add(time.Hour)}, []bool{false, false, false}},
			{domain.Revocation{Kind: domain.RevokeOfAll, KeepGrants: true}, []bool{false, false, false}},
			{domain.Revocation{Kind: domain.RevokeOfUser, TargetID: w.user, KeepGrants: true}, []bool{false, false, false}},
			{domain.Revocation{Kind: domain.RevokeOfKey, TargetID: w.client}, []bool{false, false, false}},
			{by(domain.TokenCriteria{UserID: w.user, ClientID: w.client}), []bool{true, false, false}},
			{by(domain.TokenCriteria{UserID: w.user, APIID: w.api}), []bool{true, false, true}},
			{by(domain.TokenCriteria{ClientID: w.client, APIID: invoices}), []bool{false, false, false}},
			{by(domain.TokenCriteria{UserID: w.user, KeyID: 1000}), []bool{false, false, false}},
			{domain.Revocation{Kind: domain.RevokeOfAll}, []bool{true, true, true}},
		} {
			var grants []int64
			for range 3 {
				grants = append(grants, w.grant(t, db), bob.grant(t, db), shop.grant(t, db))
			}
			c.r.CreatedAt = t0.Add(-time.Minute)
			r := must(db.InsertRevocation(t.Context(), c.r))(t)
			later := w.grant(t, db)
			checkGrants := func() {
				t.Helper()
				for i, id := range grants {
					wantHeld, wantRevoked := error(nil), time.Time{}
					if c.ends[i%3] {
						wantHeld, wantRevoked = domain.ErrRevoked, c.r.CreatedAt
					}
					wantErr(t, db.HoldGrant(t.Context(), id, audience, t0), wantHeld)
					same(t, must(db.FindGrant(t.Context(), id))(t).RevokedAt, wantRevoked)
				}
				check(t, db.HoldGrant(t.Context(), later, audience, t0))
			}
			checkGrants()
			if r = must(db.StepRevocation(t.Context(), r.ID, 1, t0))(t); c.ends[0] && !r.DoneAt.IsZero() {
				t.Errorf("%+v is done by one step for one grant", r)
			}
			checkGrants()
			must(stepToEnd(t.Context(), db, r.ID, 2))(t)
			checkGrants()
		}
	},
	"revocations of a grant and of its user, both audited, do not wait for each other": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		grant := w.grant(t, db)
		appendEvent := func(ctx context.Context) error {
			return db.AppendEvents(ctx, hashOf, domain.Event{Details: "{}", Digest: []byte("d")})
		}
		// By Begin, so that nothing is retried.
		ofUser := must(db.Begin(t.Context()))(t)
		check(t, appendEvent(ofUser))
		ofGrant := make(chan error)
		go func() {
			ctx, err := db.Begin(t.Context())
			if err == nil {
				_, failed := db.RevokeGrant(ctx, grant, 10, t0)
				err = errors.Join(failed, appendEvent(ctx), db.Commit(ctx))
			}
			ofGrant <- err
		}()
		time.Sleep(100 * time.Millisecond) // let it come as far as it can
		r := must(db.InsertRevocation(ofUser, domain.Revocation{Kind: domain.RevokeOfUser, TargetID: w.user}))(t)
		must(db.StepRevocation(ofUser, r.ID, 10, t0))(t)
		check(t, db.Commit(ofUser))
		wantErr(t, <-ofGrant, domain.ErrRevoked)
	},
	"nothing of a revoked grant survives a refresh at the same time": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		const families = 20
		grants := make([]int64, families)
		for i := range grants {
			grants[i] = w.grant(t, db)
			check(t, db.InsertRefreshToken(t.Context(), domain.RefreshToken{Signature: fmt.Sprint("old", i), GrantID: grants[i]}))
		}
		_, failed := parallel(3*families, func(i int) error {
			family := i / 3
			switch i % 3 {
			case 0:
				return db.Tx(t.Context(), func(ctx context.Context) error {
					if _, err := db.RevokeGrant(ctx, grants[family], 1+family%2, t0); err != nil { // in steps or not
						return err
					}
					return db.AppendEvents(ctx, hashOf, domain.Event{Details: "{}", Digest: []byte("d")})
				})
			case 1:
				return refresh(t.Context(), db, w, grants[family], family)
			default: // a management change that revokes the same, as disabling the client does
				var r domain.Revocation
				err := db.Tx(t.Context(), func(ctx context.Context) (err error) {
					if err := db.AppendEvents(ctx, hashOf, domain.Event{Details: "{}", Digest: []byte("d")}); err != nil {
						return err
					}
					r, err = db.InsertRevocation(ctx, domain.Revocation{Kind: domain.RevokeOfClient, TargetID: w.client})
					return err
				})
				if err != nil {
					return err
				}
				_, err = stepToEnd(t.Context(), db, r.ID, 3)
				return err
			}
		})
		for _, err := range failed {
			if !errors.Is(err, domain.ErrConsumed) && !errors.Is(err, domain.ErrRevoked) {
				t.Error(err)
			}
		}
		for _, r := range must(db.OpenRevocations(t.Context()))(t) { // of the grants
			must(stepToEnd(t.Context(), db, r.ID, 3))(t)
		}
		for _, grant := range grants {
			same(t, liveTokens(t, db, domain.TokenFilter{GrantID: grant}), 0)
			wantErr(t, db.HoldGrant(t.Context(), grant, audience, t0), domain.ErrRevoked)
		}
	},
}

// refresh does what a token request with a refresh token does.
func refresh(ctx context.Context, db *store.DB, w world, grant int64, n int) error {
	return db.Tx(ctx, func(ctx context.Context) error {
		if err := db.UseRefreshToken(ctx, fmt.Sprint("old", n), t0); err != nil {
			return err
		}
		if err := db.HoldGrant(ctx, grant, audience, t0); err != nil {
			return err
		}
		revision, err := db.HoldRevision(ctx)
		if err != nil {
			return err
		}
		token := w.issued(n, 1)[0]
		token.GrantID, token.UserID = grant, w.user
		if _, err := db.InsertIssuedTokens(ctx, []domain.IssuedToken{token}, []int64{revision}); err != nil {
			return err
		}
		return db.InsertRefreshToken(ctx, domain.RefreshToken{Signature: fmt.Sprint("new", n), GrantID: grant})
	})
}
