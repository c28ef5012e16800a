// Package cli runs the scenarios of *.txtar: the real program, driven from the command line and over HTTP.
// They read as documentation; commands_test.go has the few commands that they use beside testscript's own.
package cli

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/test/freeaddress"
	"github.com/signet-auth/signet/test/program"
)

// signet is the path of the program.
var signet string

func TestMain(m *testing.M) {
	os.Exit(build(m))
}

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "signet-cli-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	signet = filepath.Join(dir, "signet")
	if err := program.Release(signet); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
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
			env.Setenv("PATH", filepath.Dir(signet)+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("SIGNET_COMPLETION_TIMEOUT", "1m") // the machine may be busy
			env.Setenv("SIGNET_DATABASE_TIMEOUT", "30s")
			setup(env)
			return nil
		},
		Condition: func(condition string) (bool, error) { return condition == database, nil },
	})
}
