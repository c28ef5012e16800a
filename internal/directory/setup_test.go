package directory_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/signin"
)

func (w *world) setupNeeded(want bool) {
	w.t.Helper()
	needed, err := w.SetupNeeded(eventtest.Context(w.t))
	w.check(err)
	if needed != want {
		w.t.Errorf("SetupNeeded = %t", needed)
	}
}

func (w *world) setupLink() string {
	w.t.Helper()
	token, err := w.NewSetupLink(eventtest.Context(w.t), time.Hour)
	w.check(err)
	return token
}

func TestASetupLinkMakesTheFirstAdministratorOnce(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		w.setupNeeded(true)
		token, other := w.setupLink(), w.setupLink()
		w.check(w.CheckSetupLink(ctx, token))
		_, err := w.CompleteSetup(ctx, token, domain.User{Username: "root"}, w.replica.Passwords.New(""))
		w.refused(err, domain.ErrInvalid, "at least 10 characters")
		_, err = w.CompleteSetup(ctx, "guess", domain.User{Username: "root"}, w.replica.Passwords.New("correct horse"))
		w.refused(err, domain.ErrNotFound)
		w.setupNeeded(true)

		_, err = w.CompleteSetup(ctx, token, domain.User{Username: "root", Name: "Root"}, w.replica.Passwords.New("correct horse"))
		w.check(err)
		w.setupNeeded(false)
		_, err = w.replica.Passwords.Verify(ctx, domain.Authentication{}, signin.Attempt{Username: "root", Answer: "correct horse"})
		w.check(err)
		for _, used := range []string{token, other} {
			w.refused(w.CheckSetupLink(ctx, used), domain.ErrNotFound)
			if _, err = w.CompleteSetup(ctx, used, domain.User{Username: "mallory"}, w.replica.Passwords.New("correct horse")); err == nil {
				w.t.Error("a second administrator was made")
			}
		}
		_, err = w.NewSetupLink(ctx, time.Hour)
		w.refused(err, domain.ErrConsumed)
	})
}

func TestASetupLinkExpires(t *testing.T) {
	each(t, func(w *world) {
		token := w.setupLink()
		w.now = w.now.Add(time.Hour)
		w.refused(w.CheckSetupLink(eventtest.Context(w.t), token), domain.ErrNotFound)
		_, err := w.CompleteSetup(eventtest.Context(w.t), token, domain.User{Username: "root"}, w.replica.Passwords.New("correct horse"))
		w.refused(err, domain.ErrNotFound)
	})
}

func TestASetupLinkIsDeadOnceThereIsAnAdministrator(t *testing.T) {
	each(t, func(w *world) {
		token := w.setupLink()
		w.administrator("alice")
		w.setupNeeded(false)
		_, err := w.CompleteSetup(eventtest.Context(w.t), token, domain.User{Username: "mallory"}, w.replica.Passwords.New("correct horse"))
		w.refused(err, domain.ErrConsumed)
		_, err = w.FindUser(eventtest.Context(w.t), "mallory")
		w.refused(err, domain.ErrNotFound)
	})
}

func TestSetupAtOnceMakesOneAdministrator(t *testing.T) {
	each(t, func(w *world) {
		token, other := w.setupLink(), w.setupLink()
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				link := []string{token, other}[i%2]
				_, err := w.CompleteSetup(eventtest.Context(w.t), link, domain.User{Username: fmt.Sprintf("root%d", i)}, w.replica.Passwords.New("correct horse"))
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, domain.ErrConsumed) && !errors.Is(err, domain.ErrNotFound):
					w.t.Error(err)
				}
			})
		}
		wg.Wait()
		users, err := w.ListUsers(eventtest.Context(w.t), domain.UserFilter{}, domain.Page{Limit: 10})
		w.check(err)
		if won.Load() != 1 || len(users) != 1 {
			w.t.Errorf("%d won, %d users", won.Load(), len(users))
		}
	})
}
