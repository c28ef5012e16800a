// Command bench measures Signet beside node oidc-provider on the same machine, in turn: tokens and introspections per second,
// latencies, memory, and the ratio. README.md says how to read it. It runs in its own folder, and is
// a module of its own, so that what it depends on is no dependency of the server.
package main

import (
	"context"
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
	dir           string // for what is built and kept meanwhile

	scale bool
	rows  int64 // tokens that are many
	tries int   // of a revocation

	refusals  int // of revoked tokens by services
	decisions bool
	replicas  bool
	day       int // tokens a second of a simulated day
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
	flag.BoolVar(&p.decisions, "decisions", false, "measure only evaluations at /access/v1")
	flag.BoolVar(&p.replicas, "replicas", false, "measure only what a second and a third replica add; a minute and a half")
	flag.IntVar(&p.day, "day", 0, "simulate only a day of so many tokens a second, and show that nothing grows for ever")
	database := flag.String("database", "", "an empty Postgres `URL` of yours; a private one is started if there is none. With -refusals, -decisions and -day also sqlite:PATH")
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
	p.dir = dir
	if p.day == 0 {
		if err := build(ctx, dir); err != nil {
			return err
		}
	}
	if database == "" {
		var stop func()
		if database, stop, err = pgtest.Serve(); err != nil {
			return err
		}
		defer stop()
	}
	if p.day > 0 {
		return simulateDay(ctx, os.Stdout, database, p.day)
	}
	if p.refusals > 0 {
		return measureRefusals(ctx, os.Stdout, dir, database, p.refusals)
	}
	if p.decisions {
		return measureDecisions(ctx, os.Stdout, database, p)
	}
	if p.replicas {
		return measureReplicas(ctx, os.Stdout, database, p)
	}
	measured, err := p.measureAll(ctx, database)
	if err != nil {
		return err
	}
	if err := report(os.Stdout, measured); err != nil || !p.scale {
		return err
	}
	s := scale{plan: p, table: table{os.Stdout}}
	s.compareLoads(measured)
	return s.run(ctx, database)
}

// servers are those that are compared, each with its results.
type servers struct{ yardstick, signet, embedded []result }

// measureAll measures tokens and introspections of 200 of them, on Signet with a database, Signet on SQLite and oidc-provider.
func (p plan) measureAll(ctx context.Context, database string) (all servers, err error) {
	yardstick, err := startOIDCProvider(ctx)
	if err != nil {
		return all, fmt.Errorf("oidc-provider: %w", err)
	}
	defer yardstick.stop()
	_, signet, err := startSignet(ctx, p.dir, database)
	if err != nil {
		return all, fmt.Errorf("signet: %w", err)
	}
	defer signet.stop()
	_, embedded, err := startSignet(ctx, p.dir, "sqlite:"+filepath.Join(p.dir, "signet.db"))
	if err != nil {
		return all, fmt.Errorf("signet on SQLite: %w", err)
	}
	defer embedded.stop()
	embedded.name = "signet on SQLite"

	targets := []*target{yardstick, signet, embedded}
	var tokens, introspections []load
	var issued [][]string
	for _, t := range targets {
		some, err := t.requestMany(ctx, t.client, t.introspectable, 200)
		if err != nil {
			return all, fmt.Errorf("%s: %w", t.name, err)
		}
		issued = append(issued, some)
		tokens = append(tokens, t.tokenLoad())
		introspections = append(introspections, load{"introspections", t, t.introspectionURL, t.service, tokenForms(some)})
	}
	for _, loads := range [][]load{tokens, introspections} {
		for _, connections := range p.connections {
			results, err := p.inTurn(ctx, connections, loads...)
			if err != nil {
				return all, err
			}
			all.yardstick, all.signet, all.embedded = append(all.yardstick, results[0]), append(all.signet, results[1]), append(all.embedded, results[2])
		}
	}
	for i, t := range targets {
		if err := t.areActive(ctx, issued[i]); err != nil {
			return all, err
		}
	}
	return all, nil
}
