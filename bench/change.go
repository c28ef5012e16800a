package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	crowd       = 10_000 // members of the large group
	permissions = 1_000  // of the large role, half of each of two APIs
)

// makeCrowd makes users that are members of a group.
const makeCrowd = `
	WITH made AS (
		INSERT INTO users (subject, username, email, email_verified, name, created_at, updated_at)
		SELECT 'crowd-' || n, 'crowd-' || n, '', FALSE, '', 0, 0 FROM generate_series(1, $2) AS n RETURNING id)
	INSERT INTO group_members (group_id, user_id) SELECT g.id, made.id FROM groups g, made WHERE g.name = $1`

// changeMuch measures issuing while the access of many changes at once, beside issuing while the same commands change that of one:
// starting a command takes processor time too.
func (s *scale) changeMuch(ctx context.Context) error {
	setUp := [][]string{{"group", "create", "crowd"}, {"group", "create", "pair"}, {"user", "create", "pair-1"}, {"group", "add", "pair", "pair-1"}}
	narrow, wide := []string{"role", "create", "narrow"}, []string{"role", "create", "wide"}
	for _, api := range []string{"https://wide.example", "https://broad.example"} {
		create := []string{"api", "create", api}
		for n := range permissions / 2 {
			name := fmt.Sprintf("p%04d", n)
			create = append(create, "--permission", name)
			wide = append(wide, "--grant", api+"#"+name)
		}
		setUp = append(setUp, create)
		narrow = append(narrow, "--grant", api+"#p0000")
	}
	for _, args := range append(setUp, narrow, wide) {
		if err := s.large.run(ctx, nil, args...); err != nil {
			return err
		}
	}
	if _, err := s.large.db.ExecContext(ctx, makeCrowd, "crowd", crowd); err != nil {
		return fmt.Errorf("make users: %w", err)
	}
	var p99 [2]int64
	var slowest time.Duration
	for range rounds {
		for i, names := range [][2]string{{"narrow", "pair"}, {"wide", "crowd"}} {
			during, took, err := s.issueDuringChanges(ctx, names[0], names[1])
			if err != nil {
				return err
			}
			p99[i] += during.P99 / rounds
			if i == 1 {
				slowest = max(slowest, took)
			}
		}
	}
	s.atMost(2, float64(p99[1])/float64(p99[0]), "times", fmt.Sprintf(
		"the 99th percentile of issuing while a role of %d permissions is given to and taken from a group of %d, as large as for one of each", permissions, crowd))
	s.note(slowest.Seconds(), "s", "the slowest of those commands")
	return nil
}

// issueDuringChanges issues tokens while a role is given to a group and taken from it, time and again. took is the longest that
// one such command took.
func (s *scale) issueDuringChanges(ctx context.Context, role, group string) (during result, took time.Duration, err error) {
	loaded, unload := context.WithCancel(ctx)
	defer unload()
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		defer unload()
		during, err = s.runClean(ctx, s.large.tokenLoad(), s.connections[0], s.measure/2)
		return err
	})
	both.Go(func() error {
		for n := 0; loaded.Err() == nil || n%2 == 1; n++ { // in the end the group is without the role
			command := []string{"assign", "unassign"}[n%2]
			began := time.Now()
			if err := s.large.run(ctx, nil, command, role, "--group", group); err != nil {
				return err
			}
			took = max(took, time.Since(began))
		}
		return nil
	})
	return during, took, both.Wait()
}
