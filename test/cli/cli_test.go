// Package cli runs the scenarios of *.txtar: the real program, driven from the command line and over HTTP.
// They read as documentation; commands_test.go has the few commands that they use beside testscript's own.
package cli

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signet-auth/signet/internal/cli"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/test/freeaddress"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"signet": signet})
}

// signet is what cmd/signet runs.
func signet() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func TestOnSQLite(t *testing.T) {
	run(t, "sqlite", func(*testscript.Env) {})
}

func TestOnPostgres(t *testing.T) {
	cluster := pgtest.New(t)
	run(t, "postgres", func(env *testscript.Env) {
		master := make([]byte, 32)
		rand.Read(master)
		env.Setenv("SIGNET_MASTER_KEY", base64.StdEncoding.EncodeToString(master))
		env.Setenv("SIGNET_DATABASE_URL", cluster.Database(t))
	})
}

const sampleFile = "../../config/sample.yaml"

// run runs every scenario, each in a directory of its own with a free port for its server in $SIGNET_LISTEN and $URL, and
// the sample of files as code in $SAMPLE.
func run(t *testing.T, database string, setup func(*testscript.Env)) {
	sample, err := filepath.Abs(sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:  ".",
		Cmds: commands,
		Setup: func(env *testscript.Env) error {
			address, err := freeaddress.Next()
			if err != nil {
				return err
			}
			env.Setenv("SIGNET_LISTEN", address)
			env.Setenv("URL", "http://"+address)
			env.Setenv("SAMPLE", sample)
			env.Setenv("GORACE", "atexit_sleep_ms=0")     // or each command takes a second longer under the race detector
			env.Setenv("SIGNET_COMPLETION_TIMEOUT", "1m") // the machine may be busy
			env.Setenv("SIGNET_DATABASE_TIMEOUT", "30s")
			setup(env)
			return nil
		},
		Condition: func(condition string) (bool, error) { return condition == database, nil },
	})
}
