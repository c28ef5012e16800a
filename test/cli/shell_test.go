package cli

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// command is one of signet in a folder.
func command(t *testing.T, folder string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), signet, args...)
	cmd.Dir, cmd.Env = folder, append(os.Environ(), "XDG_CONFIG_HOME="+folder)
	return cmd
}

// The script of the package bash-completion that reads the command line is replaced by the least that does so.
const completing = `
_init_completion() { words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=${words[cword]}; }
eval "$(signet completion bash)"
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_TYPE=9
compopt() { :; }
__start_signet
printf '%s\n' "${COMPREPLY[@]}"
`

func TestBashCompletesRealNames(t *testing.T) {
	folder := t.TempDir()
	for _, args := range [][]string{
		{"api", "create", "https://orders.example", "--permission", "orders:read"}, {"role", "create", "clerk"},
		{"role", "create", "x$(touch ruined)1"}, {"role", "create", "x$(touch ruined)2"},
	} {
		if out, err := command(t, folder, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", args, err, out)
		}
	}
	for line, want := range map[string]string{
		"role show cl":       "clerk",
		"role show x":        "",
		"api show https://o": "//orders.example", // bash takes what follows the colon for a word of its own
		"role update clerk --grant https://orders":           "//orders.example",
		"role update clerk --grant https://orders.example#o": "//orders.example#orders:read",
	} {
		cmd := exec.CommandContext(t.Context(), "bash", append([]string{"-c", completing, "bash", "signet"}, strings.Fields(line)...)...)
		cmd.Dir, cmd.Env = folder, append(os.Environ(), "PATH="+filepath.Dir(signet)+":"+os.Getenv("PATH"), "XDG_CONFIG_HOME="+folder, "SIGNET_COMPLETION_TIMEOUT=1m")
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("signet %s is completed to %q, not %q (%v)", line, got, want, err)
		}
	}
	if _, err := os.Stat(filepath.Join(folder, "ruined")); !errors.Is(err, os.ErrNotExist) {
		t.Error("a name was run as a command")
	}
}

// What reads the output may stop reading, as head does.
func TestACommandEndsQuietlyWhenNobodyReadsWhatItAnswers(t *testing.T) {
	folder := t.TempDir()
	if err := command(t, folder, "client", "list").Run(); err != nil { // makes the database, and says so
		t.Fatal(err)
	}
	for _, args := range [][]string{{"client", "list"}, {"client", "list", "-o", "json"}, {"audit", "export"}, {"--help"}} {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		reader.Close()
		var said bytes.Buffer
		cmd := command(t, folder, args...)
		cmd.Stdout, cmd.Stderr = writer, &said
		err = cmd.Run()
		writer.Close()
		exit, failed := errors.AsType[*exec.ExitError](err)
		if said.Len() > 0 || failed && exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGPIPE {
			t.Errorf("%v: %v: %s", args, err, &said)
		}
	}
}
