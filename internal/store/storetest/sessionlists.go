package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var sessionListTests = map[string]func(*testing.T, *store.DB){
	"live sessions are listed by when they were seen, forth and back": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		ctx := t.Context()
		bob := must(db.InsertUser(ctx, domain.User{Subject: "b", Username: "bob"}))(t)
		start := func(sid string, user int64, seen, until time.Duration) int64 {
			return must(db.InsertSession(ctx, domain.Session{
				Hash: []byte(sid), SID: sid, UserID: user, UserAgent: "Lynx", CreatedAt: t0, LastSeenAt: t0.Add(seen), ExpiresAt: t0.Add(until),
			}))(t)
		}
		first := start("a1", w.user, 3*time.Second, time.Hour)
		start("a2", w.user, 2*time.Second, time.Hour)
		start("b1", bob, 2*time.Second, time.Hour)
		start("a3", w.user, 4*time.Second, time.Hour)
		start("over", w.user, 5*time.Second, time.Minute)
		start("idle", w.user, -time.Hour, time.Hour)
		must(db.EndSessions(ctx, t0, start("ended", w.user, 6*time.Second, time.Hour)))(t)

		lists := func(user int64, p domain.Page, want ...string) (all []domain.SessionEntry) {
			t.Helper()
			f := domain.SessionFilter{UserID: user, Now: t0.Add(time.Minute), SeenAfter: t0.Add(-time.Minute)}
			all = must(db.ListSessions(ctx, f, p))(t)
			var got []string
			for _, e := range all {
				got = append(got, e.SID+" "+e.Username)
			}
			same(t, got, want)
			return all
		}
		everybody := lists(0, domain.Page{Limit: 10}, "a3 alice", "a1 alice", "b1 bob", "a2 alice")
		for i, e := range everybody {
			lists(0, domain.Page{Limit: 1, After: e.Place()}, names(everybody, i+1)...)
			lists(0, domain.Page{Limit: 1, Before: e.Place()}, names(everybody, i-1)...)
		}
		own := lists(w.user, domain.Page{Limit: 10}, "a3 alice", "a1 alice", "a2 alice")
		lists(w.user, domain.Page{Limit: 2, Before: own[2].Place()}, "a3 alice", "a1 alice")
		lists(w.user, domain.Page{Limit: 2, After: own[0].Place()}, "a1 alice", "a2 alice")
		finds := func(user int64, p domain.Page, want ...string) { t.Helper(); lists(user, p, want...) }
		finds(0, domain.Page{Search: "A", Limit: 2}, "a1 alice", "a2 alice")
		finds(0, domain.Page{Search: "A", Limit: 10, After: own[1].Place()}, "a2 alice", "a3 alice")
		finds(0, domain.Page{Search: "A", Limit: 10, Before: own[2].Place()}, "a1 alice")
		finds(0, domain.Page{Search: "ALI", Limit: 10}, "a3 alice", "a2 alice", "a1 alice") // by the name of the user, the newest first
		finds(0, domain.Page{Search: "ali", Limit: 1, After: own[2].Place()}, "a1 alice")
		finds(0, domain.Page{Search: "ali", Limit: 1, Before: own[2].Place()}, "a3 alice")
		finds(0, domain.Page{Search: "none", Limit: 10})
		finds(w.user, domain.Page{Search: "a2", Limit: 10}, "a2 alice")
		finds(w.user, domain.Page{Search: "AL", Limit: 2, After: own[0].Place()}, "a1 alice", "a2 alice") // few: in the order of the list
		finds(bob, domain.Page{Search: "al", Limit: 10})
		for _, place := range []string{"x", "1", "1.x", "."} {
			_, err := db.ListSessions(ctx, domain.SessionFilter{}, domain.Page{After: place, Limit: 1})
			wantErr(t, err, domain.ErrInvalid)
		}

		same(t, must(db.FindSessionBySID(ctx, "a1"))(t).ID, first)
		_, err := db.FindSessionBySID(ctx, "none")
		wantErr(t, err, domain.ErrNotFound)
		same(t, len(must(db.UserSessions(ctx, w.user, first, 10))(t)), 4)
		same(t, len(must(db.UserSessions(ctx, w.user, 0, 2))(t)), 2)

		grant := domain.Grant{ClientID: w.client, UserID: w.user, SessionID: first, APIs: orders, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour)}
		for range 2 {
			must(db.InsertGrant(ctx, grant))(t)
		}
		same(t, must(db.SessionClients(ctx, first, 99))(t), map[int64][]string{first: {"shop"}})
		same(t, must(db.SessionClients(ctx))(t), map[int64][]string{})
	},
	"live grants are listed, the newest first, with what they cover and when they were used": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		ctx := t.Context()
		var ids []int64
		for i := range 5 {
			ids = append(ids, must(db.InsertGrant(ctx, domain.Grant{
				ClientID: w.client, UserID: w.user, APIs: []domain.GrantAPI{{Audience: audience, Scopes: []string{"orders:read"}}, {Audience: "other"}},
				CreatedAt: t0, ExpiresAt: t0.Add(time.Duration(i) * time.Hour), SID: fmt.Sprint(i),
			}))(t))
		}
		must(db.RevokeGrant(ctx, ids[1], 100, t0))(t)
		check(t, db.InsertRefreshToken(ctx, domain.RefreshToken{Signature: "r", GrantID: ids[2], CreatedAt: t0.Add(time.Minute), ExpiresAt: t0.Add(time.Hour)}))
		lists := func(p domain.Page, want ...int64) []domain.GrantEntry {
			t.Helper()
			all := must(db.ListGrants(ctx, domain.GrantFilter{UserID: w.user, Now: t0}, p))(t)
			var got []int64
			for _, e := range all {
				got = append(got, e.ID)
			}
			same(t, got, want)
			return all
		}
		all := lists(domain.Page{Limit: 10}, ids[4], ids[3], ids[2])
		same(t, all[2].LastUsedAt, t0.Add(time.Minute))
		same(t, all[1].LastUsedAt, t0)
		same(t, all[0].Client, "shop")
		same(t, len(all[0].APIs), 2)
		same(t, all[0].APIs[0].Scopes, []string{"orders:read"})
		lists(domain.Page{Limit: 1, After: all[0].Place()}, ids[3])
		lists(domain.Page{Limit: 1, Before: all[2].Place()}, ids[3])
		lists(domain.Page{Search: "SH", Limit: 2}, ids[4], ids[3])
		lists(domain.Page{Search: "SH", Limit: 2, After: all[1].Place()}, ids[2])
		lists(domain.Page{Search: "2", Limit: 2}, ids[2]) // the sid
		lists(domain.Page{Search: "x", Limit: 2})
		same(t, must(db.GrantsOfClient(ctx, w.user, w.client, t0, 2))(t), []int64{ids[2], ids[3]})
		same(t, must(db.GrantsOfClient(ctx, w.user, 99, t0, 2))(t), nil)

		must(db.InsertRevocation(ctx, domain.Revocation{Kind: domain.RevokeOfUser, TargetID: w.user, CreatedAt: t0}))(t)
		lists(domain.Page{Limit: 10})
	},
	"consents are listed and deleted by client": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		ctx := t.Context()
		for _, of := range []string{"b", "a"} {
			check(t, db.PutConsent(ctx, domain.Consent{UserID: w.user, ClientID: w.client, Audience: of, Scopes: []string{"openid"}, GrantedAt: t0}))
		}
		all := must(db.ListConsents(ctx, w.user, domain.Page{Limit: 10}))(t)
		same(t, len(all), 2)
		same(t, all[0].Client+" "+all[0].Audience, "shop a")
		same(t, must(db.ListConsents(ctx, w.user, domain.Page{After: all[0].Place(), Limit: 10}))(t), all[1:])
		same(t, must(db.ListConsents(ctx, w.user, domain.Page{Before: all[1].Place(), Limit: 10}))(t), all[:1])
		for search, want := range map[string]int{"SHO": 2, "A": 1, "b": 1, "c": 0} {
			same(t, len(must(db.ListConsents(ctx, w.user, domain.Page{Search: search, Limit: 10}))(t)), want)
		}
		same(t, must(db.ListConsents(ctx, w.user, domain.Page{Search: "shop", After: all[0].Place(), Limit: 10}))(t), all[1:])
		same(t, must(db.DeleteConsents(ctx, w.user, 99))(t), 0)
		same(t, len(must(db.ListConsents(ctx, w.user, domain.Page{Limit: 10}))(t)), 2)
		same(t, must(db.DeleteConsents(ctx, w.user, w.client))(t), 2)
		same(t, len(must(db.ListConsents(ctx, w.user, domain.Page{Limit: 10}))(t)), 0)
	},
	"credentials are listed with their last use, and deleted by who has them": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		ctx := t.Context()
		bob := must(db.InsertUser(ctx, domain.User{Subject: "b", Username: "bob"}))(t)
		check(t, db.PutCredential(ctx, domain.Credential{UserID: w.user, Kind: domain.CredentialPassword, Data: "h", CreatedAt: t0, UpdatedAt: t0}))
		used := func() time.Time { return must(db.ListCredentials(ctx, w.user))(t)[0].LastUsedAt }
		same(t, used(), time.Time{})
		for _, c := range []struct{ at, want time.Duration }{{0, 0}, {time.Hour - time.Second, 0}, {time.Hour, time.Hour}} {
			check(t, db.NoteCredentialUse(ctx, w.user, domain.CredentialPassword, t0.Add(c.at)))
			same(t, used(), t0.Add(c.want))
		}
		check(t, db.PutCredential(ctx, domain.Credential{UserID: w.user, Kind: domain.CredentialPassword, Data: "i", CreatedAt: t0, UpdatedAt: t0}))
		same(t, used(), time.Time{})
		id := must(db.ListCredentials(ctx, w.user))(t)[0].ID
		_, err := db.DeleteCredential(ctx, bob, id)
		wantErr(t, err, domain.ErrNotFound)
		same(t, must(db.DeleteCredential(ctx, w.user, id))(t).Data, "i")
		same(t, len(must(db.ListCredentials(ctx, w.user))(t)), 0)
	},
}

// names are what the entry of a place is called, nothing if there is none.
func names(all []domain.SessionEntry, i int) []string {
	if i < 0 || i >= len(all) {
		return nil
	}
	return []string{all[i].SID + " " + all[i].Username}
}
