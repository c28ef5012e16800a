package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// installation is Signet on one database, run by as many replicas as are started.
type installation struct {
	binary string
	issuer string // the address of the first replica
	env    []string
}

// build builds Signet into a folder.
func build(ctx context.Context, dir string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binaryIn(dir), "./cmd/signet") // as make build does
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}

func binaryIn(dir string) string { return filepath.Join(dir, "signet") }

// install chooses an address for Signet with settings (SIGNET_…=…).
func install(dir string, settings ...string) (*installation, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	issuer := "http://" + address
	return &installation{binaryIn(dir), issuer, append(append(os.Environ(), "SIGNET_ISSUER="+issuer), settings...)}, nil
}

// masterKey is the setting that replicas on Postgres need.
func masterKey() string {
	master := make([]byte, 32)
	rand.Read(master)
	return "SIGNET_MASTER_KEY=" + base64.StdEncoding.EncodeToString(master)
}

// start starts a replica without waiting for it.
func (i *installation) start(ctx context.Context, address string) (*target, error) {
	base := "http://" + address
	t := &target{
		name: "signet", tokenURL: base + "/oauth2/token", introspectionURL: base + "/oauth2/introspect",
		revocationURL: base + "/oauth2/revoke", introspectable: tokenRequest,
	}
	t.process = exec.CommandContext(ctx, i.binary, "serve", "--listen", address)
	t.process.Env = append(i.env, "SIGNET_DRAIN=0s")
	t.process.Stderr = os.Stderr
	return t, t.process.Start()
}

// serve starts a replica and waits until it is ready. The first one has the address of the issuer.
func (i *installation) serve(ctx context.Context, address string) (*target, error) {
	t, err := i.start(ctx, address)
	if err != nil {
		return nil, err
	}
	if err := awaitReady(ctx, "http://"+address+"/readyz"); err != nil {
		t.stop()
		return nil, err
	}
	return t, nil
}

// run runs a command of signet and decodes what it prints as JSON.
func (i *installation) run(ctx context.Context, into any, args ...string) error {
	return i.runWith(ctx, nil, into, args...)
}

// runWith runs a command that reads.
func (i *installation) runWith(ctx context.Context, stdin io.Reader, into any, args ...string) error {
	cmd := exec.CommandContext(ctx, i.binary, append(args, "-o", "json")...)
	cmd.Env, cmd.Stdin, cmd.Stderr = i.env, stdin, os.Stderr
	out, err := cmd.Output()
	if err == nil && into != nil {
		err = json.Unmarshal(out, into)
	}
	if err != nil {
		return fmt.Errorf("signet %s …: %w", strings.Join(args[:min(4, len(args))], " "), err)
	}
	return nil
}

// register makes what oidc-provider has in its configuration: a client that may read orders; and a service that introspects.
func (i *installation) register(ctx context.Context) (reader, service credentials, err error) {
	for _, args := range [][]string{
		{"api", "create", audience, "--permission", permission},
		{"role", "create", "reader", "--grant", audience + "#" + permission},
	} {
		if err := i.run(ctx, nil, args...); err != nil {
			return reader, service, err
		}
	}
	if reader, err = i.registerReader(ctx, "bench"); err != nil {
		return reader, service, err
	}
	return reader, service, i.run(ctx, &service, "client", "create", "orders-svc", "--serves", audience)
}

// registerReader makes a client that may read orders.
func (i *installation) registerReader(ctx context.Context, id string) (c credentials, err error) {
	err = i.run(ctx, &c, "client", "create", id, "--grant", "client_credentials", "--api", audience)
	if err == nil {
		err = i.run(ctx, nil, "assign", "reader", "--client", id)
	}
	return c, err
}

// startSignet serves Signet on a database and registers an API and its clients.
func startSignet(ctx context.Context, dir, database string, settings ...string) (*installation, *target, error) {
	i, err := install(dir, append(settings, "SIGNET_DATABASE_URL="+database, masterKey())...)
	if err != nil {
		return nil, nil, err
	}
	t, err := i.serve(ctx, hostOf(i.issuer))
	if err != nil {
		return nil, nil, err
	}
	if t.client, t.service, err = i.register(ctx); err != nil {
		t.stop()
		return nil, nil, err
	}
	return i, t, nil
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
		if response, err := client.Do(r); err == nil {
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

// hostOf is the host and port of a URL.
func hostOf(url string) string { return strings.TrimPrefix(url, "http://") }
