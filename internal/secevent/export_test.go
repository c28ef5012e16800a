package secevent

import (
	"time"

	"github.com/signet-auth/signet/internal/outbound"
)

const MaxWaitingOf = maxWaitingOf

// Woken says, once, whether Run would look at the log at once.
func (s *Service) Woken() bool {
	select {
	case <-s.kick:
		return true
	default:
		return false
	}
}

// Wait waits for the deliveries that have begun.
func (s *Service) Wait() { s.started.Wait() }

// Waiting is how many polls wait.
func (s *Service) Waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting
}

// SetPatience sets how long a poll waits, and a push. No delivery may be under way.
func (s *Service) SetPatience(poll, push time.Duration) {
	s.longPoll, s.pushTimeout = poll, push
	s.clients = outbound.NewClients(max(push, pushTimeout))
}

// SetMaxSubjects bounds a stream.
func (s *Service) SetMaxSubjects(n int64) { s.maxSubjects = n }
