// Package e2e drives the real binary as its users do: over HTTP, from the command line and with a browser.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"testing"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

// The paths of the signet under test: as it is released, and as the tests are built, with the race detector, with which all takes three
// times as long. Servers on Postgres run with it. test/cli runs the commands with it.
var released, raced string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "signet-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	released, raced = filepath.Join(dir, "signet"), filepath.Join(dir, "raced")
	for path, flags := range map[string][]string{released: nil, raced: buildFlags()} {
		args := append([]string{"build", "-o", path}, flags...)
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

// buildFlags are those that the tests were built with and that change what a binary does: -race, and what it leaves out.
func buildFlags() (flags []string) {
	info, _ := debug.ReadBuildInfo()
	for _, setting := range info.Settings {
		if setting.Key == "-race" || setting.Key == "-gcflags" {
			flags = append(flags, setting.Key+"="+setting.Value)
		}
	}
	return flags
}
