package domain

import (
	"fmt"
	"time"
)

// Limit bounds how often something is tried, over all replicas: Burst times at once, then one in each Interval.
type Limit struct {
	Bucket   string // what is counted together
	Interval time.Duration
	Burst    int
}

// WaitError is an ErrBusy for one client, user, name or network: too much was tried.
type WaitError struct{ For time.Duration }

func (e *WaitError) Error() string { return fmt.Sprintf("too many attempts: wait %s", e.For) }

// Unwrap makes it an ErrBusy.
func (e *WaitError) Unwrap() error { return ErrBusy }

// Seconds are those of Retry-After: whole ones, at least one.
func (e *WaitError) Seconds() int { return max(1, int((e.For+time.Second-1)/time.Second)) }
