package signin

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/secrethash"
)

// maxWaiting is how many of a class may wait for a hash. Others are turned away at once: waiting for longer than a person does is
// of no use, and each who waits holds a connection.
const maxWaiting = 64

// maxAtOnce is how many passwords are hashed at the same time, on the largest machine too: each takes 19 MiB and a core.
const maxAtOnce = 4

// hashesAtOnce leaves half of the processor to everything else.
func hashesAtOnce() int { return min(maxAtOnce, max(1, runtime.GOMAXPROCS(0)/2)) }

type strangerKey struct{}

// stranger marks a request of a browser that nobody is known to have signed in on. Others go before it where passwords are hashed.
func stranger(ctx context.Context) context.Context {
	return context.WithValue(ctx, strangerKey{}, true)
}

// class says who waits: those that are known, or strangers.
type class int

const (
	known class = iota
	strangers
)

func classOf(ctx context.Context) class {
	if ctx.Value(strangerKey{}) != nil {
		return strangers
	}
	return known
}

// hasher hashes passwords, a few at a time and those of known browsers first, so that a flood of sign-ins takes neither the memory
// nor the place of everybody else.
type hasher struct {
	mu      sync.Mutex
	free    int                  // slots
	waiting [2][]chan<- struct{} // by class, each closed when it is given a slot
	slots   int

	heavy        chan struct{} // held by the one that takes more memory than a hash of today, of another system
	heavyWaiting chan struct{}
}

func newHasher(slots int) *hasher {
	return &hasher{free: slots, slots: slots, heavy: make(chan struct{}, 1), heavyWaiting: make(chan struct{}, maxWaiting)}
}

// load says how many passwords are being hashed, and how many wait for it.
func (h *hasher) load() (running, waiting int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.slots - h.free, len(h.waiting[known]) + len(h.waiting[strangers])
}

// hash makes the PHC string of a password with a new salt. It fails only when it cannot be its turn: ErrBusy, or ctx ends.
func (h *hasher) hash(ctx context.Context, password string) (made string, err error) {
	err = h.inTurn(ctx, func() {}, func() { made = secrethash.New(password) })
	return made, err
}

// matches says whether the password is the hashed one. It fails as hash does.
func (h *hasher) matches(ctx context.Context, password string, stored secrethash.Hash) (match bool, err error) {
	free := func() {}
	if secrethash.IsHeavy(stored) {
		if err := h.acquireHeavy(ctx); err != nil {
			return false, fmt.Errorf("wait to check a password of another system: %w", err)
		}
		free = func() { <-h.heavy }
	}
	err = h.inTurn(ctx, free, func() { match = stored.Matches(password) })
	return match, err
}

// inTurn calls free when the memory of what it did is free again, or nothing was done.
func (h *hasher) inTurn(ctx context.Context, free, do func()) error {
	if err := h.acquire(ctx); err != nil {
		free()
		return fmt.Errorf("wait to hash a password: %w", err)
	}
	// The slot is free again when its memory is: else garbage of 19 MiB a hash would pile up between two collections.
	defer func() {
		go func() {
			runtime.GC()
			free()
			h.release()
		}()
	}()
	do()
	return nil
}

// acquireHeavy lets one hash at a time take more memory than those of today. Errors as acquire's.
func (h *hasher) acquireHeavy(ctx context.Context) error {
	select {
	case h.heavyWaiting <- struct{}{}:
		defer func() { <-h.heavyWaiting }()
	default:
		return domain.ErrBusy
	}
	select {
	case h.heavy <- struct{}{}:
		return nil
	case <-ctx.Done():
		return outOfTime(ctx)
	}
}

// acquire takes a slot, waiting for one where there are not too many who do. domain.ErrBusy if there are, or if ctx ended by its
// deadline.
func (h *hasher) acquire(ctx context.Context) error {
	h.mu.Lock()
	if h.free > 0 {
		h.free--
		h.mu.Unlock()
		return nil
	}
	class := classOf(ctx)
	if len(h.waiting[class]) >= maxWaiting {
		h.mu.Unlock()
		return domain.ErrBusy
	}
	turn := make(chan struct{})
	h.waiting[class] = append(h.waiting[class], turn)
	h.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		h.leave(class, turn)
		return outOfTime(ctx)
	}
}

// leave gives up waiting, or the slot if that came at the same time.
func (h *hasher) leave(class class, turn chan<- struct{}) {
	h.mu.Lock()
	i := slices.Index(h.waiting[class], turn)
	if i >= 0 {
		h.waiting[class] = slices.Delete(h.waiting[class], i, i+1)
	}
	h.mu.Unlock()
	if i < 0 {
		h.release()
	}
}

// release gives the slot to who has waited longest, known browsers first.
func (h *hasher) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for class, waiting := range h.waiting {
		if len(waiting) > 0 {
			close(waiting[0])
			h.waiting[class] = slices.Delete(waiting, 0, 1)
			return
		}
	}
	h.free++
}
