package signin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/session"
)

const chosen = "battery staple of mine"

// signIn begins a session of a user, and says whether it goes on.
func (w *world) signIn(user domain.User) (started domain.Session, signedIn func(ctx context.Context) error) {
	w.t.Helper()
	cookie, started, err := w.Sessions.Start(eventtest.Context(w.t), domain.Authentication{User: user, Methods: []string{"pwd"}, ACR: "1", At: w.now}, session.Browser{})
	w.check(err)
	return started, func(ctx context.Context) error {
		_, err := w.Sessions.Find(ctx, cookie)
		return err
	}
}

func TestAUserWhoIsSignedInChangesTheirPasswordAndEndsWhatTheyHad(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		svc, _ := w.AddService(w.t, "svc")
		alice := w.user("alice", password)
		live := w.AddTokens(w.t, w.db, alice, svc, w.now)
		_, signedIn := w.signIn(alice)
		link, _, err := w.Links.New(ctx, "alice", nil)
		w.check(err)

		w.refused(w.Passwords.Change(ctx, alice, "short", signedIn), domain.ErrInvalid, "password")
		w.check(signedIn(ctx))
		w.check(w.Passwords.Change(ctx, alice, chosen, signedIn))
		if got := live(); got != [3]bool{} {
			w.t.Errorf("token, grant and session after it: %v", got)
		}
		w.refused(signedIn(ctx), domain.ErrNotFound)
		_, err = w.Links.Check(ctx, link)
		w.refused(err, domain.ErrNotFound)
		_, err = w.authenticate("alice", chosen)
		w.check(err)
		_, err = w.authenticate("alice", password)
		w.refused(err, domain.ErrInvalid)

		events, err := w.db.ListEvents(ctx, 0, 100)
		w.check(err)
		last := events[len(events)-1]
		if last.Action != "user.set_password" || last.Actor != "user:alice" || last.Details != `{"sub":"`+alice.Subject+`","via":"account"}` {
			w.t.Errorf("recorded %+v", last)
		}
	})
}

func TestAPasswordIsNotChangedOnceItsUserIsSignedOutOrDisabled(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		for name, end := range map[string]func(started domain.Session) error{
			"ended":    func(started domain.Session) error { return w.Sessions.End(ctx, started) },
			"disabled": func(domain.Session) error { return w.Directory.DisableUser(ctx, "disabled", "") },
			"deleted":  func(domain.Session) error { return w.Directory.DeleteUser(ctx, "deleted") },
		} {
			user := w.user(name, password)
			started, signedIn := w.signIn(user)
			if name == "disabled" {
				signedIn = func(context.Context) error { return nil } // that alone is reason enough
			}
			waiting, release, err := w.Passwords.TakeSlots(ctx)
			w.check(err)
			answered := make(chan error)
			go func() { answered <- w.Passwords.Change(ctx, user, chosen, signedIn) }()
			await(w.t, "the change to wait for its hash", func() bool { return waiting() > 0 })
			w.check(end(started))
			release()
			if err := <-answered; !errors.Is(err, domain.ErrNotFound) {
				w.t.Errorf("%s: %v", name, err)
			}
			if name == "deleted" {
				continue
			}
			w.check(w.Directory.EnableUser(ctx, name))
			_, err = w.authenticate(name, password)
			w.check(err)
		}
	})
}

func TestAUserChangesTheirPasswordOnceAtATime(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		alice, bob := w.user("alice", password), w.user("bob", password)
		waiting, release, err := w.Passwords.TakeSlots(ctx)
		w.check(err)
		first, other := make(chan error), make(chan error)
		signedIn := func(context.Context) error { return nil }
		go func() { first <- w.Passwords.Change(ctx, alice, chosen, signedIn) }()
		await(w.t, "the change to wait for its hash", func() bool { return waiting() == 1 })
		w.refused(w.Passwords.Change(ctx, alice, chosen, signedIn), domain.ErrBusy)
		go func() { other <- w.Passwords.Change(ctx, bob, chosen, signedIn) }()
		await(w.t, "another user's to wait, too", func() bool { return waiting() == 2 })
		release()
		w.check(<-first)
		w.check(<-other)
		w.check(w.Passwords.Change(ctx, alice, password, signedIn))
	})
}

// await polls until something is so.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
