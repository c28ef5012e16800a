package main

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"time"
)

const (
	lifetime   = 2 * time.Hour // of tokens, so that they outlive the benchmark
	fewRows    = 10_000
	realTokens = 30_000 // that were issued for real, among those made up
)

// scale measures how Signet fares with many tokens, on two databases, one with few tokens and one with many.
type scale struct {
	plan
	table
	small  *instance
	large  *instance
	tokens []string // live ones among the many
}

// instance is an installation on a database and its first replica.
type instance struct {
	*installation
	*target
	db    *sql.DB
	batch credentials // of a client whose tokens are revoked all at once
	close func()
}

const batchClient = "batch"

// compareLoads prints the figures of the loads that were measured before.
func (s *scale) compareLoads(measured servers) {
	for i, r := range measured.signet {
		what := fmt.Sprintf("%d connections: %s", r.connections, r.load)
		s.atLeast(1.5, r.perSecond()/measured.yardstick[i].perSecond(), "times", what+", as many as by oidc-provider")
		tail := float64(r.P99) / float64(r.P50)
		if what += ", the 99th percentile of latencies, as large as the median"; r.load == "tokens" {
			s.atMost(4, tail, "times", what)
		} else {
			s.note(tail, "times", what)
		}
	}
}

// run does one phase after the other, on databases beside the one at a URL.
func (s *scale) run(ctx context.Context, database string) error {
	for _, at := range []struct {
		instance *(*instance)
		name     string
	}{{&s.small, "signet_bench_small"}, {&s.large, "signet_bench_large"}} {
		opened, err := s.open(ctx, database, at.name)
		if err != nil {
			return err
		}
		defer opened.close()
		*at.instance = opened
	}
	for _, phase := range []struct {
		name  string
		limit time.Duration
		do    func(context.Context) error
	}{
		{"encode a status list", time.Minute, s.encodeList},
		{"serve a status list", 2 * time.Minute, s.serveList},
		{"start on SQLite", time.Minute, s.startFresh},
		{"fill the index", 15 * time.Minute, s.fillIndex},
		{"issue", 5 * time.Minute, s.issueAmongMany},
		{"introspect", 5 * time.Minute, s.introspectAmongMany},
		{"show pages", 5 * time.Minute, s.showPages},
		{"serve from memory", 5 * time.Minute, s.serveFromMemory},
		{"revoke one by one", 15 * time.Minute, s.revokeOneByOne},
		{"revoke a client's", 5 * time.Minute, s.revokeClient},
		{"drop what expired", 15 * time.Minute, s.dropExpired},
		{"change much at once", 5 * time.Minute, s.changeMuch},
		{"apply files", 5 * time.Minute, s.applyFiles},
	} {
		log.Printf("%s …", phase.name)
		ctx, cancel := context.WithTimeout(ctx, phase.limit)
		err := phase.do(ctx)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", phase.name, err)
		}
	}
	return nil
}

// open makes a database and serves Signet on it.
func (s *scale) open(ctx context.Context, beside, name string) (*instance, error) {
	database, drop, err := newDatabase(ctx, beside, name)
	if err != nil {
		return nil, err
	}
	i, t, err := startSignet(ctx, s.dir, database, "SIGNET_TOKENS_ACCESS_TTL="+lifetime.String(),
		"SIGNET_LIMITS_PAGES_PER_ADDRESS=0", "SIGNET_LIMITS_REQUESTS_PER_USER=0") // one administrator opens hundreds of pages a second
	if err != nil {
		drop()
		return nil, err
	}
	db, err := sql.Open("pgx", database+"&plan_cache_mode=force_custom_plan&jit=off") // what is filled soon outgrows a plan
	if err != nil {
		t.stop()
		drop()
		return nil, err
	}
	opened := &instance{installation: i, target: t, db: db, close: func() { t.stop(); _ = db.Close(); drop() }}
	if opened.batch, err = i.registerReader(ctx, batchClient); err != nil {
		opened.close()
		return nil, err
	}
	return opened, nil
}

// replica starts another replica of an instance.
func (s *instance) replica(ctx context.Context) (*target, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	t, err := s.serve(ctx, address)
	if err == nil {
		t.client, t.service = s.client, s.service
	}
	return t, err
}

// tokenLoad is a client that gets tokens.
func (t *target) tokenLoad() load {
	return load{"tokens", t, t.tokenURL, t.client, []string{tokenRequest}}
}
