package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signet-auth/signet/internal/store"
)

const (
	mostReplicas  = 3
	replicaTime   = 8 * time.Second // for which each load is measured
	replicaWarmup = 2 * time.Second
	replicaTokens = 200
)

// measureReplicas measures tokens and introspections of one, two and three replicas on one database, all at once: what each next one adds,
// and the database alone.
func measureReplicas(ctx context.Context, out io.Writer, database string, p plan) error {
	i, first, err := startSignet(ctx, p.dir, database)
	if err != nil {
		return err
	}
	defer first.stop()
	replicas := []*target{first}
	for len(replicas) < mostReplicas {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		next, err := i.serve(ctx, address)
		if err != nil {
			return err
		}
		defer next.stop()
		next.client, next.service = first.client, first.service
		replicas = append(replicas, next)
	}
	issued, err := first.requestMany(ctx, first.client, first.introspectable, replicaTokens)
	if err != nil {
		return err
	}
	t := table{out}
	for _, kind := range []struct {
		name string
		load func(of *target) load
	}{
		{"tokens issued", func(of *target) load { return of.tokenLoad() }},
		{"introspections", func(of *target) load {
			return load{"introspections", of, of.introspectionURL, of.service, tokenForms(issued)}
		}},
	} {
		single := 0.0
		for n := 1; n <= len(replicas); n++ {
			if _, err := p.atOnce(ctx, replicas[:n], kind.load, replicaWarmup); err != nil {
				return err
			}
			results, err := p.atOnce(ctx, replicas[:n], kind.load, replicaTime)
			if err != nil {
				return err
			}
			sum, slowest := 0.0, int64(0)
			for _, r := range results {
				sum += r.perSecond()
				slowest = max(slowest, r.P99)
			}
			if n == 1 {
				single = sum
			}
			t.note(sum, "/s", fmt.Sprintf("%s by %d replicas with %d connections each; p99 %s, %.2f times one", kind.name, n, p.connections[0], milliseconds(slowest), sum/single))
		}
	}
	if err := first.areActive(ctx, issued); err != nil {
		return err
	}
	return measureDatabase(ctx, t, database) // last: what it leaves to the autovacuum would slow the others
}

// measureDatabase measures how many tokens as many writers as there are replicas write, which do nothing else.
func measureDatabase(ctx context.Context, t table, database string) error {
	db, err := store.Open(ctx, database, store.Options{OpTimeout: time.Minute})
	if err != nil {
		return err
	}
	defer db.Close()
	tokens := newRecorder(db, time.Now)
	for _, batch := range []int{8, 32, 128} {
		group, ctx := errgroup.WithContext(ctx)
		start := time.Now()
		var written atomic.Int64
		for range mostReplicas {
			group.Go(func() error {
				for time.Since(start) < replicaTime {
					if _, err := tokens.record(ctx, time.Now(), batch); err != nil {
						return err
					}
					written.Add(int64(batch))
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil {
			return err
		}
		t.note(float64(written.Load())/time.Since(start).Seconds(), "/s", fmt.Sprintf("tokens written by %d writers, %d in a transaction: the database alone", mostReplicas, batch))
	}
	return nil
}

// atOnce loads several replicas at the same time. Nothing may fail.
func (p plan) atOnce(ctx context.Context, replicas []*target, loadOf func(of *target) load, duration time.Duration) ([]result, error) {
	results := make([]result, len(replicas))
	group, ctx := errgroup.WithContext(ctx)
	for n, replica := range replicas {
		one := p
		one.dir = filepath.Join(p.dir, fmt.Sprint("replica-", n)) // of the requests' bodies
		if err := os.MkdirAll(one.dir, 0o700); err != nil {
			return nil, err
		}
		group.Go(func() (err error) {
			results[n], err = one.runClean(ctx, loadOf(replica), p.connections[0], duration)
			return err
		})
	}
	return results, group.Wait()
}
