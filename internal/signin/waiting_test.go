package signin

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// attempts are made at once. Each takes a second from when it is admitted, and ends as it is said to. It counts the errors: nil, busy
// and WaitError.
func attempts(t *testing.T, throttle *throttle, as ending, patience time.Duration, sum int, nth func(n int) *attempt) (ok, busy, wait int) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ended := make(chan error)
	for n := range sum {
		go func() {
			a := nth(n)
			err := throttle.admit(ctx, a)
			if err == nil {
				time.Sleep(time.Second)
				throttle.end(a, as)
			}
			ended <- err
		}()
	}
	for range sum {
		err := <-ended
		_, waits := errors.AsType[*domain.WaitError](err)
		switch {
		case err == nil:
			ok++
		case waits:
			wait++
		case errors.Is(err, domain.ErrBusy):
			busy++
		default:
			t.Error(err)
		}
	}
	if len(throttle.waiting) != 0 {
		t.Errorf("%d wait for ever", len(throttle.waiting))
	}
	return ok, busy, wait
}

func ofOneName(int) *attempt { return from("alice", "192.0.2.1") }

func TestSignInsAtTheSameTimeWaitForEachOther(t *testing.T) {
	for name, nth := range map[string]func(n int) *attempt{
		"of one name":     ofOneName,
		"from an address": func(n int) *attempt { return from(fmt.Sprintf("user%d", n%40), "192.0.2.1") },
		"one browser": func(int) *attempt {
			return &attempt{name: "alice", browser: "alice's"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				throttle, _ := newTestThrottle(t)
				if ok, busy, wait := attempts(t, throttle, succeeded, time.Minute, 100, nth); ok != 100 {
					t.Errorf("%d get in, %d are told to wait, busy for %d", ok, wait, busy)
				}
			})
		})
	}
}

func TestGuessesAtTheSameTimeAreAsManyAsOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle, _ := newTestThrottle(t)
		ok, busy, wait := attempts(t, throttle, failed, time.Minute, 100, ofOneName)
		if most := perPair.burst + int(perPair.patience/perPair.interval); ok != most || busy != 0 {
			t.Errorf("%d guesses, %d have to wait, busy for %d", ok, wait, busy)
		}
	})
}

func TestTooManyWhoWaitForOthersFindItBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle, _ := newTestThrottle(t)
		ok, busy, wait := attempts(t, throttle, succeeded, time.Minute, 200, ofOneName)
		if ok != perPair.burst+waitingAtSite || wait != 0 {
			t.Errorf("one name: %d get in, %d have to wait, busy for %d", ok, wait, busy)
		}
		ok, busy, wait = attempts(t, throttle, succeeded, time.Minute, 600, func(n int) *attempt {
			return from(fmt.Sprintf("user%d", n%3), fmt.Sprintf("192.0.%d.1", n%3))
		})
		if ok != 3*perPair.burst+waitingAtOnce || wait != 0 {
			t.Errorf("three names: %d get in, %d have to wait, busy for %d", ok, wait, busy)
		}
	})
}

func TestWaitingForOthersEndsWithTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttle, _ := newTestThrottle(t)
		ok, busy, wait := attempts(t, throttle, succeeded, 2500*time.Millisecond, 50, ofOneName)
		if ok != 3*perPair.burst || wait != 0 {
			t.Errorf("%d get in, %d have to wait, busy for %d", ok, wait, busy)
		}
		gone, cancel := context.WithCancel(t.Context())
		for range perPair.burst {
			begin(throttle, ofOneName(0))
		}
		cancel()
		if err := throttle.admit(gone, ofOneName(0)); !errors.Is(err, context.Canceled) || errors.Is(err, domain.ErrBusy) {
			t.Errorf("of a browser that went away: %v", err)
		}
	})
}
