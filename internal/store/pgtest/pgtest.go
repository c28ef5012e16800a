// Package pgtest runs private PostgreSQL servers for tests. It never uses one that happens to run.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// shared is the cluster of this test binary.
var shared struct {
	once    sync.Once
	cluster *Cluster
	err     error

	preparing  sync.Once
	unprepared error
}

// Main runs a package's tests, stops the shared cluster and exits: call it from TestMain.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for a TestMain that has more to clean up. It returns the exit code.
func Run(m *testing.M) int {
	defer func() {
		if shared.cluster != nil {
			shared.cluster.remove()
		}
	}()
	return m.Run()
}

// Serve starts a cluster for a program that is no test, such as a benchmark. It returns the URL of an empty database, and
// what stops the cluster and deletes its files.
func Serve() (url string, stop func(), err error) {
	c, err := start("", "")
	if err != nil {
		return "", nil, err
	}
	return c.url("postgres"), c.remove, nil
}

// Database creates an empty database in a cluster that the tests of this binary share, and returns its URL. It is dropped
// when the test ends. Where PostgreSQL is not installed the test is skipped, or fails if CI=true.
// The package's TestMain must call Main or Run.
func Database(tb testing.TB) string {
	tb.Helper()
	return sharedCluster(tb).Database(tb)
}

// Copy is Database, but for a database that prepare has filled, once for all tests of this binary.
func Copy(tb testing.TB, prepare func(url string) error) string {
	tb.Helper()
	c := sharedCluster(tb)
	c.prepare(tb, prepare)
	return c.create(tb, prepared)
}

// Fill has an empty database of Database hold what one of Copy does. False: it is in another cluster, and still empty.
func Fill(tb testing.TB, url string, prepare func(url string) error) bool {
	tb.Helper()
	c := sharedCluster(tb)
	name := regexp.MustCompile(`test_[a-z0-9]+`).FindString(url)
	if url != c.url(name) {
		return false
	}
	c.prepare(tb, prepare)
	for _, statement := range []string{"DROP DATABASE " + name, createDatabase(name, prepared)} {
		if err := c.admin(statement); err != nil {
			tb.Fatal(err)
		}
	}
	return true
}

func (c *Cluster) prepare(tb testing.TB, prepare func(url string) error) {
	tb.Helper()
	shared.preparing.Do(func() {
		shared.unprepared = errors.New("the test that was to prepare the database failed")
		err := c.admin("CREATE DATABASE " + prepared)
		if err == nil {
			err = prepare(c.url(prepared)) // may end the test
		}
		shared.unprepared = err
	})
	if shared.unprepared != nil {
		tb.Fatal(shared.unprepared)
	}
}

// prepared is what Copy and Fill copy.
const prepared = "prepared"

func sharedCluster(tb testing.TB) *Cluster {
	tb.Helper()
	requireBinaries(tb)
	shared.once.Do(func() { shared.cluster, shared.err = startForTests("") })
	if shared.err != nil {
		tb.Fatal(shared.err)
	}
	return shared.cluster
}

// New starts a cluster that only this test uses, with arguments of the server's, and stops it when the test ends.
// Where PostgreSQL is not installed it does as Database.
func New(tb testing.TB, settings ...string) *Cluster {
	tb.Helper()
	requireBinaries(tb)
	c, err := startForTests("", settings...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.remove)
	return c
}

// NewWithLogIn is New, but for a cluster whose write-ahead log is in a folder that PostgreSQL's own user may write to.
func NewWithLogIn(tb testing.TB, folder string) *Cluster {
	tb.Helper()
	requireBinaries(tb)
	c, err := startForTests(filepath.Join(folder, "pg_wal"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.remove)
	return c
}

func requireBinaries(tb testing.TB) {
	tb.Helper()
	_, err := findBinaries()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		tb.Fatal(err)
	default:
		tb.Skipf("NOT TESTED on PostgreSQL: %v", err)
	}
}

// Database creates an empty database in the cluster and returns its URL; it is dropped when the test ends.
func (c *Cluster) Database(tb testing.TB) string {
	tb.Helper()
	return c.create(tb, "template1")
}

// createDatabase copies files, which takes less than to write them to the log as well.
func createDatabase(name, template string) string {
	return "CREATE DATABASE " + name + " STRATEGY FILE_COPY TEMPLATE " + template
}

func (c *Cluster) create(tb testing.TB, template string) string {
	tb.Helper()
	name := "test_" + strings.ToLower(rand.Text()[:12])
	if err := c.admin(createDatabase(name, template)); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.admin("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			tb.Logf("leave a database behind: %v", err)
		}
	})
	return c.url(name)
}

// admin runs a statement in the cluster's own database.
func (c *Cluster) admin(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the test cluster: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err = conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}
