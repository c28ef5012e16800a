// Command bench measures Signet beside node oidc-provider on the same machine, one after the other: tokens and
// introspections per second, latencies, memory, and the ratio. README.md says how to read it. It runs in its own folder, and is
// a module of its own, so that what it depends on is no dependency of the server.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

// plan is how much to measure.
type plan struct {
	warm, measure time.Duration
	connections   []int

	scale bool
	rows  int64 // tokens that are many
	tries int   // of a revocation

	refusals int // of revoked tokens by services
}

func main() {
	log.SetFlags(0)
	p := plan{connections: []int{32, 256}} // 256 is 16 times the database pool
	flag.DurationVar(&p.warm, "warm", 3*time.Second, "load each target for this long before it is measured")
	flag.DurationVar(&p.measure, "measure", 10*time.Second, "measure each load for this long")
	flag.BoolVar(&p.scale, "scale", false, "measure with many tokens, too")
	flag.Int64Var(&p.rows, "rows", 10_000_000, "with -scale: the number of tokens")
	flag.IntVar(&p.tries, "tries", 100_000, "with -scale: the number of tokens to revoke one by one")
	flag.IntVar(&p.refusals, "refusals", 0, "measure only how soon services refuse so many revoked tokens")
	database := flag.String("database", "", "an empty Postgres `URL` of yours; a private one is started if there is none. With -refusals also sqlite:PATH")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, p, *database); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, p plan, database string) error {
	dir, err := os.MkdirTemp("", "signet-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := build(ctx, dir); err != nil {
		return err
	}
	if database == "" {
		var stop func()
		if database, stop, err = pgtest.Serve(); err != nil {
			return err
		}
		defer stop()
	}
	if p.refusals > 0 {
		return measureRefusals(ctx, os.Stdout, dir, database, p.refusals)
	}
	yardstick, err := measureYardstick(ctx, dir, p)
	if err != nil {
		return fmt.Errorf("oidc-provider: %w", err)
	}
	signet, err := measureSignet(ctx, dir, "signet", database, p)
	if err != nil {
		return fmt.Errorf("signet: %w", err)
	}
	embedded, err := measureSignet(ctx, dir, "signet on SQLite", "sqlite:"+filepath.Join(dir, "signet.db"), p)
	if err != nil {
		return fmt.Errorf("signet on SQLite: %w", err)
	}
	if err := report(os.Stdout, yardstick, signet, embedded); err != nil || !p.scale {
		return err
	}
	s := scale{plan: p, table: table{os.Stdout}, dir: dir}
	s.compareLoads(signet, yardstick)
	return s.run(ctx, database)
}

func measureYardstick(ctx context.Context, dir string, p plan) ([]result, error) {
	t, err := startOIDCProvider(ctx)
	if err != nil {
		return nil, err
	}
	defer t.stop()
	return t.measureAll(ctx, dir, p)
}

// measureSignet measures Signet on a database, under a name for the report.
func measureSignet(ctx context.Context, dir, name, database string, p plan) ([]result, error) {
	_, s, err := startSignet(ctx, dir, database)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	s.name = name
	return s.measureAll(ctx, dir, p)
}

// measureAll measures tokens and introspections of 200 of them.
func (t *target) measureAll(ctx context.Context, dir string, p plan) ([]result, error) {
	tokens, err := t.measure(ctx, dir, p, t.tokenLoad())
	if err != nil {
		return nil, err
	}
	issued, err := t.requestMany(ctx, t.client, t.introspectable, 200)
	if err != nil {
		return nil, err
	}
	introspections, err := t.measure(ctx, dir, p, load{"introspections", t.introspectionURL, t.service, tokenForms(issued)})
	if err != nil {
		return nil, err
	}
	for _, token := range issued {
		if active, err := t.isActive(ctx, token); err != nil || !active {
			return nil, errors.Join(errors.New("a token was not active, so the numbers mean nothing"), err)
		}
	}
	return append(tokens, introspections...), nil
}

// measure runs one load with each number of connections.
func (t *target) measure(ctx context.Context, dir string, p plan, l load) ([]result, error) {
	var results []result
	for _, connections := range p.connections {
		if _, err := l.run(ctx, dir, connections, p.warm); err != nil {
			return nil, err
		}
		r, err := l.run(ctx, dir, connections, p.measure)
		if err != nil {
			return nil, err
		}
		if r.memory, err = t.memory(); err != nil {
			return nil, err
		}
		r.target = t.name
		log.Println(r)
		if failed := r.Refused + r.Broken; failed > 0 {
			return nil, errors.New("some requests failed, so the numbers mean nothing")
		}
		results = append(results, r)
	}
	return results, nil
}
