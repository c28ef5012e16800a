package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"golang.org/x/sync/errgroup"
)

// fillIndex generates few tokens on one instance and many on the other, there around some that the server issued.
func (s *scale) fillIndex(ctx context.Context) (err error) {
	began := time.Now()
	if s.tokens, err = s.large.issueMany(ctx, s.large.client, realTokens); err != nil {
		return err
	}
	ended := time.Now().Add(time.Second)
	for _, f := range []struct {
		instance *instance
		rows     int64
	}{{s.small, fewRows}, {s.large, s.rows}} {
		client, err := f.instance.clientID(ctx, batchClient)
		if err != nil {
			return err
		}
		made := filling{table: "issued_tokens", rows: f.rows, from: began, to: ended, lifetime: lifetime, users: 1, client: client}
		if err := made.fill(ctx, f.instance.db); err != nil {
			return err
		}
	}
	log.Printf("%d tokens in %v", s.rows+realTokens, time.Since(began).Round(time.Second))
	return vacuum(ctx, s.large.db, "issued_tokens")
}

// issueAmongMany compares issuing among few tokens with issuing among many.
func (s *scale) issueAmongMany(ctx context.Context) error {
	results, err := s.inTurn(ctx, s.connections[0], s.small.tokenLoad(), s.large.tokenLoad())
	if err != nil {
		return err
	}
	few, many := results[0].perSecond(), results[1].perSecond()
	s.note(few, "/s", fmt.Sprintf("tokens issued among %d", fewRows))
	s.note(many, "/s", fmt.Sprintf("tokens issued among %d", s.rows))
	s.atLeast(0.9, many/few, "times", "issuing among the many, as fast as among the few")
	return nil
}

// introspectAmongMany compares introspection of random tokens among the many with issuing, and looks at memory.
func (s *scale) introspectAmongMany(ctx context.Context) error {
	idle, err := s.idleMemory(ctx)
	if err != nil {
		return err
	}
	t := s.large.target
	introspection := load{"introspections", t, t.introspectionURL, t.service, tokenForms(s.tokens)}
	results, err := s.inTurn(ctx, s.connections[0], t.tokenLoad(), introspection)
	if err != nil {
		return err
	}
	issued, introspected := results[0].perSecond(), results[1].perSecond()
	s.note(introspected, "/s", fmt.Sprintf("introspections of random tokens among %d", s.rows))
	s.note(introspected/issued, "times", "introspections, as many as tokens issued")
	for _, connections := range s.connections {
		if _, err := s.inTurn(ctx, connections, t.tokenLoad(), introspection); err != nil {
			return err
		}
	}
	peak, err := t.peakMemory()
	if err != nil {
		return err
	}
	s.atMost(100, float64(peak)/1e6, "MB", fmt.Sprintf("resident at most, under every load so far, %d connections among them", s.connections[len(s.connections)-1]))
	s.atMost(40, float64(idle)/1e6, "MB", "resident in a replica that idles")
	return nil
}

// idleMemory starts a replica and measures its memory after some time without requests.
func (s *scale) idleMemory(ctx context.Context) (int64, error) {
	t, err := s.large.replica(ctx)
	if err != nil {
		return 0, err
	}
	defer t.stop()
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(s.measure):
		return t.memory()
	}
}

// fillExpired generates as many expired tokens, issued within an hour, first of clients, then of users, and says, if told so, what they
// take in the database. It returns the names of their partitions.
func (s *scale) fillExpired(ctx context.Context, tell bool) (partitions []string, err error) {
	client, err := s.large.clientID(ctx, batchClient)
	if err != nil {
		return nil, err
	}
	for i, kind := range []struct {
		name  string
		users int
	}{{"of a client", 0}, {"of a user", 2}} {
		hour := time.Now().Truncate(time.Hour).Add(time.Duration(i-5) * time.Hour)
		f := filling{rows: s.rows / 2, from: hour.Add(-lifetime), to: hour.Add(time.Hour - lifetime), lifetime: lifetime, users: kind.users, client: client}
		name, bytes, parts, err := f.partition(ctx, s.large.db, hour)
		if err != nil {
			return nil, err
		}
		if tell {
			s.atMost(200, bytes, "bytes", fmt.Sprintf("a token %s, of %d in an hour: %s", kind.name, f.rows, parts))
		}
		partitions = append(partitions, name)
	}
	return partitions, nil
}

// dropExpired purges as many expired tokens, while others are issued, again and again.
func (s *scale) dropExpired(ctx context.Context) error {
	var took time.Duration
	var around, during result
	for round := range rounds {
		partitions, err := s.fillExpired(ctx, round == 0)
		if err != nil {
			return err
		}
		r, err := s.purge(ctx, partitions)
		if err != nil {
			return err
		}
		took = max(took, r.took)
		around, during = together([]result{around, r.before, r.after}), together([]result{during, r.during})
	}
	s.atMost(1, took.Seconds(), "s", fmt.Sprintf("signet token purge, of %d expired tokens, the slowest of %d", s.rows, rounds))
	s.atLeast(0.9, during.perSecond()/around.perSecond(), "times", fmt.Sprintf("issuing in the %v around it, as fast as in those before and after", purgeWindow))
	s.note(float64(during.Max)/1e3, "ms", fmt.Sprintf("the slowest answer in those %v; before and after, it was %s", purgeWindow, milliseconds(around.Max)))
	return nil
}

const purgeWindow = 4 * time.Second

// purging is a purge, and tokens issued before, during and after it.
type purging struct {
	took                  time.Duration
	before, during, after result
}

// purge drops partitions while tokens are issued.
func (s *scale) purge(ctx context.Context, partitions []string) (p purging, err error) {
	issue := func(ctx context.Context, into *result) error {
		r, err := s.runClean(ctx, s.large.tokenLoad(), s.connections[0], purgeWindow)
		*into = r
		return err
	}
	if err := issue(ctx, &p.before); err != nil {
		return p, err
	}
	if n, err := countTables(ctx, s.large.db, partitions); err != nil || n < len(partitions) {
		return p, errors.Join(errors.New("a server dropped them first"), err)
	}
	group, both := errgroup.WithContext(ctx)
	group.Go(func() error { return issue(both, &p.during) })
	group.Go(func() error {
		time.Sleep(time.Second)
		began := time.Now()
		err := s.large.run(both, nil, "token", "purge")
		p.took = time.Since(began)
		return err
	})
	if err := group.Wait(); err != nil {
		return p, err
	}
	if n, err := countTables(ctx, s.large.db, partitions); err != nil || n > 0 {
		return p, errors.Join(errors.New("they were not dropped"), err)
	}
	return p, issue(ctx, &p.after)
}
