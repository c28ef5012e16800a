package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// installation is one Signet: a database, a master key, and the processes that run on them.
type installation struct {
	t      *testing.T
	dir    string   // the processes' working directory
	env    []string // the settings of the database and the master key
	issuer string   // the first server's URL

	onSQLite bool
	prompt   bool   // its servers wait for the database as long as they do by default, where that is to fail
	program  string // the signet that servers are; empty: as main_test.go says

	mu      sync.Mutex
	secrets []string // must never be in a log
	servers []*server
}

// patientDatabase has servers and commands wait longer for their database than a busy machine takes, so that every error is a fault.
const patientDatabase = "SIGNET_DATABASE_TIMEOUT=30s"

// noSleep spares each command the second that the race detector would wait at its end.
const noSleep = "GORACE=atexit_sleep_ms=0"

// masterKey is of all installations of this run, so that one can go on with a copy of another's database.
var masterKey = sync.OnceValue(func() string {
	key := make([]byte, 32)
	rand.Read(key)
	return base64.StdEncoding.EncodeToString(key)
})

// newInstallation makes a Signet on a fresh database. After the test its logs are searched for what must not be there.
func newInstallation(t *testing.T, database string) *installation {
	t.Helper()
	key := masterKey()
	i := &installation{
		t:       t,
		dir:     t.TempDir(),
		env:     []string{"SIGNET_DATABASE_URL=" + database, "SIGNET_MASTER_KEY=" + key, noSleep, patientDatabase},
		secrets: []string{key},

		onSQLite: strings.HasPrefix(database, "sqlite:"),
	}
	t.Cleanup(i.searchLogs)
	return i
}

// secret marks a value as one that must never be in a log.
func (i *installation) secret(value string) string {
	if value != "" {
		i.mu.Lock()
		defer i.mu.Unlock()
		i.secrets = append(i.secrets, value)
	}
	return value
}

func (i *installation) searchLogs() {
	for n, s := range i.servers {
		log := s.log.String()
		for _, never := range []string{"panic", "DATA RACE", "goroutine ", "SQLSTATE 42", "syntax error"} {
			if strings.Contains(log, never) {
				i.t.Errorf("the log of server %d contains %q", n, never)
			}
		}
		for _, secret := range i.secrets {
			if strings.Contains(log, secret) {
				i.t.Errorf("the log of server %d contains the secret %q", n, secret)
			}
		}
		if i.t.Failed() {
			lines := strings.SplitAfter(log, "\n")
			i.t.Logf("the end of the log of server %d:\n%s", n, strings.Join(lines[max(0, len(lines)-200):], ""))
		}
	}
}

// signet runs a command beside the servers and returns what it prints.
func (i *installation) signet(args ...string) string {
	i.t.Helper()
	return i.signetWithInput("", args...)
}

func (i *installation) signetWithInput(stdin string, args ...string) string {
	i.t.Helper()
	cmd := i.command(args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		i.t.Fatalf("signet %s: %v\n%s", strings.Join(args, " "), err, &stderr)
	}
	return stdout.String()
}

// signetJSON runs a command with -o json and decodes what it prints.
func signetJSON[T any](i *installation, args ...string) T {
	i.t.Helper()
	var v T
	out := i.signet(append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		i.t.Fatalf("signet %s: %v in %s", strings.Join(args, " "), err, out)
	}
	return v
}

// refused runs a command that has to fail and returns what it says.
func (i *installation) refused(args ...string) string {
	i.t.Helper()
	out, err := i.command(args...).CombinedOutput()
	if err == nil {
		i.t.Fatalf("signet %s succeeded:\n%s", strings.Join(args, " "), out)
	}
	return string(out)
}

func (i *installation) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(i.t.Context(), released, args...)
	cmd.Dir = i.dir
	cmd.Env = append(os.Environ(), i.env...)
	return cmd
}
