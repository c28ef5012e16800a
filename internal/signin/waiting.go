package signin

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
)

// How many attempts may wait for others under way: in all, and from one site.
const (
	waitingAtOnce = 256
	waitingAtSite = 128
)

// waiter is an attempt that waits for others under way.
type waiter struct {
	attempt *attempt
	decided chan verdict // has room for one
}

// admit lets an attempt through when its time has come: it waits for those under way that it would fit with only if they succeed, and
// for the delay of a limit. A domain.WaitError if it is refused; domain.ErrBusy if too many wait, or ctx ended by its deadline.
func (t *throttle) admit(ctx context.Context, a *attempt) error {
	v, err := t.await(ctx, a)
	if err != nil {
		return err
	}
	if !v.admitted {
		return &domain.WaitError{For: v.delay}
	}
	err = sleep(ctx, v.delay)
	if err != nil {
		t.end(a, noGuess)
	}
	return err
}

func (t *throttle) await(ctx context.Context, a *attempt) (verdict, error) {
	t.mu.Lock()
	v := t.decide(a)
	if !v.undecided {
		t.mu.Unlock()
		return v, nil
	}
	if len(t.waiting) >= waitingAtOnce || t.waitingAt(a.site()) >= waitingAtSite {
		t.mu.Unlock()
		return v, domain.ErrBusy
	}
	w := &waiter{attempt: a, decided: make(chan verdict, 1)}
	t.waiting = append(t.waiting, w)
	t.mu.Unlock()
	select {
	case v = <-w.decided:
		return v, nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.Index(t.waiting, w)
	if i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 && (<-w.decided).admitted {
		t.end(a, noGuess)
	}
	return v, outOfTime(ctx)
}

func (t *throttle) waitingAt(site netip.Prefix) (n int) {
	for _, w := range t.waiting {
		if w.attempt.site() == site {
			n++
		}
	}
	return n
}

// outOfTime is the error of a request that ended while it waited: domain.ErrBusy if it was for its deadline.
func outOfTime(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", domain.ErrBusy, ctx.Err())
	}
	return ctx.Err()
}
