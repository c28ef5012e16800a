package registration

// Exhaust takes all slots for fetches of new documents, and returns what frees them.
func (s *Service) Exhaust() (free func()) {
	if !s.fetches.TryAcquire(fetchesAtOnce) {
		panic("some are taken")
	}
	return func() { s.fetches.Release(fetchesAtOnce) }
}
