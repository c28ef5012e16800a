package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	audience     = "https://orders.example"
	permission   = "orders:read"
	tokenRequest = "grant_type=client_credentials&scope=orders%3Aread&resource=https%3A%2F%2Forders.example"
)

// target is a server under load.
type target struct {
	name             string
	process          *exec.Cmd
	tokenURL         string
	introspectionURL string
	client           credentials // that gets tokens
	service          credentials // that introspects them
}

func (t *target) stop() {
	_ = t.process.Process.Signal(syscall.SIGTERM)
	_ = t.process.Wait()
}

// memory is the process's resident set in bytes.
func (t *target) memory() (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", t.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("no VmRSS")
}

func startOIDCProvider(ctx context.Context) (*target, error) {
	t := &target{name: "oidc-provider", client: credentials{"bench", rand.Text()}}
	t.process = exec.CommandContext(ctx, "bench/oidc-provider/node_modules/.bin/node", "bench/oidc-provider/server.js")
	t.process.Env = append(os.Environ(), "NODE_ENV=production", "CLIENT_SECRET="+t.client.Secret)
	stdout, err := t.process.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := t.process.Start(); err != nil {
		return nil, fmt.Errorf("%w (make bench installs it)", err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.stop()
		return nil, fmt.Errorf("it did not start: %w", err)
	}
	t.tokenURL = strings.TrimSpace(line)
	return t, nil
}

// startSignet builds Signet, serves it on the database and registers an API and its clients.
func startSignet(ctx context.Context, dir, database string) (*target, error) {
	binary := filepath.Join(dir, "signet")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/signet")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w\n%s", err, out)
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	master := make([]byte, 32)
	rand.Read(master)
	env := append(os.Environ(), "SIGNET_DATABASE_URL="+database, "SIGNET_LISTEN="+address,
		"SIGNET_MASTER_KEY="+base64.StdEncoding.EncodeToString(master))
	base := "http://" + address
	t := &target{name: "signet", tokenURL: base + "/oauth2/token", introspectionURL: base + "/oauth2/introspect"}
	t.process = exec.CommandContext(ctx, binary, "serve")
	t.process.Env = env
	t.process.Stderr = os.Stderr
	if err := t.process.Start(); err != nil {
		return nil, err
	}
	if err := awaitReady(ctx, base+"/readyz"); err != nil {
		t.stop()
		return nil, err
	}
	signet := func(args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, binary, args...)
		cmd.Env, cmd.Stderr = env, os.Stderr
		return cmd.Output()
	}
	if err := t.register(signet); err != nil {
		t.stop()
		return nil, err
	}
	return t, nil
}

// register makes what oidc-provider has in its configuration: a client that may read orders.
func (t *target) register(signet func(args ...string) ([]byte, error)) error {
	for _, command := range []struct {
		args []string
		into any
	}{
		{[]string{"api", "create", audience, "--permission", permission}, nil},
		{[]string{"role", "create", "reader", "--grant", audience + "#" + permission}, nil},
		{[]string{"client", "create", "bench", "--grant", "client_credentials", "--api", audience, "-o", "json"}, &t.client},
		{[]string{"client", "create", "orders-svc", "--serves", audience, "-o", "json"}, &t.service},
		{[]string{"assign", "reader", "--client", "bench"}, nil},
	} {
		out, err := signet(command.args...)
		if err == nil && command.into != nil {
			err = json.Unmarshal(out, command.into)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", strings.Join(command.args, " "), err)
		}
	}
	return nil
}

// introspectionRequests gets n tokens and makes a request for each.
func (t *target) introspectionRequests(ctx context.Context, n int) ([]string, error) {
	requests := make([]string, 0, n)
	for range n {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, t.tokenURL, bytes.NewBufferString(tokenRequest))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Authorization", t.client.header())
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return nil, err
		}
		var answer struct {
			AccessToken string `json:"access_token"`
		}
		err = json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&answer)
		response.Body.Close()
		if err != nil || answer.AccessToken == "" {
			return nil, fmt.Errorf("no token: %s: %w", response.Status, err)
		}
		requests = append(requests, url.Values{"token": {answer.AccessToken}}.Encode())
	}
	return requests, nil
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

func awaitReady(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(r); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the server: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
