package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pair is a primary and a standby that confirms each commit, and takes the place of the other.
type Pair struct {
	Primary, Standby *Cluster
	first            *Cluster // in the URL
}

// NewPair starts two clusters that only this test uses, and stops them when the test ends. Where PostgreSQL is not installed it does as
// Database.
func NewPair(tb testing.TB) *Pair {
	tb.Helper()
	requireBinaries(tb)
	primary, err := startForTests("")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(primary.remove)
	standby := &Cluster{binaries: primary.binaries, password: primary.password, settings: primary.settings, owner: primary.owner}
	if standby.dir, err = os.MkdirTemp(memory(), clusterPrefix); err != nil { //nolint:usetesting // a folder that the server's own user can enter
		tb.Fatal(err)
	}
	tb.Cleanup(standby.remove)
	if standby.owner != nil {
		if err := os.Chown(standby.dir, int(standby.owner.Uid), int(standby.owner.Gid)); err != nil {
			tb.Fatal(err)
		}
	}
	p := &Pair{Primary: primary, Standby: standby, first: primary}
	p.Rebuild(tb)
	return p
}

// URL names both servers, the first primary first.
func (p *Pair) URL() string {
	other := p.Primary
	if other == p.first {
		other = p.Standby
	}
	return strings.Replace(p.first.url("postgres"), "/postgres?", fmt.Sprintf(",127.0.0.1:%d/postgres?target_session_attrs=read-write&", other.port), 1)
}

// URL names this server alone.
func (c *Cluster) URL() string { return c.url("postgres") }

// Lag has commits not wait for the standby, which gets none of them any more.
func (p *Pair) Lag(tb testing.TB) {
	tb.Helper()
	p.waitForStandby(tb, p.Primary, false)
	for _, statement := range []string{`ALTER SYSTEM SET primary_conninfo = ''`, `SELECT pg_reload_conf()`} {
		if err := p.Standby.admin(statement); err != nil {
			tb.Fatal(err)
		}
	}
	for deadline := time.Now().Add(time.Minute); p.Primary.ask(tb, `SELECT COUNT(*)::TEXT FROM pg_stat_replication`) != "0"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatal("the standby goes on")
		}
	}
}

// Promote has the standby take the place of the primary, as a manager of the two would: it waits for no other until there is one.
func (p *Pair) Promote(tb testing.TB) {
	tb.Helper()
	p.waitForStandby(tb, p.Standby, false)
	if err := p.Standby.admin(`SELECT pg_promote(true, 30)`); err != nil {
		tb.Fatal(err)
	}
	p.Primary, p.Standby = p.Standby, p.Primary
}

// Rebuild makes the standby anew from the primary, starts it, and has the primary wait for it at each commit.
func (p *Pair) Rebuild(tb testing.TB) {
	tb.Helper()
	c := p.Standby
	c.stop(syscall.SIGQUIT)
	if err := os.RemoveAll(c.data()); err != nil {
		tb.Fatal(err)
	}
	postgres, err := filepath.EvalSymlinks(c.binaries.postgres) // beside which its other programs are
	if err != nil {
		tb.Fatal(err)
	}
	cmd := c.command(filepath.Join(filepath.Dir(postgres), "pg_basebackup"), "-D", c.data(), "-R", "-X", "stream", "-c", "fast", "--no-sync",
		"-d", fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=%s", p.Primary.port, superuser, p.Primary.password))
	if out, err := cmd.CombinedOutput(); err != nil {
		tb.Fatalf("pg_basebackup: %v\n%s", err, out)
	}
	c.Start(tb)
	p.waitForStandby(tb, p.Primary, true)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if state := p.Primary.ask(tb, `SELECT COALESCE(MAX(sync_state), 'none') FROM pg_stat_replication WHERE state = 'streaming'`); state == "sync" {
			return
		} else if time.Now().After(deadline) {
			tb.Fatal("the standby does not confirm commits: it is ", state)
		}
	}
}

// waitForStandby says whether a cluster waits for the standby's confirmation of each commit.
func (p *Pair) waitForStandby(tb testing.TB, c *Cluster, wait bool) {
	tb.Helper()
	names := ""
	if wait {
		names = "*"
	}
	for _, statement := range []string{`ALTER SYSTEM SET synchronous_standby_names = '` + names + `'`, `SELECT pg_reload_conf()`} {
		if err := c.admin(statement); err != nil {
			tb.Fatal(err)
		}
	}
}

// ask runs a query for one text in the cluster's own database.
func (c *Cluster) ask(tb testing.TB, query string) (answer string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := conn.QueryRow(ctx, query).Scan(&answer); err != nil {
		tb.Fatal(err)
	}
	return answer
}
