// Package e2e drives the real binary as its users do: over HTTP, from the command line and with a browser.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

// binary is the path of the signet under test.
var binary string

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
	binary = filepath.Join(dir, "signet")
	args := []string{"build", "-o", binary}
	if underRace() {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "../../cmd/signet")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build signet: %v\n%s", err, out)
		return 1
	}
	return pgtest.Run(m)
}

// underRace says whether the tests run with the race detector; then the binary does, too.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
