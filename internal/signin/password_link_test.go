package signin_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/session"
)

func TestALinkSetsAPasswordOnceAndEndsWhatTheUserHas(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		alice := w.user("alice", password)
		token, expires, err := w.Links.New(ctx, "Alice", nil)
		w.check(err)
		if len(token) != 43 || !expires.Equal(w.now.Add(servicetest.PasswordLinkTTL)) {
			w.t.Errorf("the link is %q until %s", token, expires)
		}
		found, err := w.Links.Check(ctx, token)
		w.check(err)
		if found.ID != alice.ID {
			w.t.Errorf("the link is of %+v", found)
		}
		cookie, _, err := w.Sessions.Start(ctx, domain.Authentication{User: alice, Methods: []string{"pwd"}, ACR: "1", At: w.now}, session.Browser{})
		w.check(err)

		_, err = w.Links.Set(ctx, token, "short")
		w.refused(err, domain.ErrInvalid, "password")
		_, err = w.Links.Set(ctx, token, "battery staple of mine")
		w.check(err)
		if _, err := w.authenticate("alice", "battery staple of mine"); err != nil {
			w.t.Error(err)
		}
		_, err = w.authenticate("alice", password)
		w.refused(err, domain.ErrInvalid)
		_, err = w.Sessions.Find(ctx, cookie)
		w.refused(err, domain.ErrNotFound)
		for _, used := range []string{token, token + "x", ""} {
			_, err = w.Links.Check(ctx, used)
			w.refused(err, domain.ErrNotFound)
			_, err = w.Links.Set(ctx, used, "another battery staple")
			w.refused(err, domain.ErrNotFound)
		}

		events, err := w.db.ListEvents(ctx, 0, 100)
		w.check(err)
		var said []string
		for _, e := range events {
			if strings.Contains(e.Target+e.Details, token) {
				w.t.Errorf("the audit log has the token: %+v", e)
			}
			if e.Action == "user.link" || e.Action == "user.set_password" {
				said = append(said, e.Actor+" "+e.Action+" "+e.Target)
			}
		}
		if len(said) != 2 || said[1] != "user:alice user.set_password user:alice" || !strings.HasSuffix(said[0], "user.link user:alice") {
			w.t.Errorf("recorded %q", said)
		}
	})
}

func TestALinkOpensNothingOnceItsTimeOrWhatItIsForIsOver(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		w.user("alice", password)
		for name, end := range map[string]func() error{
			"expired":      func() error { w.now = w.now.Add(servicetest.PasswordLinkTTL); return nil },
			"replaced":     func() error { _, _, err := w.Links.New(ctx, "alice", nil); return err },
			"password set": func() error { return w.Passwords.Set(ctx, "alice", "another horse battery") },
			"disabled and enabled": func() error {
				return errors.Join(w.Directory.DisableUser(ctx, "alice", ""), w.Directory.EnableUser(ctx, "alice"))
			},
		} {
			token, _, err := w.Links.New(ctx, "alice", nil)
			w.check(err)
			w.check(end())
			_, err = w.Links.Set(ctx, token, "battery staple of mine")
			if _, unknown := w.Links.Check(ctx, token); !errors.Is(err, domain.ErrNotFound) || !errors.Is(unknown, domain.ErrNotFound) {
				w.t.Errorf("%s: %v, %v", name, err, unknown)
			}
		}
		w.check(w.Directory.DisableUser(ctx, "alice", ""))
		_, _, err := w.Links.New(ctx, "alice", nil)
		w.refused(err, domain.ErrInvalid, "disabled")
		_, _, err = w.Links.New(ctx, "nobody", nil)
		w.refused(err, domain.ErrNotFound)
	})
}

func TestOfManyWhoUseALinkAtOnceOneSetsThePassword(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		w.user("alice", "")
		token, _, err := w.Links.New(ctx, "alice", nil)
		w.check(err)
		var set []string
		var mu sync.Mutex
		var group sync.WaitGroup
		for i := range 50 {
			group.Go(func() {
				password := "battery staple number " + string(rune('A'+i))
				_, err := w.Links.Set(ctx, token, password)
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					set = append(set, password)
				case !errors.Is(err, domain.ErrNotFound) && !domain.IsTemporary(err):
					w.t.Error(err)
				}
			})
		}
		group.Wait()
		if len(set) != 1 {
			w.t.Fatalf("%d of 50 have set the password", len(set))
		}
		if _, err := w.authenticate("alice", set[0]); err != nil {
			w.t.Errorf("the password that was set: %v", err)
		}
	})
}

func TestALinkIsNotTheirsWhoGetTheNameOfADeletedUser(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		w.user("alice", "")
		token, _, err := w.Links.New(ctx, "alice", nil)
		w.check(err)
		w.check(w.Directory.DeleteUser(ctx, "alice"))
		w.user("alice", "")
		_, err = w.Links.Set(ctx, token, "battery staple of mine")
		w.refused(err, domain.ErrNotFound)
	})
}
