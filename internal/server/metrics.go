package server

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/signet-auth/signet/internal/batch"
	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/metrics"
	"github.com/signet-auth/signet/internal/store"
)

const (
	shownReceivers = 100
	countedEvents  = 1000 // of each of them
)

// figures are what metrics show.
func (s *Services) figures(cfg config.Config) metrics.Sources {
	return metrics.Sources{
		Version:  s.Statistics.Version,
		Counters: s.Statistics.Counters,
		Ready:    s.Ready.Run,
		Queues: func() map[string]batch.State {
			writes, reads := s.Index.Queues()
			return map[string]batch.State{"index_writes": writes, "index_reads": reads, "revocations": s.Revocation.Queue()}
		},
		Pools: func() []metrics.Pool {
			var pools []metrics.Pool
			for _, p := range s.DB.Pools() {
				pools = append(pools, metrics.Pool(p))
			}
			return pools
		},
		FreeSpace: func() (uint64, bool) {
			free, known, err := s.DB.Space()
			return free, known && err == nil
		},
		CacheAsOf:     s.Cache.AsOf,
		StatusListAge: s.Statuses.Age,
		Certificates:  s.shownCertificates,
		Hashing:       s.Passwords.Hashing,
		Jobs:          s.runs.all,
		Sample:        func(ctx context.Context) (metrics.Sample, error) { return s.sample(ctx, cfg.Keys.RotateEvery) },
	}
}

// sample asks the database for what it alone knows.
func (s *Services) sample(ctx context.Context, rotateEvery time.Duration) (sample metrics.Sample, err error) {
	seen := store.Number(s.Cache.Revision())
	_, revision, err := s.DB.ListReplicas(ctx, s.now(), 0)
	if err != nil {
		return sample, err
	}
	sample.RevisionsBehind = revision - seen
	if sample.ClockAhead, err = s.Clock.Ahead(ctx); err != nil {
		return sample, err
	}
	keys, err := s.Keys.List(ctx)
	if err != nil {
		return sample, err
	}
	for _, k := range keys {
		shown := metrics.Key{Alg: k.Alg, State: string(k.State)}
		if k.State == domain.KeyActive {
			shown.Activated, shown.NextRotation = k.ActivatedAt, k.ActivatedAt.Add(rotateEvery)
		}
		sample.Keys = append(sample.Keys, shown)
	}
	backlogs, err := s.DB.Backlogs(ctx, "", countedEvents, shownReceivers)
	for _, b := range backlogs {
		r := metrics.Receiver{Name: b.Client, Pending: b.Events}
		if !b.Since.IsZero() {
			r.Lag = s.now().Sub(b.Since)
		}
		sample.Receivers = append(sample.Receivers, r)
	}
	return sample, err
}

// runs are how jobs are getting on.
type runs struct {
	mu   sync.Mutex
	jobs map[string]metrics.Job // by name
}

// watch has each run of jobs noted.
func (r *runs) watch(jobs []job, now func() time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.jobs = map[string]metrics.Job{}
	for i, j := range jobs {
		r.jobs[j.name] = metrics.Job{}
		jobs[i].do = func(ctx context.Context) error {
			err := j.do(ctx)
			if ctx.Err() == nil {
				r.note(j.name, err, now())
			}
			return err
		}
	}
}

func (r *runs) note(name string, err error, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	noted := r.jobs[name]
	if err != nil {
		noted.Failures++
	} else {
		noted.LastSuccess = at
	}
	r.jobs[name] = noted
}

func (r *runs) all() map[string]metrics.Job {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.jobs)
}
