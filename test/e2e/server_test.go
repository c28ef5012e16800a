package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/signet-auth/signet/test/freeaddress"
)

// server is a running `signet serve`.
type server struct {
	*installation
	url string
	cmd *exec.Cmd
	log logBuffer // stdout and stderr

	exited chan struct{}
}

// logBuffer may be read while the process still writes.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// serve starts a server on a free port and waits until it is ready.
func (i *installation) serve() *server {
	i.t.Helper()
	s := i.start()
	s.awaitReady()
	return s
}

// start starts a server without waiting for it.
func (i *installation) start() *server {
	i.t.Helper()
	address := freeAddress(i)
	s := &server{installation: i, url: "http://" + address, exited: make(chan struct{})}
	if i.issuer == "" {
		i.issuer = s.url
	}
	program := raced
	switch {
	case i.program != "":
		program = i.program
	case i.onSQLite:
		program = released
	}
	s.cmd = exec.Command(program, "serve")
	s.cmd.Dir = i.dir
	s.cmd.Env = append(append(append(os.Environ(), "SIGNET_DRAIN=0s"), i.env...), "SIGNET_LISTEN="+address, "SIGNET_ISSUER="+i.issuer, "SIGNET_LOG_LEVEL=debug")
	if i.prompt {
		s.cmd.Env = append(s.cmd.Env, "SIGNET_DATABASE_TIMEOUT=1500ms")
	}
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		i.t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait() // a server that was killed on purpose is no failure
		close(s.exited)
	}()
	i.t.Cleanup(s.stop)
	i.servers = append(i.servers, s)
	return s
}

func freeAddress(i *installation) string {
	i.t.Helper()
	address, err := freeaddress.Next()
	check(i.t, err)
	return address
}

// awaitReady waits until /readyz says yes.
func (s *server) awaitReady() {
	s.t.Helper()
	if err := s.pollReady(time.Minute); err != nil {
		s.t.Fatalf("the server is not ready: %v\n%s", err, s.log.String())
	}
}

func (s *server) pollReady(limit time.Duration) error {
	deadline := time.Now().Add(limit)
	err := errors.New("no answer yet")
	for time.Now().Before(deadline) {
		select {
		case <-s.exited:
			return fmt.Errorf("it stopped: %s", s.cmd.ProcessState)
		case <-time.After(20 * time.Millisecond):
		}
		var response *http.Response
		if response, err = http.Get(s.url + "/readyz"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(response.Status)
		}
	}
	return err
}

// stop ends the server as an operator would, and insists that it goes.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may be gone already
	select {
	case <-s.exited:
	case <-time.After(30 * time.Second): // three times as long as it gives requests
		s.kill()
		s.t.Error("the server did not stop within 30 seconds of SIGTERM")
	}
}

// kill ends the server as a power cut would.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

var setupLink = regexp.MustCompile(`http://\S+/setup\?token=\S+`)

// setupLink is the link that makes the first administrator, as the server printed it.
func (s *server) setupLink() string {
	s.t.Helper()
	link := setupLink.FindString(s.log.String())
	if link == "" {
		s.t.Fatalf("the server printed no setup link:\n%s", s.log.String())
	}
	return link
}
