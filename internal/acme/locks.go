package acme

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// lease is how long a lock outlives a process that does not extend it.
const lease = time.Minute

// Lock implements certmagic.Locker. The lock is extended until Unlock; a process that was stopped for longer than the lease may lose it to
// another, and stores nothing from then on until it has unlocked.
func (s *storage) Lock(ctx context.Context, name string) error {
	lock := domain.ACMELock{Name: name, Owner: make([]byte, 16)}
	rand.Read(lock.Owner) //nolint:errcheck // never fails (Go 1.24)
	for {
		now := s.now()
		lock.ExpiresAt = now.Add(lease)
		acquired, err := s.store.AcquireACMELock(ctx, lock, now)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("acquire the lock %s: %w", name, err)
		}
		if acquired {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.pause):
		}
	}
	extending, release := context.WithCancel(context.WithoutCancel(ctx))
	s.mu.Lock()
	s.held[name] = heldLock{lock, release}
	s.mu.Unlock()
	go s.extend(extending, lock)
	return nil
}

func (s *storage) extend(ctx context.Context, lock domain.ACMELock) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(lease / 4):
		}
		lock.ExpiresAt = s.now().Add(lease)
		_ = s.store.ExtendACMELock(ctx, lock) // a lock that is lost shows when something is stored
	}
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

// locks are those that this process holds.
func (s *storage) locks() []domain.ACMELock {
	s.mu.Lock()
	defer s.mu.Unlock()
	locks := make([]domain.ACMELock, 0, len(s.held))
	for _, held := range s.held {
		locks = append(locks, held.ACMELock)
	}
	return locks
}
