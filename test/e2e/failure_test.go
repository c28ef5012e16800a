package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

func TestWithoutItsDatabaseTheServerAnswers503AndRecovers(t *testing.T) {
	t.Parallel()
	for name, outage := range map[string]struct {
		timeout    string // of the database
		begin, end func(t *testing.T, c *pgtest.Cluster)
	}{
		"stopped": { // which is noticed without it
			"30s",
			func(_ *testing.T, c *pgtest.Cluster) { c.Stop() },
			func(t *testing.T, c *pgtest.Cluster) { c.Start(t) },
		},
		"hanging": {
			"5s",
			func(t *testing.T, c *pgtest.Cluster) { c.Pause(t) },
			func(t *testing.T, c *pgtest.Cluster) { c.Resume(t) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := pgtest.New(t)
			s := openShop(t, cluster.Database(t), "SIGNET_DATABASE_TIMEOUT="+outage.timeout)
			token, user := s.reportingToken(t), s.signIn(t, s.web)
			administrator := s.administer(t, "administrator", "/admin/").browser
			form := administrator.open(s.url + "/admin/new/group").shows(http.StatusOK)
			receiver := administrator.open(s.url + "/admin/new/receiver").shows(http.StatusOK)

			outage.begin(t, cluster)
			kept := form.submit("name", "night", "description", "Typed <before>").shows(http.StatusServiceUnavailable, "What you typed is kept")
			if name == "stopped" { // each page fails at once
				if p := receiver.submit("client_id", "night", "bearer", "typed-token").shows(http.StatusServiceUnavailable); p.form != nil {
					t.Errorf("a page that says what goes on has the bearer token that was typed: %v", p.form.fields)
				}
				for _, page := range []string{"", "users", "users/alice", "groups", "roles", "apis", "clients", "access", "tokens", "keys", "receivers", "audit", "settings", "search?q=a"} {
					administrator.open(s.url+"/admin/"+page).shows(http.StatusServiceUnavailable, "Try again")
				}
			}
			wantUnavailable(t, map[string]func() answer{
				"a token":         func() answer { return s.post("/oauth2/token", s.reporting, clientCredentials()) },
				"a renewal":       func() answer { return s.post("/oauth2/token", s.web, refresh(user.Refresh)) },
				"introspection":   func() answer { return s.introspect(s.orders, token) },
				"revocation":      func() answer { return s.post("/oauth2/revoke", s.reporting, url.Values{"token": {token}}) },
				"userinfo":        func() answer { return s.get("/oauth2/userinfo", user.Access) },
				"the admin API":   func() answer { return s.get("/api/v1/tokens", token) },
				"readiness":       func() answer { return s.get("/readyz", "") },
				"an unknown name": func() answer { return s.post("/oauth2/token", client{"new", "wrong"}, clientCredentials()) },
			})
			s.get("/healthz", "").wantStatus(t, http.StatusOK)
			s.get("/.well-known/jwks.json", "").wantStatus(t, http.StatusOK)

			outage.end(t, cluster)
			s.awaitReady()
			var created *page
			await(t, "the form is taken", func() bool {
				created = kept.submit()
				return created.status != http.StatusServiceUnavailable
			})
			created.shows(http.StatusOK, "The group was created.", "Typed <before>")
			s.wantActiveInTheEnd(t, s.orders, token, true)
			answered(t, "revocation", func() answer { return s.post("/oauth2/revoke", s.reporting, url.Values{"token": {token}}) }).wantStatus(t, http.StatusOK)
			s.wantActiveInTheEnd(t, s.orders, token, false)
			s.issued(t, answered(t, "a request for a token", func() answer { return s.post("/oauth2/token", s.reporting, clientCredentials()) }))
			s.issued(t, answered(t, "a renewal", func() answer { return s.post("/oauth2/token", s.web, refresh(user.Refresh)) }))
		})
	}
}

func TestOnAReadOnlyDatabaseTheServerIsNotReadyAndChangesNothing(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(t)
	s := openShop(t, cluster.Database(t))
	token, user := s.reportingToken(t), s.signIn(t, s.web)

	cluster.SetReadOnly(t, true)
	defer cluster.SetReadOnly(t, false) // or the database could not be dropped
	await(t, "/readyz says that the database is read-only", func() bool {
		a := s.get("/readyz", "")
		return a.status == http.StatusServiceUnavailable && strings.Contains(a.body, "read-only")
	})
	wantUnavailable(t, map[string]func() answer{
		"a token":    func() answer { return s.post("/oauth2/token", s.reporting, clientCredentials()) },
		"a renewal":  func() answer { return s.post("/oauth2/token", s.web, refresh(user.Refresh)) },
		"revocation": func() answer { return s.post("/oauth2/revoke", s.reporting, url.Values{"token": {token}}) },
		"readiness":  func() answer { return s.get("/readyz", "") },
	})
	await(t, "the token is active", func() bool { return strings.Contains(s.introspect(s.orders, token).body, `"active":true`) })

	cluster.SetReadOnly(t, false)
	await(t, "tokens are issued again", func() bool {
		return s.post("/oauth2/token", s.reporting, clientCredentials()).status == http.StatusOK
	})
}

// await waits for what comes true as soon as connections that have ended are replaced.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// answered sends a request again, as 503 says, until it is answered: a busy machine may take longer than the default database timeout.
func answered(t *testing.T, what string, send func() answer) (a answer) {
	t.Helper()
	await(t, what+" is answered", func() bool {
		a = send()
		return a.status != http.StatusServiceUnavailable
	})
	return a
}

// wantActiveInTheEnd is wantActive of a server that may be unable to say for a while.
func (s *server) wantActiveInTheEnd(t *testing.T, by client, token string, want bool) {
	t.Helper()
	a := answered(t, "introspection", func() answer { return s.introspect(by, token) }).wantStatus(t, http.StatusOK)
	if got := decode[struct{ Active bool }](t, a).Active; got != want {
		t.Errorf("active is %v, want %v", got, want)
	}
}

func TestAnsweredTokensAreInTheIndexAfterKill9(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		var issued, revoked tokenList
		var wg sync.WaitGroup
		for n := range 8 {
			wg.Go(func() {
				for {
					a := s.post("/oauth2/token", s.reporting, clientCredentials())
					if a.status != http.StatusOK {
						return // killed
					}
					token := s.issued(t, a).Access
					if n > 0 {
						issued.put(token)
						continue
					}
					if s.post("/oauth2/revoke", s.reporting, url.Values{"token": {token}}).status == http.StatusOK {
						revoked.put(token)
					}
				}
			})
		}
		await(t, "tokens are issued and revoked", func() bool { return issued.count() > 0 && revoked.count() > 0 })
		s.kill()
		wg.Wait()

		s.server = s.serve()
		for _, token := range issued.tokens[max(0, len(issued.tokens)-100):] {
			s.wantActive(t, s.orders, token, true)
		}
		for _, token := range revoked.tokens[max(0, len(revoked.tokens)-100):] {
			s.wantActive(t, s.orders, token, false)
		}
	})
}

func TestAServerStopsCleanlyUnderLoad(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		var issued atomic.Int64
		clients := newLoad(t)
		clients.add(4, 0, func() {
			// Refused connections are fine, half an answer or an error is not.
			a := s.post("/oauth2/token", s.reporting, clientCredentials())
			if a.status == http.StatusOK {
				issued.Add(1)
			} else if a.status != 0 {
				t.Errorf("status %d: %s", a.status, a.body)
			}
		})
		await(t, "tokens are issued", func() bool { return issued.Load() >= 20 })
		s.stop()
		clients.end()
		if code := s.cmd.ProcessState.ExitCode(); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
	})
}
