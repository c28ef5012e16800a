package e2e

import (
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
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
var registrations = regexp.MustCompile(`(?m)^(?://|#| )\s+(signet (?:[^\n]*\\\n)*[^\n]*)\n`)

// continued is the end of a line of a command that goes on.
var continued = regexp.MustCompile(`\\\n(?://|#)?`)

// oauth2Proxy is the program that test/interop/go.mod names as a tool.
const oauth2Proxy = "github.com/oauth2-proxy/oauth2-proxy/v7"

// register runs the commands of Signet in an application's file, for an application at this address, and returns the client.
func (s *shop) register(t *testing.T, file, address string) (c client) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(interopDir, file))
	check(t, err)
	for _, match := range registrations.FindAllStringSubmatch(string(text), -1) {
		command := strings.ReplaceAll(continued.ReplaceAllString(match[1], ""), "http://localhost:3000", address)
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

// freePort is a port for an application.
func freePort(i *installation) string {
	i.t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(i))
	check(i.t, err)
	return port
}

// runApplication registers an application of test/interop, starts it on a free port and waits until it listens there.
func (s *shop) runApplication(t *testing.T, file string, env ...string) *running {
	t.Helper()
	return s.runApplicationAt(t, freePort(s.installation), file, env...)
}

func (s *shop) runApplicationAt(t *testing.T, port, file string, env ...string) *running {
	t.Helper()
	address := "http://localhost:" + port
	c := s.register(t, file, address)
	cmd := command(t, file)
	cmd.Env = append(cmd.Env, "ISSUER="+s.issuer, "BASE_URL="+address, "PORT="+port, "CLIENT_ID="+c.ID, "CLIENT_SECRET="+c.Secret)
	cmd.Env = append(cmd.Env, env...)
	r := s.runUntilEnd(t, file, cmd, port)
	r.client = c
	return r
}

// runUntilEnd starts a program that listens on a port of localhost, and waits until it does.
func (s *shop) runUntilEnd(t *testing.T, name string, cmd *exec.Cmd, port string) *running {
	t.Helper()
	r := &running{t: t, server: s.server, url: "http://localhost:" + port, exited: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &r.log, &r.log
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it may start others, as Apache does
	check(t, cmd.Start())
	go func() {
		_ = cmd.Wait() // the end of the test ends it
		close(r.exited)
	}()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-r.exited
		if t.Failed() {
			t.Logf("%s:\n%s", name, &r.log)
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

// command is what runs a file of test/interop: what make test installs, or what is built for this test alone.
func command(t *testing.T, file string) *exec.Cmd {
	t.Helper()
	var argv []string
	env := os.Environ()
	switch filepath.Ext(file) {
	case ".js":
		argv = []string{"./node_modules/.bin/node", file}
		needs(t, filepath.Join(interopDir, argv[0]))
	case ".py":
		argv = []string{"/usr/bin/python3", file}
		needs(t, "/usr/lib/python3/dist-packages/authlib")
	case ".conf":
		path, err := filepath.Abs(filepath.Join(interopDir, file))
		check(t, err)
		argv = []string{"/usr/sbin/apache2", "-f", path, "-D", "FOREGROUND"}
		needs(t, "/usr/lib/apache2/modules/mod_auth_openidc.so")
		env = append(env, "DIRECTORY="+t.TempDir())
	case ".go":
		argv = []string{build(t, interopDir, "./"+filepath.Dir(file))}
	case ".sh":
		argv = []string{"bash", file}
		env = append(env, "PATH="+filepath.Dir(build(t, interopDir, oauth2Proxy))+":"+os.Getenv("PATH"))
	}
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir = interopDir
	cmd.Env = env
	return cmd
}

// needs ends a test where a file that make test installs is missing: in CI as failed, elsewhere as skipped.
func needs(t *testing.T, file string) {
	t.Helper()
	if _, err := os.Stat(file); err != nil {
		missing(t, err)
	}
}

func missing(t *testing.T, why any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%v: run make test", why)
	}
	t.Skipf("NOT TESTED: %v: run make test", why)
}

// build builds a program of the module in a directory.
func build(t *testing.T, dir, program string) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), filepath.Base(filepath.Join(dir, strings.TrimSuffix(program, "/v7"))))
	if out, err := exec.Command("go", "build", "-C", dir, "-o", binary, program).CombinedOutput(); err != nil {
		missing(t, string(out))
	}
	return binary
}
