package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testedBlocks finds the README's commands that this test runs: ```sh tested
var testedBlocks = regexp.MustCompile("(?ms)^```sh tested\n(.*?)^```$")

func TestTheReadmesCommandsDoWhatTheReadmeSays(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	check(t, err)
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for _, block := range testedBlocks.FindAllSubmatch(readme, -1) {
		script.Write(block[1])
	}
	i := newInstallation(t, newSQLiteDatabase(t))
	s := i.serve()
	check(t, os.Mkdir(filepath.Join(i.dir, "bin"), 0o700))
	check(t, os.Symlink(binary, filepath.Join(i.dir, "bin/signet")))

	cmd := exec.CommandContext(t.Context(), "bash", "-x")
	cmd.Dir = i.dir
	cmd.Env = append(os.Environ(), i.env...)
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(script.String(), "http://127.0.0.1:8080", s.url))
	var trace strings.Builder
	cmd.Stderr = &trace
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, &trace)
	}
	for _, want := range []string{`"access_token"`, `"active":true`, `"active":false`} {
		if !strings.Contains(strings.ReplaceAll(string(out), `": `, `":`), want) {
			t.Errorf("no %s in what the commands print:\n%s", want, out)
		}
	}
}
