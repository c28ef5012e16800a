package e2e

import (
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

func TestAFrozenReplicaHoldsNobodyUpAndSaysNothingStaleAfterwards(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, pgtest.Database(t))
	i.prompt = true
	s := i.openShop()
	s.makeBuyer()
	s.signet("assign", "buyer", "--client", s.reporting.ID)
	other := s.serve()
	token := s.issued(t, answered(t, "a request for a token", func() answer { return s.post("/oauth2/token", s.reporting, clientCredentials()) })).Access
	s.wantActiveInTheEnd(t, s.orders, token, true)

	busy := newLoad(t) // so that it freezes in the middle of transactions
	var revoked atomic.Int64
	busy.add(6, 0, func() {
		if a := s.post("/oauth2/token", s.reporting, clientCredentials()); a.status == http.StatusOK {
			s.post("/oauth2/revoke", s.reporting, url.Values{"token": {a.accessToken(t)}})
			revoked.Add(1)
		}
	})
	await(t, "it is under load", func() bool { return revoked.Load() >= 30 })
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
	// Nobody has an answer on a connection whose time to send a request ended while the server was frozen.
	if a := <-waiting; a.status == http.StatusOK && decode[struct{ Active bool }](t, a).Active {
		t.Error("a question that waited was answered by what was known before")
	} else if a.status != 0 && a.status != http.StatusOK && a.status != http.StatusServiceUnavailable {
		t.Errorf("a question that waited got the status %d: %s", a.status, a.body)
	}
	form := with(clientCredentials(), "scope", "")
	await(t, "it issues again", func() bool {
		a := s.post("/oauth2/token", s.reporting, form)
		if a.status != http.StatusOK {
			if a.status != 0 && a.status != http.StatusServiceUnavailable {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			return false
		}
		if got, _ := claims(t, a.accessToken(t))["entitlements"].([]any); slices.Contains(got, any("orders:write")) {
			t.Errorf("its next token has what was taken away meanwhile: %v", got)
		}
		return true
	})
	busy.end()
	s.awaitReady()
	s.wantActiveInTheEnd(t, s.orders, token, false)
}

func TestOthersGoOnWhereAReplicaThatWasKilledOrCutOffStopped(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(far *server, cut func()){
		"killed":  func(far *server, _ func()) { far.kill() },
		"cut off": func(_ *server, cut func()) { cut() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "cut off" && os.Getenv(namespaced) == "" && inNamespace(t) {
				return
			}
			database, over, cut := farDatabase(t)
			s := openShop(t, database)
			remote := &installation{t: t, dir: s.dir, issuer: s.issuer, env: append(slices.Clone(s.env), "SIGNET_DATABASE_URL="+over), prompt: true}
			far := remote.serve()
			var tokens tokenList
			clients := newLoad(t)
			clients.add(4, 0, func() {
				if a := far.post("/oauth2/token", s.reporting, clientCredentials()); a.status == http.StatusOK {
					tokens.put(a.accessToken(t))
				}
			})
			await(t, "it issues tokens", func() bool { return tokens.count() >= 10 })
			token := s.reportingToken(t)
			go far.post("/oauth2/revoke", s.reporting, url.Values{"token": {token}}) // while it ends
			end(far, cut)
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
			s.reportingToken(t)
			far.kill() // it would wait for its database before it ends
		})
	}
}
