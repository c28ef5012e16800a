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

// maxWaiting is how many of a class may wait for a hash, and as many for one that takes more memory. Others are refused at once: people
// do not wait longer, and each request that waits holds a connection.
const maxWaiting = 64

// maxAtOnce is how many passwords are hashed at the same time, on the largest machine too: each takes 19 MiB and a core.
const maxAtOnce = 4

// hashesAtOnce leaves half of the processor to everything else.
func hashesAtOnce() int { return min(maxAtOnce, max(1, runtime.GOMAXPROCS(0)/2)) }

type strangerKey struct{}

// stranger marks a request of an unknown browser. Passwords of other requests are hashed first.
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

// hasher hashes passwords, a few at a time, so that a flood of sign-ins takes neither the memory nor the place of everybody else.
type hasher struct {
	slots *slots
	heavy *slots // of those that take more memory than a hash of today, of another system
}

func newHasher(sum int) *hasher { return &hasher{slots: newSlots(sum), heavy: newSlots(1)} }

// hash makes the PHC string of a password with a new salt. It fails only when it cannot be its turn: ErrBusy, or ctx ends.
func (h *hasher) hash(ctx context.Context, password string) (made string, err error) {
	err = h.inTurn(ctx, func() {}, func() { made = secrethash.New(password) })
	return made, err
}

// matches says whether the password is the hashed one. It fails as hash does.
func (h *hasher) matches(ctx context.Context, password string, stored secrethash.Hash) (match bool, err error) {
	free := func() {}
	if secrethash.IsHeavy(stored) {
		if err := h.heavy.acquire(ctx); err != nil {
			return false, fmt.Errorf("wait to check a password of another system: %w", err)
		}
		free = h.heavy.release
	}
	err = h.inTurn(ctx, free, func() { match = stored.Matches(password) })
	return match, err
}

// inTurn calls free when the memory of what it did is free again, or nothing was done.
func (h *hasher) inTurn(ctx context.Context, free, do func()) error {
	if err := h.slots.acquire(ctx); err != nil {
		free()
		return fmt.Errorf("wait to hash a password: %w", err)
	}
	// The slot is free again when its memory is: else garbage of 19 MiB a hash would pile up between two collections.
	defer func() {
		go func() {
			runtime.GC()
			free()
			h.slots.release()
		}()
	}()
	do()
	return nil
}

// slots are for what only a few do at a time, those of known browsers first.
type slots struct {
	sum int

	mu      sync.Mutex
	free    int
	waiting [2][]chan<- struct{} // by class, each closed when it is given a slot
}

func newSlots(sum int) *slots { return &slots{sum: sum, free: sum} }

// load says how many slots are taken, and how many wait for one.
func (s *slots) load() (taken, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sum - s.free, len(s.waiting[known]) + len(s.waiting[strangers])
}

// acquire takes a slot, waiting for one where there are not too many who do. domain.ErrBusy if there are, or if ctx ended by its
// deadline.
func (s *slots) acquire(ctx context.Context) error {
	s.mu.Lock()
	if s.free > 0 {
		s.free--
		s.mu.Unlock()
		return nil
	}
	class := classOf(ctx)
	if len(s.waiting[class]) >= maxWaiting {
		s.mu.Unlock()
		return domain.ErrBusy
	}
	turn := make(chan struct{})
	s.waiting[class] = append(s.waiting[class], turn)
	s.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		s.leave(class, turn)
		return outOfTime(ctx)
	}
}

// leave gives up waiting, or the slot if that came at the same time.
func (s *slots) leave(class class, turn chan<- struct{}) {
	s.mu.Lock()
	i := slices.Index(s.waiting[class], turn)
	if i >= 0 {
		s.waiting[class] = slices.Delete(s.waiting[class], i, i+1)
	}
	s.mu.Unlock()
	if i < 0 {
		s.release()
	}
}

// release gives the slot to who has waited longest, known browsers first.
func (s *slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for class, waiting := range s.waiting {
		if len(waiting) > 0 {
			close(waiting[0])
			s.waiting[class] = slices.Delete(waiting, 0, 1)
			return
		}
	}
	s.free++
}
