package main

import (
	"context"
	"fmt"
	"log"
	"slices"
	"time"
)

const rounds = 3 // of what is measured in turn

// inTurn runs loads alternately, so that what slows the machine slows all of them. Its results are in their order: requests and
// time of all rounds together, the medians of their percentiles, the slowest answer of all.
func (p plan) inTurn(ctx context.Context, connections int, loads ...load) ([]result, error) {
	runs := make([][]result, len(loads))
	for range rounds {
		for i, l := range loads {
			if _, err := p.runClean(ctx, l, connections, p.warm/rounds); err != nil {
				return nil, err
			}
			r, err := p.runClean(ctx, l, connections, p.measure/2)
			if err != nil {
				return nil, err
			}
			runs[i] = append(runs[i], r)
		}
	}
	results := make([]result, len(loads))
	for i := range loads {
		results[i] = together(runs[i])
		log.Println(results[i])
	}
	return results, nil
}

// together makes one result of several runs of a load.
func together(runs []result) result {
	all := runs[len(runs)-1] // its memory is what remains at the end
	var p50, p99 []int64
	all.Requests, all.Duration = 0, 0
	for _, r := range runs {
		all.Requests += r.Requests
		all.Duration += r.Duration
		all.Max = max(all.Max, r.Max)
		p50, p99 = append(p50, r.P50), append(p99, r.P99)
	}
	slices.Sort(p50)
	slices.Sort(p99)
	all.P50, all.P99 = p50[len(runs)/2], p99[len(runs)/2]
	return all
}

// runClean runs a load of which nothing may fail, for at least a second.
func (p plan) runClean(ctx context.Context, l load, connections int, duration time.Duration) (result, error) {
	r, err := l.run(ctx, p.dir, connections, max(duration, time.Second))
	if err != nil {
		return r, err
	}
	if l.of != nil {
		r.target = l.of.name
		if r.memory, err = l.of.memory(); err != nil {
			return r, err
		}
	}
	if r.Refused+r.Broken > 0 {
		return r, fmt.Errorf("%v: so the numbers mean nothing", r)
	}
	return r, nil
}
