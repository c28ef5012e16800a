package resourceserver

import (
	"cmp"
	"slices"
	"time"
)

// Status is what a Verifier knows, and how old that is, for readiness checks and metrics. Times are zero where there is nothing yet; the
// Error of something is why it is not newer, nil while the issuer answers.
type Status struct {
	// Ready says whether tokens can be judged; Reason why not, empty if they can.
	Ready  bool
	Reason string

	// Keys are those of the issuer.
	Keys KeyStatus
	// Lists are the status lists that tokens referred to lately, by URI.
	Lists []ListStatus
	// Events are the security events, nil without [WithEvents] and [WithPushedEvents].
	Events *EventStatus

	// Policy is the policy of the API, nil without [WithPolicy].
	Policy *PolicyStatus

	// CachedTokens is how many verified tokens are kept.
	CachedTokens int
	// Verified counts tokens that were accepted and not in the cache, Refused those that were not valid, Unavailable those that could not be
	// judged, since the start.
	Verified, Refused, Unavailable uint64
}

// KeyStatus is the state of the issuer's key set.
type KeyStatus struct {
	Count   int
	ETag    string    // by which the issuer knows which set it is
	Current time.Time // the set was the issuer's then
	Error   error
}

// ListStatus is the state of a status list.
type ListStatus struct {
	URI       string
	Entries   int
	Issued    time.Time
	ExpiresAt time.Time
	Current   time.Time // it was the issuer's then
	Error     error
}

// EventStatus is the state of security events.
type EventStatus struct {
	LastContact time.Time // the issuer sent events then, or said that there were none
	Applied     uint64    // events, since the start
	Held        int       // revocations and changes that are remembered
	Error       error
}

// Status says what is known now. It waits for nothing.
func (v *Verifier) Status() Status {
	s := Status{
		Ready: true, Lists: v.lists.status(), CachedTokens: v.cache.len(),
		Verified: v.counts.verified.Load(), Refused: v.counts.refused.Load(), Unavailable: v.counts.unavailable.Load(),
	}
	if _, err := v.keys.current(time.Now()); err != nil {
		s.Ready, s.Reason = false, err.Error()
	}
	v.keys.mu.Lock()
	s.Keys.Error = v.keys.lastErr
	v.keys.mu.Unlock()
	if set := v.keys.set.Load(); set != nil {
		s.Keys.Count, s.Keys.ETag, s.Keys.Current = len(set.keys), set.etag, set.current
	}
	if v.policy != nil {
		s.Policy = new(v.policy.status())
	}
	if v.events != nil {
		s.Events = v.events.status()
	}
	return s
}

func (l *lists) status() []ListStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]ListStatus, 0, len(l.byURI))
	for uri, one := range l.byURI {
		s := ListStatus{URI: uri}
		if is := one.now.Load(); is != nil {
			s.Entries, s.Issued, s.ExpiresAt, s.Current = is.entries.Size(), is.issued, is.expires, is.current
		}
		one.mu.Lock()
		s.Error = one.err
		one.mu.Unlock()
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b ListStatus) int { return cmp.Compare(a.URI, b.URI) })
	return all
}

func (e *events) status() *EventStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	return &EventStatus{LastContact: e.last, Applied: e.applied, Held: e.revocations.held(), Error: e.err}
}
