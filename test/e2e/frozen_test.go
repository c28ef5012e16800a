package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

func TestAFrozenReplicaHoldsNobodyUpAndSaysNothingStaleAfterwards(t *testing.T) {
	t.Parallel()
	s := openShop(t, pgtest.Database(t))
	s.makeBuyer()
	s.signet("assign", "buyer", "--client", s.reporting.ID)
	other := s.serve()
	token := s.reportingToken(t)
	s.wantActive(t, s.orders, token, true)

	busy := newLoad(t) // so that it freezes in the middle of transactions
	busy.add(6, 0, func() {
		if a := s.post("/oauth2/token", s.reporting, clientCredentials()); a.status == http.StatusOK {
			s.post("/oauth2/revoke", s.reporting, url.Values{"token": {a.accessToken(t)}})
		}
	})
	time.Sleep(500 * time.Millisecond)
	check(t, s.cmd.Process.Signal(syscall.SIGSTOP))
	frozen := time.Now()
	waiting := make(chan answer, 1)
	go func() { waiting <- s.introspect(s.orders, token) }()

	// What it has locked is free after four times the database timeout at the latest.
	await(t, "another replica issues", func() bool {
		return other.post("/oauth2/token", s.reporting, clientCredentials()).status == http.StatusOK
	})
	await(t, "another replica revokes", func() bool {
		return other.post("/oauth2/revoke", s.reporting, url.Values{"token": {token}}).status == http.StatusOK
	})
	await(t, "others change things", func() bool {
		return s.command("unassign", "buyer", "--client", s.reporting.ID).Run() == nil
	})
	t.Logf("the others did all this within %v", time.Since(frozen).Round(time.Millisecond))

	check(t, s.cmd.Process.Signal(syscall.SIGCONT))
	if a := <-waiting; a.status != http.StatusServiceUnavailable && decode[struct{ Active bool }](t, a.wantStatus(t, http.StatusOK)).Active {
		t.Error("a question that waited was answered by what was known before")
	}
	form := with(clientCredentials(), "scope", "")
	for answered := false; !answered; {
		a := s.post("/oauth2/token", s.reporting, form)
		if answered = a.status == http.StatusOK; answered {
			if got, _ := claims(t, a.accessToken(t))["entitlements"].([]any); slices.Contains(got, any("orders:write")) {
				t.Errorf("its next token has what was taken away meanwhile: %v", got)
			}
		} else if a.status != http.StatusServiceUnavailable {
			t.Errorf("status %d: %s", a.status, a.body)
			return
		}
	}
	busy.end()
	s.awaitReady()
	s.wantActive(t, s.orders, token, false)
}

func TestOthersGoOnWhereAReplicaThatWasKilledOrCutOffStopped(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*server, *pgtest.Wire){
		"killed":  func(s *server, _ *pgtest.Wire) { s.kill() },
		"cut off": func(_ *server, wire *pgtest.Wire) { wire.Silence() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := pgtest.Database(t)
			s := openShop(t, database)
			wire := pgtest.NewWire(t, database)
			remote := &installation{t: t, dir: s.dir, issuer: s.issuer, env: append(slices.Clone(s.env), "SIGNET_DATABASE_URL="+wire.URL())}
			far := remote.serve()
			var tokens tokenList
			clients := newLoad(t)
			clients.add(4, 0, func() {
				if a := far.post("/oauth2/token", s.reporting, clientCredentials()); a.status == http.StatusOK {
					tokens.put(a.accessToken(t))
				}
			})
			time.Sleep(500 * time.Millisecond)
			token := s.reportingToken(t)
			go far.post("/oauth2/revoke", s.reporting, url.Values{"token": {token}}) // while it ends
			end(far, wire)
			ended := time.Now()
			clients.end()
			s.signet("token", "revoke", "--client", s.reporting.ID)
			await(t, "the others have ended each of its tokens", func() bool {
				return !slices.ContainsFunc(tokens.tokens, func(token string) bool {
					a := s.introspect(s.orders, token)
					return a.status != http.StatusOK || decode[struct{ Active bool }](t, a).Active
				})
			})
			t.Logf("%d tokens of it ended %v after it was %s", len(tokens.tokens), time.Since(ended).Round(time.Millisecond), name)
			if len(tokens.tokens) < 10 {
				t.Error("too few for a result")
			}
			s.reportingToken(t)
			far.kill() // it would wait for its database before it ends
		})
	}
}
