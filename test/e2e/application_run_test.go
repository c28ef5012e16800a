package e2e

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// running is an application that runs beside a server.
type running struct {
	t      *testing.T
	server *server
	client client
	url    string
	log    logBuffer
	exited chan struct{}
}

// registrations finds what an application's file says of its registration, in comments: signet client create …
var registrations = regexp.MustCompile(`(?m)^(?://|#) +(signet (?:[^\n]*\\\n(?://|#))*[^\n]*)\n`)

// register runs the commands of Signet in an application's file, for an application at this address, and returns the client.
func (s *shop) register(t *testing.T, file, address string) (c client) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(interopDir, file))
	check(t, err)
	for _, match := range registrations.FindAllStringSubmatch(string(text), -1) {
		command := strings.NewReplacer("\\\n//", "", "\\\n#", "", "http://localhost:3000", address).Replace(match[1])
		out := s.signet(append(strings.Fields(command)[1:], "-o", "json")...)
		if strings.HasPrefix(command, "signet client create ") {
			check(t, json.Unmarshal([]byte(out), &c))
		}
	}
	if c.ID == "" {
		t.Fatalf("%s does not say how it is registered", file)
	}
	s.secret(c.Secret)
	return c
}

// runApplication registers an application of test/interop, starts it on a free port and waits until it listens there.
func (s *shop) runApplication(t *testing.T, file string, env ...string) *running {
	t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(s.installation))
	check(t, err)
	r := &running{t: t, server: s.server, url: "http://localhost:" + port, exited: make(chan struct{})}
	r.client = s.register(t, file, r.url)
	cmd := exec.CommandContext(t.Context(), interpreter(t, file), file)
	cmd.Dir = interopDir
	cmd.Env = append(os.Environ(), "ISSUER="+s.issuer, "BASE_URL="+r.url, "PORT="+port, "CLIENT_ID="+r.client.ID, "CLIENT_SECRET="+r.client.Secret)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdout, cmd.Stderr = &r.log, &r.log
	cmd.WaitDelay = time.Second
	check(t, cmd.Start())
	go func() {
		_ = cmd.Wait() // the end of the test ends it
		close(r.exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-r.exited
		if t.Failed() {
			t.Logf("%s:\n%s", file, &r.log)
		}
	})
	r.await(func() bool {
		connection, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			connection.Close()
		}
		return err == nil
	})
	return r
}

// await waits until this is so, or the application has ended.
func (r *running) await(so func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); !so(); {
		select {
		case <-r.exited:
			r.t.Fatal("the application ended")
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			r.t.Fatal("waited for a minute")
		}
	}
}

// interpreter is the program that runs this file.
func interpreter(t *testing.T, file string) string {
	t.Helper()
	switch filepath.Ext(file) {
	case ".js":
		return installed(t, "./node_modules/.bin/node")
	default:
		t.Fatalf("nothing runs %s", file)
		return ""
	}
}

// installed is a program that make test installs, by its name or its path from test/interop. Where it is missing nothing is tested,
// which is an error in CI.
func installed(t *testing.T, program string) string {
	t.Helper()
	if _, err := exec.LookPath(filepath.Join(interopDir, program)); err == nil {
		return program
	}
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("%v: run make test", err)
	}
	t.Skipf("NOT TESTED: %v: run make test", err)
	return ""
}
