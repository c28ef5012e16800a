package secevent

import "time"

// SetPatience shortens how long a poll waits, and a push.
func (s *Service) SetPatience(poll, push time.Duration) { s.longPoll, s.pushTimeout = poll, push }
