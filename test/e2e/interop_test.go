package e2e

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// script is a program of test/interop that reads and writes lines.
type script struct {
	t      *testing.T
	stdin  io.WriteCloser
	stdout *bufio.Scanner
	stderr bytes.Buffer
	wait   func() error
}

// runScript starts a program of test/interop with these settings.
func runScript(t *testing.T, name string, settings map[string]any) *script {
	t.Helper()
	arg, err := json.Marshal(settings)
	check(t, err)
	cmd := command(t, name)
	cmd.Args = append(cmd.Args, string(arg))
	return startScript(t, cmd)
}

func startScript(t *testing.T, cmd *exec.Cmd) *script {
	t.Helper()
	s := &script{t: t, wait: cmd.Wait}
	cmd.Stderr = &s.stderr
	var err error
	s.stdin, err = cmd.StdinPipe()
	check(t, err)
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	s.stdout = bufio.NewScanner(stdout)
	check(t, cmd.Start())
	return s
}

func (s *script) writeLine(line string) {
	s.t.Helper()
	if _, err := io.WriteString(s.stdin, line+"\n"); err != nil {
		s.t.Fatalf("%v\n%s", err, &s.stderr)
	}
}

// readLine reads the next line.
func (s *script) readLine() string {
	s.t.Helper()
	if !s.stdout.Scan() {
		s.t.Fatalf("the script ended: %v\n%s", s.wait(), &s.stderr)
	}
	return s.stdout.Text()
}

// end is what it prints until its end.
func (s *script) end() string {
	s.t.Helper()
	var lines []string
	for s.stdout.Scan() {
		lines = append(lines, s.stdout.Text())
	}
	if err := s.wait(); err != nil {
		s.t.Fatalf("%v\n%s", err, &s.stderr)
	}
	return strings.Join(lines, "\n")
}

func TestOpenidClientWorksWithTheServer(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) { s.openidClient(t) })
}

func (s *shop) openidClient(t *testing.T) {
	t.Helper()
	s.signet("client", "update", s.web.ID, "--post-logout-redirect-uri", plainBye)
	app := runScript(t, "openid-client-grants.js", map[string]any{
		"issuer": s.issuer, "audience": ordersAPI, "scope": "orders:read", "callback": callback, "bye": plainBye,
		"web": s.web, "machine": s.reporting, "service": s.orders,
	})
	p := newBrowser(t, s.server).open(app.readLine()).signIn()
	app.writeLine(p.url.String())
	if p = p.browser.open(app.readLine()); p.header.Get("Location") != plainBye+"?state=bye" {
		t.Errorf("signed out to %s (%d): %s", p.url, p.status, p.text)
	}
	if got := app.readLine(); got != "done" {
		t.Errorf("the script prints %q", got)
	}
	check(t, app.wait())
}

func TestGoClientsWorkWithTheServer(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		ctx := t.Context()
		machine := clientcredentials.Config{
			ClientID: s.reporting.ID, ClientSecret: s.reporting.Secret, TokenURL: s.url + "/oauth2/token",
			Scopes: []string{"orders:read"}, EndpointParams: map[string][]string{"resource": {ordersAPI}},
		}
		own, err := machine.Token(ctx)
		check(t, err)
		s.wantActive(t, s.orders, s.secret(own.AccessToken), true)

		provider, err := oidc.NewProvider(ctx, s.issuer)
		check(t, err)
		web := oauth2.Config{
			ClientID: s.web.ID, ClientSecret: s.web.Secret, Endpoint: provider.Endpoint(), RedirectURL: callback,
			Scopes: []string{oidc.ScopeOpenID, oidc.ScopeOfflineAccess, "email", "orders:read"},
		}
		verifier, nonce := oauth2.GenerateVerifier(), rand.Text()
		p := newBrowser(t, s.server).open(web.AuthCodeURL(rand.Text(), oidc.Nonce(nonce),
			oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("resource", ordersAPI))).signIn()
		got, err := web.Exchange(ctx, s.secret(p.url.Query().Get("code")), oauth2.VerifierOption(verifier))
		check(t, err)
		raw, _ := got.Extra("id_token").(string)
		id, err := provider.Verifier(&oidc.Config{ClientID: s.web.ID}).Verify(ctx, s.secret(raw))
		check(t, err)
		if id.Nonce != nonce {
			t.Errorf("nonce %q", id.Nonce)
		}
		if id.AccessTokenHash != "" { // optional in this flow
			check(t, id.VerifyAccessToken(got.AccessToken))
		}

		user, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(got))
		check(t, err)
		if user.Subject != id.Subject || user.Email != "alice@people.example" {
			t.Errorf("userinfo answers %+v", user)
		}
		renewed, err := web.TokenSource(ctx, &oauth2.Token{RefreshToken: s.secret(got.RefreshToken)}).Token()
		check(t, err)
		s.wantActive(t, s.orders, s.secret(renewed.AccessToken), true)
	})
}
