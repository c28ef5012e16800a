package session_test

import (
	"sync"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// startIn signs a user in in a browser with this secret.
func (w *world) startIn(t *testing.T, user domain.User, secret string) (string, domain.Session) {
	t.Helper()
	a := domain.Authentication{User: user, Methods: []string{"pwd"}, ACR: "1", At: w.now, Via: "password"}
	token, started, err := w.sessions.Start(eventtest.Context(t), a, session.Browser{Secret: secret, IP: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	return token, started
}

// last is the newest event of the audit log.
func (w *world) last(t *testing.T) domain.Event {
	t.Helper()
	events, err := w.log.List(eventtest.Context(t), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return events[len(events)-1]
}

func TestASessionGoesOnWhenItsUserSignsInAgainInTheSameBrowser(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		token, first := w.startIn(t, w.user, "here")
		before, started := token, w.now
		for range 3 { // the last time the browser did not get the answer to the sign-in before
			w.now = w.now.Add(limits.Idle / 2)
			next, renewed := w.startIn(t, w.user, "here")
			if renewed.ID != first.ID || renewed.SID != first.SID || renewed.CreatedAt != started {
				t.Errorf("session %d %q became %d %q", first.ID, first.SID, renewed.ID, renewed.SID)
			}
			w.wantFound(t, before, false)
			found, err := w.sessions.Find(eventtest.Context(t), next)
			if err != nil {
				t.Fatal(err)
			}
			if found.AuthTime != w.now || found.LastSeenAt != w.now || found.ExpiresAt != w.now.Add(limits.Lifetime) || found.SID != first.SID {
				t.Errorf("found %+v", found)
			}
			before = next
		}
		e := w.last(t)
		if e.Action != "session.renew" || e.Target != "session:"+first.SID || e.Details != `{"amr":["pwd"],"ip":"192.0.2.1","via":"password"}` || e.Actor != "user:alice" {
			t.Errorf("the last event is %+v", e)
		}
		elsewhere, other := w.startIn(t, w.user, "elsewhere")
		if other.ID == first.ID {
			t.Error("a session goes on in another browser")
		}
		w.wantFound(t, before, true)
		w.wantFound(t, elsewhere, true)
	})
}

func TestASessionThatIsOverOrOfAnotherUserDoesNotGoOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		bob := domain.User{Subject: "usr_bob", Username: "bob", CreatedAt: w.now, UpdatedAt: w.now}
		var err error
		if bob.ID, err = db.InsertUser(eventtest.Context(t), bob); err != nil {
			t.Fatal(err)
		}
		wantNew := func(before domain.Session, user domain.User) domain.Session {
			t.Helper()
			token, next := w.startIn(t, user, "here")
			if next.ID == before.ID || next.SID == before.SID {
				t.Errorf("%s goes on with session %d", user.Username, before.ID)
			}
			if ended, err := db.FindSessionByID(t.Context(), before.ID); err != nil || ended.EndedAt.IsZero() {
				t.Errorf("session %d goes on beside it: %v", before.ID, err)
			}
			w.wantFound(t, token, true)
			return next
		}
		_, alices := w.startIn(t, w.user, "here")
		bobs := wantNew(alices, bob)
		alices = wantNew(bobs, w.user)
		w.now = w.now.Add(limits.Idle)
		alices = wantNew(alices, w.user) // was idle for too long
		if err := w.sessions.End(eventtest.Context(t), alices); err != nil {
			t.Fatal(err)
		}
		alices = wantNew(alices, w.user)
		if err := db.EndUserSessions(t.Context(), w.user.ID, w.now); err != nil {
			t.Fatal(err)
		}
		wantNew(alices, w.user)
	})
}

func TestSignInsAtTheSameTimeInOneBrowserLeaveOneSession(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		_, first := w.startIn(t, w.user, "here")
		const n = 8
		var tokens [n]string
		var group sync.WaitGroup
		for i := range n {
			group.Go(func() {
				var renewed domain.Session
				if tokens[i], renewed = w.startIn(t, w.user, "here"); renewed.SID != first.SID {
					t.Errorf("session %q beside %q", renewed.SID, first.SID)
				}
			})
		}
		group.Wait()
		open := 0
		for _, token := range tokens {
			if _, err := w.sessions.Find(eventtest.Context(t), token); err == nil {
				open++
			}
		}
		if open != 1 {
			t.Errorf("%d tokens open the session", open)
		}
	})
}

func TestGrantsThatEndWithASessionLastAsLongWhenItGoesOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		_, started := w.startIn(t, w.user, "here")
		grant := func(ends bool, lasts time.Duration) int64 {
			id, err := db.InsertGrant(t.Context(), domain.Grant{
				ClientID: w.client.ID, UserID: w.user.ID, SessionID: started.ID, SID: started.SID, EndsWithSession: ends,
				CreatedAt: w.now, ExpiresAt: w.now.Add(lasts),
			})
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		bound, longer, offline := grant(true, limits.Lifetime), grant(true, 2*limits.Lifetime), grant(false, limits.Lifetime)
		w.now = w.now.Add(limits.Idle / 2)
		w.startIn(t, w.user, "here")
		for id, want := range map[int64]time.Time{
			bound: w.now.Add(limits.Lifetime), longer: started.CreatedAt.Add(2 * limits.Lifetime), offline: started.ExpiresAt,
		} {
			if found, err := db.FindGrant(t.Context(), id); err != nil || found.ExpiresAt != want {
				t.Errorf("grant %d ends at %s, want %s (%v)", id, found.ExpiresAt, want, err)
			}
		}
	})
}
