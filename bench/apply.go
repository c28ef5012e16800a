package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	described  = 1_000 // clients in a file, and as many roles
	applyLimit = 5     // seconds
	sameLimit  = 1     // seconds, of applying the same again
)

// applyFiles measures how long it takes to apply a file that describes many new objects, and to apply it again, and what that costs who
// gets tokens. Another role is given and taken all the time, also where nothing is applied: none of it may fail.
func (s *scale) applyFiles(ctx context.Context) error {
	for _, args := range [][]string{{"role", "create", "beside"}, {"group", "create", "beside"}} {
		if err := s.large.run(ctx, nil, args...); err != nil {
			return err
		}
	}
	a := applying{scale: s}
	var alone, beside float64
	for range rounds {
		for _, perSecond := range []*float64{&alone, &beside} {
			r, err := a.issueMeanwhile(ctx, perSecond == &beside)
			if err != nil {
				return err
			}
			*perSecond += r.perSecond()
		}
	}
	s.atMost(applyLimit, a.first.Seconds(), "s", fmt.Sprintf("the slowest command that applied %d new clients and %d roles, of %d", described, described, a.files))
	s.atMost(sameLimit, a.again.Seconds(), "s", "the slowest that applied the same again")
	s.note(a.change.Seconds(), "s", "the slowest other change meanwhile, with starting a command")
	s.atLeast(0.9, beside/alone, "times", "issuing while files are applied, as fast as without")
	return nil
}

// applying is what applying files took at most.
type applying struct {
	*scale
	files                int
	first, again, change time.Duration
}

// issueMeanwhile issues tokens while a role is given and taken, and while one file is applied twice, if it is.
func (a *applying) issueMeanwhile(ctx context.Context, apply bool) (during result, err error) {
	loaded, unload := context.WithCancel(ctx)
	defer unload()
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() (err error) {
		defer unload()
		during, err = a.runClean(ctx, a.large.tokenLoad(), a.connections[0], a.measure/2)
		return err
	})
	all.Go(func() error {
		if !apply {
			return nil
		}
		a.files++
		file, err := a.describe(a.files)
		if err != nil {
			return err
		}
		for _, took := range []*time.Duration{&a.first, &a.again} {
			if err := a.timed(ctx, took, "apply", "-f", file, "--set", fmt.Sprint("bench-", a.files)); err != nil {
				return err
			}
		}
		return nil
	})
	all.Go(func() error {
		for n := 0; loaded.Err() == nil || n%2 == 1; n++ { // in the end the group is without the role
			if err := a.timed(ctx, &a.change, []string{"assign", "unassign"}[n%2], "beside", "--group", "beside"); err != nil {
				return err
			}
		}
		return nil
	})
	return during, all.Wait()
}

// timed runs a command, and notes how long if it took longer than the others.
func (a *applying) timed(ctx context.Context, longest *time.Duration, args ...string) error {
	began := time.Now()
	err := a.large.run(ctx, nil, args...)
	*longest = max(*longest, time.Since(began))
	return err
}

// describe writes a file of clients and roles that are not there.
func (a *applying) describe(n int) (string, error) {
	var text strings.Builder
	for i := range described {
		fmt.Fprintf(&text, "kind: role\nname: role-%d-%d\npermissions: ['%s#%s']\n---\n", n, i, audience, permission)
		fmt.Fprintf(&text, "kind: client\nclient_id: client-%d-%d\ngrant_types: [client_credentials]\napis: ['%s']\n---\n", n, i, audience)
	}
	file := filepath.Join(a.dir, fmt.Sprintf("apply-%d.yaml", n))
	return file, os.WriteFile(file, []byte(text.String()), 0o600)
}
