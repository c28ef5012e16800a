package signin_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/signin"
)

const password = "correct horse battery"

// service signs in by password, and by a code where codes are asked for.
func (w *world) service(codes *servicetest.Codes) *signin.Service {
	w.t.Helper()
	s, err := signin.New(signin.Config{
		Methods: []signin.Method{w.Passwords, codes}, Transactions: w.db, Directory: w.Directory, Sessions: w.Sessions, Events: w.Recorder,
		Now: func() time.Time { return w.now },
	})
	w.check(err)
	return s
}

// try sends an answer for the next step of a sign-in that has come so far.
func (w *world) try(s *signin.Service, p signin.Progress, method, answer string) (signin.Outcome, error) {
	return s.Try(eventtest.Context(w.t), p, signin.Attempt{Method: method, Username: "alice", Answer: answer, Remote: "192.0.2.1:1"})
}

// resume is the sign-in of which the steps were passed.
func (w *world) resume(s *signin.Service, from signin.Progress) signin.Progress {
	w.t.Helper()
	p, err := s.Resume(eventtest.Context(w.t), from.Steps)
	w.check(err)
	return p
}

// actions are those of the audit log.
func (w *world) actions() (actions []string) {
	w.t.Helper()
	events, err := w.db.ListEvents(eventtest.Context(w.t), 0, 1000)
	w.check(err)
	for _, e := range events {
		actions = append(actions, e.Action)
	}
	return actions
}

func TestASessionSaysByWhichStepsItsUserSignedIn(t *testing.T) {
	each(t, func(w *world) {
		alice := w.user("alice", password)
		codes := &servicetest.Codes{}
		s := w.service(codes)
		found := func(o signin.Outcome, amr []string, acr string) {
			w.t.Helper()
			session, err := w.Sessions.Find(eventtest.Context(w.t), o.Token)
			w.check(err)
			if diff := cmp.Diff(o.Session, session); diff != "" {
				w.t.Error(diff)
			}
			if session.UserID != alice.ID || !slices.Equal(session.AMR, amr) || session.ACR != acr || !session.AuthTime.Equal(w.now) {
				w.t.Errorf("the session is %+v", session)
			}
		}
		one, err := w.try(s, w.resume(s, signin.Progress{}), "password", password)
		w.check(err)
		found(one, []string{"pwd"}, "1")

		codes.Asked = true
		first, err := w.try(s, w.resume(s, signin.Progress{}), "password", password)
		w.check(err)
		if first.Token != "" || first.User.Username != "alice" || !slices.Equal(first.Next, []string{"code"}) {
			w.t.Errorf("after one of two steps: %+v", first)
		}
		w.now = w.now.Add(time.Minute)
		two, err := w.try(s, w.resume(s, first.Progress), "code", servicetest.Code)
		w.check(err)
		found(two, []string{"pwd", "otp"}, "2")
		if two.Via != "password" {
			w.t.Errorf("signed in via %q", two.Via)
		}
	})
}

func TestAStepThatIsNotNextIsRefused(t *testing.T) {
	each(t, func(w *world) {
		w.user("alice", password)
		s := w.service(&servicetest.Codes{Asked: true})
		begun := w.resume(s, signin.Progress{})
		for _, method := range []string{"code", "passkey", ""} {
			_, err := w.try(s, begun, method, servicetest.Code)
			w.refused(err, domain.ErrInvalid)
		}
		first, err := w.try(s, begun, "password", password)
		w.check(err)
		_, err = w.try(s, first.Progress, "password", password)
		w.refused(err, domain.ErrInvalid)
	})
}

func TestStepsOfTwoUsersAreNoSignIn(t *testing.T) {
	each(t, func(w *world) {
		w.user("alice", password)
		s := w.service(&servicetest.Codes{Asked: true, User: w.user("mallory", "").ID})
		first, err := w.try(s, w.resume(s, signin.Progress{}), "password", password)
		w.check(err)
		_, err = w.try(s, first.Progress, "code", servicetest.Code)
		w.refused(err, domain.ErrInvalid, "another user's")
	})
}

func TestAStepCountsNoMoreWhenItsCredentialOrUserChanged(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		s := w.service(&servicetest.Codes{Asked: true})
		for name, change := range map[string]func(ctx context.Context) error{
			"password set": func(ctx context.Context) error { return w.Passwords.Set(ctx, "alice", "battery staple") },
			"disabled":     func(ctx context.Context) error { return w.Directory.DisableUser(ctx, "alice", "") },
			"deleted":      func(ctx context.Context) error { return w.Directory.DeleteUser(ctx, "alice") },
		} {
			w.user("alice", password)
			first, err := w.try(s, w.resume(s, signin.Progress{}), "password", password)
			w.check(err)
			w.check(change(ctx))
			if p := w.resume(s, first.Progress); len(p.Steps) != 0 || p.User.ID != 0 || !slices.Equal(p.Next, []string{"password"}) {
				w.t.Errorf("%s: the sign-in goes on: %+v", name, p)
			}
			_, err = w.try(s, first.Progress, "code", servicetest.Code) // which was resumed before
			w.refused(err, domain.ErrInvalid)
			if err := w.Directory.DeleteUser(ctx, "alice"); err != nil && !errors.Is(err, domain.ErrNotFound) {
				w.t.Fatal(err)
			}
		}
		if slices.Contains(w.actions(), "session.start") {
			w.t.Error("a session began")
		}
	})
}

// last runs when all steps have been passed, before the session begins. It asks for no step.
type last struct {
	*servicetest.Codes
	run func(ctx context.Context) error
}

func (l last) Follows(ctx context.Context, a domain.Authentication) (bool, error) {
	if a.User.ID == 0 {
		return false, nil
	}
	return false, l.run(event.WithActor(ctx, event.System))
}

func TestNoSessionBeginsOnceTheCredentialOrUserChanged(t *testing.T) {
	each(t, func(w *world) {
		for name, change := range map[string]func(ctx context.Context) error{
			"password set": func(ctx context.Context) error { return w.Passwords.Set(ctx, "alice", "battery staple") },
			"disabled":     func(ctx context.Context) error { return w.Directory.DisableUser(ctx, "alice", "") },
			"deleted":      func(ctx context.Context) error { return w.Directory.DeleteUser(ctx, "alice") },
		} {
			w.user("alice", password)
			s, err := signin.New(signin.Config{
				Methods: []signin.Method{w.Passwords, last{run: change}}, Transactions: w.db, Directory: w.Directory, Sessions: w.Sessions,
				Events: w.Recorder, Now: func() time.Time { return w.now },
			})
			w.check(err)
			_, err = w.try(s, w.resume(s, signin.Progress{}), "password", password)
			w.refused(err, domain.ErrInvalid)
			if slices.Contains(w.actions(), "session.start") {
				w.t.Errorf("%s: a session began", name)
			}
			if err := w.Directory.DeleteUser(eventtest.Context(w.t), "alice"); err != nil && !errors.Is(err, domain.ErrNotFound) {
				w.t.Fatal(err)
			}
		}
	})
}

func TestNoSessionBeginsWhileItsUserIsBeingDisabled(t *testing.T) {
	each(t, func(w *world) {
		w.user("alice", password)
		disabled, passed, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			done <- w.db.Tx(eventtest.Context(w.t), func(ctx context.Context) error {
				err := w.Directory.DisableUser(ctx, "alice", "")
				close(disabled)
				<-passed
				return err
			})
		}()
		<-disabled
		s, err := signin.New(signin.Config{
			Methods:      []signin.Method{w.Passwords, last{run: func(context.Context) error { close(passed); return nil }}},
			Transactions: w.db, Directory: w.Directory, Sessions: w.Sessions, Events: w.Recorder, Now: func() time.Time { return w.now },
		})
		w.check(err)
		_, err = w.try(s, w.resume(s, signin.Progress{}), "password", password) // seen as right: alice is not disabled yet
		w.refused(err, domain.ErrInvalid)
		w.check(<-done)
		if slices.Contains(w.actions(), "session.start") {
			w.t.Error("a session began")
		}
	})
}

func TestTheFirstStepDoesNotMakeUpForFailuresOfTheSecond(t *testing.T) {
	each(t, func(w *world) {
		w.user("alice", password)
		s := w.service(&servicetest.Codes{Asked: true})
		deadline := time.Now().Add(2 * time.Minute)
		for n := 0; ; {
			ctx, cancel := context.WithTimeout(eventtest.Context(w.t), 3*time.Second) // less than the delay of a limit
			try := func(p signin.Progress, method, answer string) (signin.Outcome, error) {
				return s.Try(ctx, p, signin.Attempt{Method: method, Username: "alice", Answer: answer, Remote: "192.0.2.1:1"})
			}
			first, err := try(w.resume(s, signin.Progress{}), "password", password)
			if err == nil {
				_, err = try(first.Progress, "code", "guess")
			}
			cancel()
			switch {
			case errors.Is(err, domain.ErrBusy):
				return
			case errors.Is(err, domain.ErrUnavailable): // a busy machine took longer than that
				if time.Now().After(deadline) {
					w.t.Fatal(err)
				}
				continue
			}
			w.refused(err, domain.ErrInvalid)
			if n++; n > 12 {
				w.t.Fatal("12 codes were guessed")
			}
		}
	})
}

func TestManyRightSignInsAtTheSameTimeAllSucceed(t *testing.T) {
	each(t, func(w *world) {
		w.user("alice", password)
		s := w.service(&servicetest.Codes{})
		begun := w.resume(s, signin.Progress{})
		var signIns sync.WaitGroup
		for range 25 {
			signIns.Go(func() {
				if _, err := w.try(s, begun, "password", password); err != nil {
					w.t.Error(err)
				}
			})
		}
		signIns.Wait()
	})
}

func TestRefusedSignInsAreRecordedWithinBounds(t *testing.T) {
	each(t, func(w *world) {
		s := w.service(&servicetest.Codes{})
		for range 100 {
			w.check(s.RecordRefusal(eventtest.Context(w.t), "mallory\x00"+strings.Repeat("é", 1000), "192.0.2.1"))
		}
		refusals := slices.DeleteFunc(w.actions(), func(action string) bool { return action != "signin.fail" })
		if n := len(refusals); n == 0 || n > 30 {
			w.t.Errorf("%d refusals are recorded", n)
		}
	})
}
