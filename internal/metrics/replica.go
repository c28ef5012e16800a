package metrics

import (
	"context"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signet-auth/signet/internal/batch"
	"github.com/signet-auth/signet/internal/limits"
	"github.com/signet-auth/signet/internal/statistics"
)

// replica collects what is counted and known elsewhere, when it is asked for.
type replica struct {
	Sources
	descriptions map[*metric]*prometheus.Desc
	sample       sampled
}

func newReplica(from Sources) *replica {
	r := &replica{Sources: from, descriptions: map[*metric]*prometheus.Desc{}}
	for _, m := range list {
		if m != &requestDuration { // a collector of its own
			r.descriptions[m] = prometheus.NewDesc(m.name, m.help, m.labels, nil)
		}
	}
	return r
}

// Describe implements prometheus.Collector.
func (r *replica) Describe(to chan<- *prometheus.Desc) {
	for _, d := range r.descriptions {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (r *replica) Collect(to chan<- prometheus.Metric) {
	c := collection{r, to}
	c.show(&buildInfo, 1, r.Version, runtime.Version())
	c.counters()
	c.readiness()
	c.queues()
	c.database()
	c.currency()
	c.jobs()
	c.sampled()
	if r.Certificates != nil {
		for name, certificate := range r.Certificates() {
			c.time(&certificateExpiry, certificate.NotAfter, name)
			c.show(&certificateLifetime, certificate.NotAfter.Sub(certificate.NotBefore).Seconds(), name)
		}
	}
	if r.Hashing != nil {
		running, waiting := r.Hashing()
		c.show(&hashesRunning, float64(running))
		c.show(&hashesWaiting, float64(waiting))
	}
}

// collection is one of all.
type collection struct {
	*replica
	to chan<- prometheus.Metric
}

func (c collection) show(m *metric, value float64, labels ...string) {
	as := prometheus.GaugeValue
	if m.kind == counter {
		as = prometheus.CounterValue
	}
	c.to <- prometheus.MustNewConstMetric(c.descriptions[m], as, value, labels...)
}

func (c collection) time(m *metric, at time.Time, labels ...string) {
	c.show(m, float64(at.UnixMilli())/1000, labels...)
}

func (c collection) flag(m *metric, on bool, labels ...string) {
	value := 0.0
	if on {
		value = 1
	}
	c.show(m, value, labels...)
}

func (c collection) counters() {
	if c.Counters == nil {
		return
	}
	for grant, n := range c.Counters.IssuedByGrant() {
		c.show(&tokensIssued, float64(n), grant)
	}
	for refusal, n := range c.Counters.Refusals() {
		c.show(&tokensRefused, float64(n), refusal.Grant, refusal.Reason)
	}
	for m, kind := range map[*metric]string{
		&introspections: statistics.Introspected, &revocations: statistics.Revoked, &signIns: statistics.SignedIn,
		&signInFailures: statistics.SignInRefused, &conditionsFailed: statistics.ConditionFailed,
	} {
		c.show(m, float64(c.Counters.Total(kind)))
	}
	for _, limit := range limits.Kinds {
		c.show(&limited, float64(c.Counters.Total(statistics.Limited+limit)), limit)
	}
	c.show(&decisions, float64(c.Counters.Total(statistics.Allowed)), "allow")
	c.show(&decisions, float64(c.Counters.Total(statistics.Denied)), "deny")
}

func (c collection) readiness() {
	if c.Ready == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), sampleTimeout)
	defer cancel()
	report := c.Ready(ctx)
	c.flag(&ready, report.OK)
	for _, check := range report.Checks {
		c.flag(&checkOK, check.OK, check.Name)
	}
}

func (c collection) queues() {
	if c.Queues == nil {
		return
	}
	for name, state := range c.Queues() {
		buckets := map[float64]uint64{}
		var batches int64
		for i, n := range state.Sizes {
			batches += n
			buckets[float64(int(1)<<i)] = uint64(batches)
		}
		c.to <- prometheus.MustNewConstHistogram(c.descriptions[&batchSize], uint64(batches), float64(state.Calls), buckets, name)
		c.show(&batchFailures, float64(state.Failed), name)
		c.show(&batchRunning, state.Running.Seconds(), name)
		c.show(&queueDepth, float64(state.Waiting), name)
		c.show(&queueCapacity, batch.QueueSize, name)
	}
}

func (c collection) database() {
	if c.Pools != nil {
		for _, p := range c.Pools() {
			c.show(&connections, float64(p.InUse), p.Name, "in_use")
			c.show(&connections, float64(p.Idle), p.Name, "idle")
			c.show(&connectionsLimit, float64(p.Limit), p.Name)
			c.show(&connectionWaits, float64(p.Waits), p.Name)
			c.show(&connectionWaiting, p.Wait.Seconds(), p.Name)
		}
	}
	if c.FreeSpace != nil {
		if free, known := c.FreeSpace(); known {
			c.show(&diskFree, float64(free))
		}
	}
}

func (c collection) currency() {
	if c.CacheAsOf != nil {
		c.show(&cacheAge, max(0, time.Since(c.CacheAsOf()).Seconds()))
	}
	if c.StatusListAge != nil {
		c.show(&statusListAge, c.StatusListAge().Seconds())
	}
}

func (c collection) jobs() {
	if c.Jobs == nil {
		return
	}
	for name, job := range c.Jobs() {
		c.show(&jobFailures, float64(job.Failures), name)
		if !job.LastSuccess.IsZero() {
			c.time(&jobSuccess, job.LastSuccess, name)
		}
	}
}

func (c collection) sampled() {
	if c.Sample == nil {
		return
	}
	s, err := c.sample.get(c.Sample)
	c.flag(&scrapeOK, err == nil)
	if err != nil {
		return
	}
	c.show(&revisionsBehind, float64(max(0, s.RevisionsBehind)))
	c.show(&clockAhead, s.ClockAhead.Seconds())
	counts := map[[2]string]int{}
	for _, k := range s.Keys {
		counts[[2]string{k.Alg, k.State}]++
		if !k.Activated.IsZero() {
			c.time(&keyActivated, k.Activated, k.Alg)
			c.time(&keyRotation, k.NextRotation, k.Alg)
		}
	}
	for of, n := range counts {
		c.show(&signingKeys, float64(n), of[0], of[1])
	}
	c.show(&receivers, float64(len(s.Receivers)))
	for _, r := range s.Receivers {
		c.show(&receiverPending, float64(r.Pending), r.Name)
		c.show(&receiverLag, max(0, r.Lag.Seconds()), r.Name)
	}
}
