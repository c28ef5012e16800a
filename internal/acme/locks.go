package acme

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// lease is how long a lock outlives a process that does not extend it, by the database's clock.
const lease = time.Minute

var errLockLost = errors.New("a lock was not extended in time, and may be another server's")

// heldLock is a lock from when it is acquired until it is released, even if it is lost in between.
type heldLock struct {
	domain.ACMELock
	until   time.Time          // it is lost by then; by this process's clock, which may have stood still with the process
	release context.CancelFunc // ends the extending
}

// Lock implements certmagic.Locker. The lock is extended until Unlock; a process that was stopped for longer than the lease may lose it to
// another, and from then on until it has unlocked stores nothing and asks the authority for nothing.
func (s *storage) Lock(ctx context.Context, name string) error {
	lock := domain.ACMELock{Name: name, Owner: make([]byte, 16)}
	rand.Read(lock.Owner) //nolint:errcheck // never fails (Go 1.24)
	for {
		began := time.Now()
		acquired, err := s.store.AcquireACMELock(ctx, lock, lease)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("acquire the lock %s: %w", name, err)
		case acquired:
			s.hold(ctx, lock, began.Add(lease))
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.pause):
		}
	}
}

func (s *storage) hold(ctx context.Context, lock domain.ACMELock, until time.Time) {
	extending, release := context.WithCancel(context.WithoutCancel(ctx))
	held := &heldLock{lock, until, release}
	s.mu.Lock()
	s.held[lock.Name] = held
	s.mu.Unlock()
	go func() {
		for {
			select {
			case <-extending.Done():
				return
			case <-time.After(lease / 4):
				s.extend(extending, held)
			}
		}
	}()
}

// extend extends a lock. One that is lost stays lost.
func (s *storage) extend(ctx context.Context, held *heldLock) {
	began := time.Now()
	err := s.store.ExtendACMELock(ctx, held.ACMELock, lease)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case errors.Is(err, domain.ErrConflict):
		held.until = time.Time{}
	case err == nil && began.Before(held.until):
		held.until = began.Add(lease)
	}
}

// lost reports whether a lock that this process acquired may be another's.
func (s *storage) lost() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, held := range s.held {
		if !time.Now().Before(held.until) {
			return true
		}
	}
	return false
}

// Unlock implements certmagic.Locker.
func (s *storage) Unlock(ctx context.Context, name string) error {
	s.mu.Lock()
	held, ok := s.held[name]
	delete(s.held, name)
	s.mu.Unlock()
	if !ok {
		return fmt.Errorf("release the lock %s: %w", name, domain.ErrNotFound)
	}
	held.release()
	if err := s.store.ReleaseACMELock(ctx, held.ACMELock); err != nil {
		return fmt.Errorf("release the lock %s: %w", name, err)
	}
	return nil
}

// locks are those that this process acquired, in the order of their names: in another order transactions that look at them could deadlock.
func (s *storage) locks() []domain.ACMELock {
	s.mu.Lock()
	defer s.mu.Unlock()
	locks := make([]domain.ACMELock, 0, len(s.held))
	for _, name := range slices.Sorted(maps.Keys(s.held)) {
		locks = append(locks, s.held[name].ACMELock)
	}
	return locks
}
