package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"
)

const (
	audience      = "https://orders.example"
	permission    = "orders:read"
	tokenRequest  = "grant_type=client_credentials&scope=orders%3Aread&resource=https%3A%2F%2Forders.example"
	opaqueRequest = "grant_type=client_credentials&scope=orders%3Aread&resource=https%3A%2F%2Fopaque.example" // of oidc-provider
)

// target is a server under load.
type target struct {
	name             string
	process          *exec.Cmd
	tokenURL         string
	introspectionURL string
	revocationURL    string
	client           credentials // that gets tokens
	service          credentials // that introspects them
	introspectable   string      // the request for a token that it can introspect
}

func (t *target) stop() {
	_ = t.process.Process.Signal(syscall.SIGTERM)
	_ = t.process.Wait()
}

// memory is the process's resident set in bytes.
func (t *target) memory() (int64, error) { return t.status("VmRSS:") }

// peakMemory is the largest that the resident set has been, in bytes.
func (t *target) peakMemory() (int64, error) { return t.status("VmHWM:") }

// status is a number of bytes from /proc/PID/status.
func (t *target) status(name string) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", t.process.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("no " + name)
}

func startOIDCProvider(ctx context.Context) (*target, error) {
	t := &target{name: "oidc-provider", client: credentials{"bench", rand.Text()}, introspectable: opaqueRequest}
	t.service = t.client
	t.process = exec.CommandContext(ctx, "oidc-provider/node_modules/.bin/node", "oidc-provider/server.js")
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
	issuer := strings.TrimSpace(line)
	t.tokenURL, t.introspectionURL = issuer+"/token", issuer+"/token/introspection"
	return t, nil
}

// clients is the number of concurrent requests of this program; those of wrk are apart.
const clients = 32

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * clients}}

// errUnavailable stands for a 503.
var errUnavailable = errors.New("503 Service Unavailable")

// post sends a form with a client's credentials and decodes the answer, which must be 200. errUnavailable if it is 503.
func post(ctx context.Context, address string, as credentials, form string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", as.header())
	response, err := client.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	switch {
	case err != nil:
	case response.StatusCode == http.StatusServiceUnavailable:
		err = errUnavailable
	case response.StatusCode != http.StatusOK:
		err = fmt.Errorf("%s: %s", response.Status, body)
	case into != nil:
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return fmt.Errorf("POST %s: %w", address, err)
	}
	return nil
}

// issue gets a token.
func (t *target) issue(ctx context.Context, to credentials) (string, error) {
	return t.request(ctx, to, tokenRequest)
}

// request gets the token that a request is for.
func (t *target) request(ctx context.Context, to credentials, form string) (string, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	err := post(ctx, t.tokenURL, to, form, &answer)
	if err == nil && answer.AccessToken == "" {
		err = errors.New("an answer without a token")
	}
	return answer.AccessToken, err
}

// issueMany gets n tokens, several at once.
func (t *target) issueMany(ctx context.Context, to credentials, n int) ([]string, error) {
	return t.requestMany(ctx, to, tokenRequest, n)
}

// requestMany gets n tokens that a request is for, several at once.
func (t *target) requestMany(ctx context.Context, to credentials, form string, n int) ([]string, error) {
	tokens := make([]string, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(clients)
	for i := range tokens {
		group.Go(func() (err error) {
			tokens[i], err = t.request(ctx, to, form)
			return err
		})
	}
	return tokens, group.Wait()
}

// isActive introspects a token.
func (t *target) isActive(ctx context.Context, token string) (bool, error) {
	var answer struct {
		Active bool `json:"active"`
	}
	err := post(ctx, t.introspectionURL, t.service, tokenForm(token), &answer)
	return answer.Active, err
}

// revoke revokes a token.
func (t *target) revoke(ctx context.Context, token string) error {
	return post(ctx, t.revocationURL, t.client, tokenForm(token), nil)
}

// tokenForm is a request about a token.
func tokenForm(token string) string { return url.Values{"token": {token}}.Encode() }

// tokenForms are requests about tokens.
func tokenForms(tokens []string) []string {
	forms := make([]string, len(tokens))
	for i, token := range tokens {
		forms[i] = tokenForm(token)
	}
	return forms
}

// areActive introspects tokens, all of which must be active.
func (t *target) areActive(ctx context.Context, tokens []string) error {
	for _, token := range tokens {
		if active, err := t.isActive(ctx, token); err != nil || !active {
			return errors.Join(errors.New(t.name+": a token was not active, so the numbers mean nothing"), err)
		}
	}
	return nil
}
