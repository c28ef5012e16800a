package registry

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/secrethash"
)

func TestWhoGuessesTheSecretOfOneClientKeepsNoOtherFromAuthenticating(t *testing.T) {
	checks := newForeignChecks()
	of := 0
	for of < 1000 && checks.join("guessed at") {
		of++
	}
	if of != maxCheckingOf || !checks.join("another") {
		t.Errorf("%d checks of one client wait", of)
	}
	sum := of + 1
	for sum < 1000 && checks.join(fmt.Sprint("client ", sum)) {
		sum++
	}
	if sum != maxChecking {
		t.Errorf("%d checks wait in all", sum)
	}
	checks.leave("guessed at")
	if !checks.join("guessed at") || checks.join("guessed at") {
		t.Error("one that is done makes room for one")
	}
}

// right is a hash that every secret has.
type right struct{ secrethash.Hash }

func (right) Matches(string) bool { return true }

func TestACheckGoesOnForOthersWhenTheRequestEndsThatCameFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		checks := newForeignChecks()
		checks.slots <- struct{}{} // that of another client
		check := func(ctx context.Context) <-chan error {
			done := make(chan error, 1)
			go func() {
				match, err := checks.match(ctx, "moved", "hash", right{}, "secret")
				if err == nil && !match {
					err = errors.New("the right secret is refused")
				}
				done <- err
			}()
			synctest.Wait()
			return done
		}
		ends, end := context.WithCancel(t.Context())
		first, second := check(ends), check(t.Context())
		end()
		if err := <-first; !errors.Is(err, domain.ErrBusy) {
			t.Errorf("the request that ended: %v", err)
		}
		synctest.Wait()
		<-checks.slots
		if err := <-second; err != nil {
			t.Errorf("the one that did not: %v", err)
		}
		checks.slots <- struct{}{}
		if err := <-check(t.Context()); !errors.Is(err, domain.ErrBusy) {
			t.Errorf("one that waits for too long: %v", err)
		}
	})
}
