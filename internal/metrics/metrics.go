// Package metrics shows what a replica does in the format of Prometheus. Nothing of it is made unless it is asked for: what it shows is
// counted elsewhere anyway, but for how long requests take.
package metrics

import (
	"context"
	"crypto/x509"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/signet-auth/signet/internal/batch"
	"github.com/signet-auth/signet/internal/readiness"
	"github.com/signet-auth/signet/internal/statistics"
)

const (
	sampleTimeout = 2 * time.Second // for what the database is asked
	sampleAge     = 5 * time.Second // for so long it is not asked again
	scrapesAtOnce = 2
)

// Sources are what figures come from. Functions that are nil, or have nothing to say, leave theirs out.
type Sources struct {
	Version       string
	Counters      *statistics.Counters
	Ready         func(ctx context.Context) readiness.Report
	Queues        func() map[string]batch.State // by name
	Pools         func() []Pool
	FreeSpace     func() (bytes uint64, known bool)
	CacheAsOf     func() time.Time
	StatusListAge func() time.Duration
	Certificates  func() map[string]*x509.Certificate // by the name that it is for
	Hashing       func() (running, waiting int)       // of passwords
	Jobs          func() map[string]Job               // by name
	Sample        func(ctx context.Context) (Sample, error)
}

// Pool is a pool of connections to the database.
type Pool struct {
	Name               string
	InUse, Idle, Limit int
	Waits              int64
	Wait               time.Duration
}

// Job is how a periodic task is getting on.
type Job struct {
	Failures    int64
	LastSuccess time.Time // zero: never
}

// Sample is what the database is asked for.
type Sample struct {
	RevisionsBehind int64
	ClockAhead      time.Duration
	Keys            []Key
	Receivers       []Receiver
}

// Key is a signing key.
type Key struct {
	Alg, State              string
	Activated, NextRotation time.Time // of an active one
}

// Receiver is one of security events.
type Receiver struct {
	Name    string
	Pending int
	Lag     time.Duration // age of the oldest pending event
}

// Metrics are those of a replica.
type Metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

// New makes them.
func New(from Sources) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: requestDuration.name, Help: requestDuration.help, Buckets: []float64{0.005, 0.025, 0.1, 0.25, 1, 2.5, 10},
		}, requestDuration.labels),
	}
	m.registry.MustRegister(m.requests, newReplica(from), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Handler answers GET /metrics.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapesAtOnce, ErrorHandling: promhttp.ContinueOnError}))
	return mux
}

// classes are the labels of statuses.
var classes = [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}

// Observe counts a request that matched a pattern, which is empty if there is none of its path, was answered with a status and took a time.
func (m *Metrics) Observe(pattern string, status int, took time.Duration) {
	if pattern == "" {
		pattern = "other"
	}
	class := status / 100
	if class < 0 || class >= len(classes) {
		class = 0
	}
	m.requests.WithLabelValues(pattern, classes[class]).Observe(took.Seconds())
}

// sampled keeps a sample for a time.
type sampled struct {
	mu   sync.Mutex
	last Sample
	err  error
	at   time.Time
}

func (s *sampled) get(sample func(ctx context.Context) (Sample, error)) (Sample, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at.IsZero() || time.Since(s.at) >= sampleAge {
		ctx, cancel := context.WithTimeout(context.Background(), sampleTimeout)
		defer cancel()
		s.last, s.err = sample(ctx)
		s.at = time.Now()
	}
	return s.last, s.err
}
