// Package readiness says whether a replica can do what its users need, and if not, why: at /readyz, where a proxy asks before it sends
// requests, and in metrics.
package readiness

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Reason is why a check fails, in words for anybody: whoever can reach the server may ask. So it names no host, path or account.
type Reason string

// Error implements error.
func (r Reason) Error() string { return string(r) }

// untold is what is said of an error that is no Reason.
const untold = "it fails; the server's log says why"

// keep is for how long the outcome of a check is used again: anybody may ask, as often as they like.
const keep = 100 * time.Millisecond

// Draining is the check that fails once a replica ends.
const Draining = "draining"

// Checks are what users need. They are safe for use at the same time.
type Checks struct {
	log     *slog.Logger
	timeout time.Duration

	mu       sync.Mutex
	checks   []*check
	draining bool
	failing  map[string]bool // by name, as last logged
}

// New makes Checks, each of which may take so long. They log to log when one begins or ceases to fail.
func New(timeout time.Duration, log *slog.Logger) *Checks {
	return &Checks{log: log, timeout: timeout, failing: map[string]bool{}}
}

// Add adds a check. It returns nil, a Reason, or another error, which is logged and not shown.
func (c *Checks) Add(name string, do func(ctx context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.checks = append(c.checks, &check{name: name, do: do})
}

// Drain makes the replica not ready for good: proxies send it no new requests, and it finishes those that it has.
func (c *Checks) Drain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.draining = true
}

// Report is what the checks found.
type Report struct {
	OK     bool     `json:"ok"`
	Checks []Result `json:"checks"`
}

// Result is what one check found.
type Result struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	Why  string `json:"why,omitempty"` // it fails
}

// Run runs all checks side by side. A replica that is draining is asked for nothing else.
func (c *Checks) Run(ctx context.Context) Report {
	c.mu.Lock()
	checks, draining := c.checks, c.draining
	c.mu.Unlock()
	if draining {
		return Report{Checks: []Result{{Name: Draining, Why: "the server is shutting down"}}}
	}
	errs := make([]error, len(checks))
	var group sync.WaitGroup
	for i, one := range checks {
		group.Go(func() { errs[i] = one.run(ctx, c.timeout) })
	}
	group.Wait()
	report := Report{OK: true, Checks: []Result{}}
	for i, one := range checks {
		r := Result{Name: one.name, OK: errs[i] == nil}
		if !r.OK {
			report.OK, r.Why = false, untold
			if reason, ok := errors.AsType[Reason](errs[i]); ok {
				r.Why = string(reason)
			}
		}
		report.Checks = append(report.Checks, r)
		if !errors.Is(ctx.Err(), context.Canceled) { // else who asked did not wait, which says nothing
			c.report(ctx, one.name, errs[i])
		}
	}
	report.Checks = append(report.Checks, Result{Name: Draining, OK: true})
	return report
}

// report logs the first of consecutive failures of a check, and the recovery.
func (c *Checks) report(ctx context.Context, name string, err error) {
	c.mu.Lock()
	before := c.failing[name]
	c.failing[name] = err != nil
	c.mu.Unlock()
	switch {
	case before == (err != nil):
	case err != nil:
		c.log.ErrorContext(ctx, "not ready", "check", name, "error", err)
	default:
		c.log.InfoContext(ctx, "a check passes again", "check", name)
	}
}

// check is one of them.
type check struct {
	name string
	do   func(ctx context.Context) error

	mu   sync.Mutex
	last *outcome // under way, or ended
}

// outcome is that of one run of a check, for all that wait for it.
type outcome struct {
	done  chan struct{}
	err   error
	ended time.Time
}

// run returns the outcome of a run that is under way or has just ended, or begins one. A check that does not come back, as when a disk
// hangs, is not begun again: it fails.
func (c *check) run(ctx context.Context, timeout time.Duration) error {
	c.mu.Lock()
	if c.last == nil || c.last.over() {
		c.last = &outcome{done: make(chan struct{})}
		go c.begin(context.WithoutCancel(ctx), timeout, c.last)
	}
	last := c.last
	c.mu.Unlock()
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-last.done:
		return last.err
	case <-timer.C:
	case <-ctx.Done():
	}
	return Reason("it does not come back in time")
}

func (c *check) begin(ctx context.Context, timeout time.Duration, o *outcome) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	o.err = c.do(ctx)
	o.ended = time.Now()
	close(o.done)
}

// over reports whether it ended too long ago to be used again.
func (o *outcome) over() bool {
	select {
	case <-o.done:
		return time.Since(o.ended) >= keep
	default:
		return false
	}
}
