// Package e2e drives the real binary as its users do: over HTTP, from the command line and with a browser.
package e2e

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/test/program"
)

// The paths of the signet under test: as it is released, and with the race detector, with which servers on Postgres run.
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
	err = errors.Join(
		program.Release(released),
		program.Raced(raced),
		os.Setenv("CGO_ENABLED", "0"),                                    // other programs share what is compiled for the released one
		os.Setenv("GORACE", "atexit_sleep_ms=0"),                         // or each command takes a second longer under the race detector
		flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))), // they wait for servers and browsers half of the time
	)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return pgtest.Run(m)
}
