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
			must(db.InsertSession(t.Context(), domain.Session{Hash: []byte(c.name), UserID: w.user, ExpiresAt: c.expires}))(t)
		}
		check(t, db.PutSetupLink(t.Context(), []byte("link"), t0.Add(-time.Hour), t0.Add(-time.Second)))

		same(t, must(db.Purge(t.Context(), t0, 1))(t), 3+1+1) // one each: codes, refresh tokens, sessions; the grant; the link
		same(t, must(db.Purge(t.Context(), t0, 100))(t), 3)
		same(t, must(db.Purge(t.Context(), t0, 100))(t), 0)

		_, err := db.FindGrant(t.Context(), dead)
		wantErr(t, err, domain.ErrNotFound)
		must(db.FindGrant(t.Context(), live))(t)
		must(db.FindCode(t.Context(), "live"))(t)
		must(db.FindRefreshToken(t.Context(), "live"))(t)
		must(db.FindSession(t.Context(), []byte("live")))(t)
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
