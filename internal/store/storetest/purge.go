package storetest

import (
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var purgeTests = map[string]func(*testing.T, *store.DB){
	"what has expired goes, bit by bit, and nothing else": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		live := w.grant(t, db)
		dead := must(db.InsertGrant(t.Context(), domain.Grant{ClientID: w.client, UserID: w.user, ExpiresAt: t0.Add(-time.Hour)}))(t)
		for _, c := range []struct {
			name    string
			expires time.Time
		}{{"dead1", t0.Add(-time.Second)}, {"dead2", t0.Add(-time.Second)}, {"live", t0}} {
			check(t, db.InsertCode(t.Context(), domain.AuthorizationCode{Signature: c.name, GrantID: live, Form: []byte("{}"), ExpiresAt: c.expires}))
			check(t, db.InsertRefreshToken(t.Context(), domain.RefreshToken{Signature: c.name, GrantID: live, ExpiresAt: c.expires}))
			session := must(db.InsertSession(t.Context(), domain.Session{Hash: []byte(c.name), UserID: w.user, ExpiresAt: c.expires}))(t)
			must(db.EndSessions(t.Context(), t0, session))(t)
		}
		must(db.InsertSession(t.Context(), domain.Session{Hash: []byte("open"), UserID: w.user, ExpiresAt: t0.Add(-time.Second)}))(t)
		check(t, db.UseAssertion(t.Context(), []byte("dead"), t0.Add(-time.Second)))
		check(t, db.UseAssertion(t.Context(), []byte("live"), t0))
		check(t, db.PutSetupLink(t.Context(), []byte("link"), t0.Add(-time.Hour), t0.Add(-time.Second)))

		same(t, must(db.Purge(t.Context(), t0, 1))(t), 3+1+1+1) // one each: codes, refresh tokens, sessions; the grant; the link; the assertion
		same(t, must(db.Purge(t.Context(), t0, 100))(t), 3)
		same(t, must(db.Purge(t.Context(), t0, 100))(t), 0)

		check(t, db.UseAssertion(t.Context(), []byte("dead"), t0))
		wantErr(t, db.UseAssertion(t.Context(), []byte("live"), t0), domain.ErrConsumed)
		_, err := db.FindGrant(t.Context(), dead)
		wantErr(t, err, domain.ErrNotFound)
		must(db.FindGrant(t.Context(), live))(t)
		must(db.FindCode(t.Context(), "live"))(t)
		must(db.FindRefreshToken(t.Context(), "live"))(t)
		must(db.FindSession(t.Context(), []byte("live")))(t)
		must(db.FindSession(t.Context(), []byte("open")))(t) // its end was not recorded
	},
	"assignments and client secrets go a month after they expired, and an assignment not before that was recorded": func(t *testing.T, db *store.DB) {
		const month = 30 * 24 * time.Hour
		w := makeWorld(t, db)
		for kind, expires := range map[domain.SubjectKind]time.Time{
			domain.SubjectUser: t0, domain.SubjectGroup: t0.Add(time.Microsecond), domain.SubjectClient: {},
		} {
			subject := map[domain.SubjectKind]string{domain.SubjectUser: "alice", domain.SubjectGroup: "ops", domain.SubjectClient: "shop"}[kind]
			check(t, db.PutAssignment(t.Context(), domain.Assignment{Role: "clerk", SubjectKind: kind, Subject: subject, ExpiresAt: expires}))
		}
		for hint, expires := range map[string]time.Time{"old": t0, "new": t0.Add(time.Microsecond), "ever": {}} {
			must(db.InsertClientSecret(t.Context(), "shop", domain.ClientSecret{Hash: hint, Hint: hint, ExpiresAt: expires}))(t)
		}
		wantLeft := func(before time.Time, assignments, secrets int) {
			t.Helper()
			must(db.Purge(t.Context(), before, 100))(t)
			same(t, len(must(db.ListAssignments(t.Context(), domain.AssignmentFilter{Role: "clerk"}, domain.Page{Limit: 10}))(t)), assignments)
			same(t, len(must(db.FindClient(t.Context(), "shop"))(t).Secrets), secrets)
		}
		wantLeft(t0.Add(month), 3, 3)
		wantLeft(t0.Add(month+time.Microsecond), 3, 2)
		same(t, len(must(db.AdvanceExpired(t.Context(), t0, 10))(t)), 1) // the user's
		wantLeft(t0.Add(month), 3, 2)
		wantLeft(t0.Add(month+time.Hour), 2, 1)
		same(t, len(must(db.AdvanceExpired(t.Context(), t0.Add(time.Hour), 10))(t)), 1)
		wantLeft(t0.Add(month+time.Hour), 1, 1)
		same(t, len(must(db.SubjectAssignments(t.Context(), domain.SubjectClient, w.client))(t)), 1)
	},
	"changes stay for the time that is given": func(t *testing.T, db *store.DB) {
		before := revision(t, db)
		makeWorld(t, db)
		must(db.Purge(t.Context(), time.Now().Add(-time.Hour), 100))(t)
		_, _, complete, err := db.Changes(t.Context(), before)
		check(t, err)
		same(t, complete, true)
	},
}
