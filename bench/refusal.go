package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signet-auth/signet/resourceserver"
)

const (
	refusalLoad = 8                // tokens that are issued at the same time meanwhile
	listsAtOnce = 64               // revoked tokens that wait for their status list
	patience    = 40 * time.Second // for a refusal
)

// measureRefusals measures how long after the acknowledged revocation of a token a service in another process refuses it, under load: one
// that polls for events, and one that reads status lists alone.
func measureRefusals(ctx context.Context, out io.Writer, dir, database string, tries int) error {
	i, signet, err := startSignet(ctx, dir, database)
	if err != nil {
		return err
	}
	defer signet.stop()
	if err := i.run(ctx, nil, "receiver", "create", "orders-svc", "--poll"); err != nil {
		return err
	}
	hearing, err := resourceserver.New(i.issuer, audience, resourceserver.WithEvents(signet.service.ID, signet.service.Secret))
	if err != nil {
		return err
	}
	defer hearing.Close()
	reading, err := resourceserver.New(i.issuer, audience)
	if err != nil {
		return err
	}
	defer reading.Close()
	if err := errors.Join(hearing.Ready(ctx), reading.Ready(ctx)); err != nil {
		return err
	}
	loaded, unload := context.WithCancel(ctx)
	defer unload()
	var load errgroup.Group
	for range refusalLoad {
		load.Go(func() error {
			for {
				if _, err := signet.issue(loaded, signet.client); loaded.Err() != nil {
					return nil
				} else if err != nil {
					return err
				}
			}
		})
	}
	byEvents, byLists, err := tryRefusals(ctx, signet, hearing, reading, tries)
	unload()
	if err := errors.Join(err, load.Wait()); err != nil {
		return err
	}
	t := table{out}
	for _, one := range []struct {
		how   string
		took  []time.Duration
		limit float64 // ms
	}{{"with events", byEvents, 100}, {"with status lists alone, of a ttl of 10 s", byLists, 11_000}} {
		slices.Sort(one.took)
		histogram(out, one.how, one.took)
		p99 := one.took[len(one.took)*99/100]
		t.atMost(one.limit, float64(p99)/float64(time.Millisecond), "ms", "until a revoked token is refused "+one.how+", the 99th percentile")
	}
	return nil
}

// tryRefusals revokes tokens one by one, and waits for both services.
func tryRefusals(ctx context.Context, signet *target, hearing, reading *resourceserver.Verifier, tries int) (byEvents, byLists []time.Duration, err error) {
	byLists = make([]time.Duration, tries)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(listsAtOnce)
	for n := range tries {
		token, err := signet.issue(ctx, signet.client)
		if err != nil {
			return nil, nil, errors.Join(err, group.Wait())
		}
		for _, v := range []*resourceserver.Verifier{hearing, reading} {
			if _, err := v.Verify(ctx, token); err != nil {
				return nil, nil, fmt.Errorf("a token that was just issued: %w", err)
			}
		}
		if err := signet.revoke(ctx, token); err != nil {
			return nil, nil, errors.Join(err, group.Wait())
		}
		revoked := time.Now()
		took, err := awaitRefusal(ctx, hearing, token, revoked, 50*time.Microsecond)
		if err != nil {
			return nil, nil, err
		}
		byEvents = append(byEvents, took)
		group.Go(func() (err error) {
			byLists[n], err = awaitRefusal(ctx, reading, token, revoked, 5*time.Millisecond)
			return err
		})
	}
	return byEvents, byLists, group.Wait()
}

// awaitRefusal waits until a service refuses a token, and says how long that took.
func awaitRefusal(ctx context.Context, v *resourceserver.Verifier, token string, since time.Time, pause time.Duration) (time.Duration, error) {
	for time.Since(since) < patience {
		_, err := v.Verify(ctx, token)
		if errors.Is(err, resourceserver.ErrInvalidToken) {
			return time.Since(since), nil
		}
		if err != nil {
			return 0, err
		}
		time.Sleep(pause)
	}
	return 0, fmt.Errorf("a revoked token is accepted after %v", patience)
}

// histogram writes how many took how long, in steps of a factor of two, and percentiles.
func histogram(out io.Writer, how string, sorted []time.Duration) {
	fmt.Fprintf(out, "refused %s: %d tries, p50 %v, p99 %v, at most %v\n", how, len(sorted), round(sorted[len(sorted)/2]), round(sorted[len(sorted)*99/100]), round(sorted[len(sorted)-1]))
	for limit, counted := time.Millisecond/4, 0; counted < len(sorted); limit *= 2 {
		n := 0
		for counted+n < len(sorted) && sorted[counted+n] <= limit {
			n++
		}
		if counted += n; n > 0 {
			fmt.Fprintf(out, "  to %8v %6d %s\n", limit, n, strings.Repeat("#", 1+n*50/len(sorted)))
		}
	}
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }
