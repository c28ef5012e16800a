package secevent

import "time"

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

// SetPatience shortens how long a poll waits, and a push.
func (s *Service) SetPatience(poll, push time.Duration) { s.longPoll, s.pushTimeout = poll, push }

// SetMaxSubjects bounds a stream.
func (s *Service) SetMaxSubjects(n int64) { s.maxSubjects = n }
