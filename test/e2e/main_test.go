// Package e2e drives the real binary as its users do: over HTTP, from the command line and with a browser.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

// The paths of the signet under test: as it is released, and as `make test` builds the tests, with the race detector, with which all takes
// three times as long. Servers on Postgres run with it. test/cli runs the commands with it.
var released, raced string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if paths := os.Getenv(namespaced); paths != "" {
		released, raced, _ = strings.Cut(paths, string(os.PathListSeparator))
		return pgtest.Run(m)
	}
	dir, err := os.MkdirTemp("", "signet-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	released, raced = filepath.Join(dir, "signet"), filepath.Join(dir, "raced")
	for path, flags := range map[string][]string{released: nil, raced: buildFlags()} {
		args := append([]string{"build", "-ldflags=-s -w", "-o", path}, flags...)
		if out, err := exec.Command("go", append(args, "../../cmd/signet")...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build signet: %v\n%s", err, out)
			return 1
		}
	}
	if err := os.Setenv("GORACE", "atexit_sleep_ms=0"); err != nil { // or each command takes a second longer under the race detector
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return pgtest.Run(m)
}

// buildFlags are those that `make test` builds the tests with, so that all share what is compiled; none with go test alone.
func buildFlags() []string {
	return strings.Fields(os.Getenv("TEST_BUILD_FLAGS"))
}
