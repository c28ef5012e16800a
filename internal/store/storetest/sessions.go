package storetest

import (
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var sessionTests = map[string]func(*testing.T, *store.DB){
	"a session is found as it was stored, until it ends": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		want := domain.Session{
			Hash: []byte{0, 1, 255}, SID: "00ff", Browser: []byte{0, 255}, UserID: w.user, AuthTime: t0, ACR: "1", AMR: []string{"pwd", "otp"}, UserAgent: "Lynx", IP: "127.0.0.1",
			CreatedAt: t0, LastSeenAt: t0, ExpiresAt: t0.Add(time.Hour),
		}
		want.ID = must(db.InsertSession(t.Context(), want))(t)
		same(t, must(db.FindSession(t.Context(), want.Hash))(t), want)
		_, err := db.FindSession(t.Context(), []byte("none"))
		wantErr(t, err, domain.ErrNotFound)

		want.LastSeenAt, want.EndedAt = t0.Add(time.Minute), t0.Add(2*time.Minute)
		check(t, db.TouchSession(t.Context(), want.ID, want.LastSeenAt))
		same(t, must(db.EndSessions(t.Context(), want.EndedAt, want.ID))(t), []domain.Session{want})
		same(t, must(db.EndSessions(t.Context(), t0.Add(time.Hour), want.ID))(t), nil)
		same(t, must(db.FindSession(t.Context(), want.Hash))(t), want)
	},
	"a session is found by its browser and renewed, until it ends": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		want := domain.Session{Hash: []byte("before"), SID: "ab", Browser: []byte("here"), UserID: w.user, CreatedAt: t0, LastSeenAt: t0, ExpiresAt: t0.Add(time.Hour)}
		want.ID = must(db.InsertSession(t.Context(), want))(t)
		must(db.InsertSession(t.Context(), domain.Session{Hash: []byte("other"), Browser: []byte("there"), UserID: w.user}))(t)
		must(db.InsertSession(t.Context(), domain.Session{Hash: []byte("unknown"), UserID: w.user}))(t)
		same(t, must(db.BrowserSessions(t.Context(), want.Browser))(t), []domain.Session{want})

		want.Hash, want.AuthTime, want.ACR, want.AMR = []byte("after"), t0.Add(time.Minute), "2", []string{"pwd", "otp"}
		want.UserAgent, want.IP, want.LastSeenAt, want.ExpiresAt = "Lynx", "127.0.0.1", t0.Add(time.Minute), t0.Add(2*time.Hour)
		check(t, db.RenewSession(t.Context(), want))
		same(t, must(db.FindSession(t.Context(), want.Hash))(t), want)
		_, err := db.FindSession(t.Context(), []byte("before"))
		wantErr(t, err, domain.ErrNotFound)

		must(db.EndSessions(t.Context(), t0, want.ID))(t)
		wantErr(t, db.RenewSession(t.Context(), want), domain.ErrConsumed)
		same(t, must(db.BrowserSessions(t.Context(), want.Browser))(t), nil)
	},
	"a session belongs to a user that exists": func(t *testing.T, db *store.DB) {
		_, err := db.InsertSession(t.Context(), domain.Session{Hash: []byte("h"), UserID: 99})
		wantErr(t, err, domain.ErrReferenced)
	},
	"all sessions of one user end, nobody else's": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		bob := must(db.InsertUser(t.Context(), domain.User{Subject: "b", Username: "bob"}))(t)
		for hash, user := range map[string]int64{"a1": w.user, "a2": w.user, "b": bob} {
			must(db.InsertSession(t.Context(), domain.Session{Hash: []byte(hash), UserID: user}))(t)
		}
		check(t, db.EndUserSessions(t.Context(), w.user, t0))
		for hash, ended := range map[string]bool{"a1": true, "a2": true, "b": false} {
			same(t, !must(db.FindSession(t.Context(), []byte(hash)))(t).EndedAt.IsZero(), ended)
		}
	},
	"a consent is stored and replaced": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		want := domain.Consent{UserID: w.user, ClientID: w.client, Audience: audience, Scopes: []string{"openid", "orders:read"}, GrantedAt: t0}
		_, err := db.FindConsent(t.Context(), w.user, w.client, audience)
		wantErr(t, err, domain.ErrNotFound)
		check(t, db.PutConsent(t.Context(), want))
		want.Scopes, want.GrantedAt = nil, t0.Add(time.Hour)
		check(t, db.PutConsent(t.Context(), want))
		same(t, must(db.FindConsent(t.Context(), w.user, w.client, audience))(t), want)
	},
}
