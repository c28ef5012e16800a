// Package program builds signet for tests that drive the real program.
package program

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Release makes a signet at a path as it is released: without cgo. flags are more of `go build`.
func Release(path string, flags ...string) error {
	return build(path, append(flags, "-ldflags=-s -w"), "CGO_ENABLED=0")
}

// Raced makes a signet at a path as `make test` builds the tests, so that all share what is compiled: with the race detector, with which all
// takes three times as long. Without TEST_BUILD_FLAGS it is built as go test alone builds tests.
func Raced(path string) error {
	flags := strings.Fields(os.Getenv("TEST_BUILD_FLAGS"))
	if len(flags) == 0 {
		return build(path, nil)
	}
	return build(path, flags, "CGO_ENABLED=1") // without which there is no race detector
}

func build(path string, flags []string, env ...string) error {
	cmd := exec.Command("go", slices.Concat([]string{"build", "-o", path}, flags, []string{"github.com/signet-auth/signet/cmd/signet"})...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build signet: %w\n%s", err, out)
	}
	return nil
}
