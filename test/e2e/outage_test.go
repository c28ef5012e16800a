package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

func TestARestartOfPostgresUnderLoadCostsOnly503s(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(t)
	i := newInstallation(t, cluster.Database(t))
	i.prompt = true
	s := i.openShop()
	l := newShopLoad(t, s, s.serve())
	clients := newLoad(t)
	for n := range l.replicas {
		clients.add(4, 10*time.Millisecond, func() { l.once(n) })
	}
	const restarts = 3
	for n := range restarts {
		l.awaitTokens(10*(n+1), 5*(n+1))
		met := l.unavailable()
		cluster.Crash()
		l.awaitOutage(met)
		cluster.Start(t)
	}
	l.awaitTokens(10*(restarts+1), 5*(restarts+1))
	clients.end()
	for _, replica := range l.replicas {
		replica.awaitReady()
	}
	l.wantNothingLost()
}

func TestConnectionsThatAreResetInMidAnswerCostOnly503s(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	s := openShop(t, database)
	wire := pgtest.NewWire(t, database)
	remote := &installation{t: t, dir: s.dir, issuer: s.issuer, env: append(slices.Clone(s.env), "SIGNET_DATABASE_URL="+wire.URL(), "SIGNET_TOKENS_REFRESH_OVERLAP=5m"), prompt: true}
	far := remote.serve()
	l := newShopLoad(t, s, far)
	refreshToken, renewals := s.signIn(t, s.web).Refresh, 0
	clients := newLoad(t)
	for n := range l.replicas {
		clients.add(2, 5*time.Millisecond, func() { l.once(n) })
	}
	clients.add(1, 5*time.Millisecond, func() { // whatever became of a renewal: the same again succeeds
		if a := far.post("/oauth2/token", s.web, refresh(refreshToken)); l.ok(a) {
			refreshToken = s.issued(t, a).Refresh
			renewals++
		}
	})
	clients.add(1, 100*time.Millisecond, func() { wire.Break(rand.N(2000)) })
	l.awaitTokens(30, 12)
	await(t, "there are enough failures for a result", func() bool { return l.unavailable() >= 15 })
	clients.end()
	far.awaitReady()
	l.wantNothingLost()
	if renewals == 0 {
		t.Error("nothing was renewed")
	}
}

func TestAReplicaWithoutPostgresServesOnlyCachedDocuments(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]func(*pgtest.Wire){"dropped": (*pgtest.Wire).Cut, "silent": (*pgtest.Wire).Silence} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := pgtest.Database(t)
			s := openShop(t, database)
			wire := pgtest.NewWire(t, database)
			const ttl = time.Second
			remote := newInstallation(t, wire.URL())
			remote.issuer, remote.prompt = s.issuer, true
			remote.env = append(remote.env, s.env[1], fmt.Sprint("SIGNET_TOKENS_STATUS_TTL=", ttl), "SIGNET_TRUSTED_PROXIES=127.0.0.1") // the master key
			far := remote.serve()

			token, user := s.reportingToken(t), s.signIn(t, s.web)
			ref := statusRefOf(t, token)
			if statusRefOf(t, user.Access).uri != ref.uri {
				t.Log("the tokens' lists differ") // at the turn of an hour
			}
			far.wantActiveInTheEnd(t, s.orders, token, true)
			jwks := answered(t, "the JWKS", func() answer { return far.get("/.well-known/jwks.json", "") }).wantStatus(t, http.StatusOK)
			list := claims(t, answered(t, "the list", func() answer { return far.getList(ref) }).wantStatus(t, http.StatusOK).body)

			cut(wire)
			cutAt := time.Now()
			s.revoke(t, s.reporting, token)
			wantUnavailable(t, map[string]func() answer{
				"a token":       func() answer { return far.post("/oauth2/token", s.reporting, clientCredentials()) },
				"a renewal":     func() answer { return far.post("/oauth2/token", s.web, refresh(user.Refresh)) },
				"introspection": func() answer { return far.introspect(s.orders, token) },
				"revocation":    func() answer { return far.post("/oauth2/revoke", s.web, url.Values{"token": {user.Access}}) },
				"userinfo":      func() answer { return far.get("/oauth2/userinfo", user.Access) },
				"a proxy": func() answer {
					return far.forwarded(url.Values{"api": {ordersAPI}}, "GET", "/", "Authorization", "Bearer "+user.Access)
				},
				"the admin API": func() answer { return far.get("/api/v1/tokens", token) },
				"readiness":     func() answer { return far.get("/readyz", "") },
				"another list":  func() answer { return far.get(strings.TrimPrefix(ref.uri, s.issuer)+"99", "") },
			})
			far.get("/healthz", "").wantStatus(t, http.StatusOK)

			far.awaitExpiryOfList(t, ref, cutAt, ttl, seconds(list["exp"]))
			if again := far.get("/.well-known/jwks.json", "").wantStatus(t, http.StatusOK); again.body != jwks.body {
				t.Errorf("the JWKS was %s and is %s", jwks.body, again.body)
			}

			wire.Restore()
			far.awaitReady()
			far.wantActiveInTheEnd(t, s.orders, token, false)
			far.wantActiveInTheEnd(t, s.orders, user.Access, true)
			s.issued(t, answered(t, "a renewal", func() answer { return far.post("/oauth2/token", s.web, refresh(user.Refresh)) }))
			s.issued(t, answered(t, "a request for a token", func() answer { return far.post("/oauth2/token", s.reporting, clientCredentials()) }))
			await(t, "the list shows what happened meanwhile", func() bool {
				a := far.getList(ref)
				return a.status == http.StatusOK && statusIn(t, claims(t, a.body), ref) == 1
			})
		})
	}
}

func TestWithoutTheDatabaseTheJWKSIsServedWithItsAgeAndEnds(t *testing.T) {
	t.Parallel()
	const maxAge, path = time.Second, "/.well-known/jwks.json"
	wire := pgtest.NewWire(t, pgtest.Database(t))
	i := newInstallation(t, wire.URL())
	i.env = append(i.env, fmt.Sprint("SIGNET_KEYS_JWKS_MAX_AGE=", maxAge))
	i.prompt = true
	s := i.serve()
	before := answered(t, "the JWKS", func() answer { return s.get(path, "") }).wantStatus(t, http.StatusOK)

	wire.Cut()
	cutAt, oldest := time.Now(), 0
	var last time.Duration // when it was asked for that is still answered
	for last < 15*time.Second {
		asked := time.Since(cutAt)
		a := s.get(path, "")
		if a.status != http.StatusOK {
			break
		}
		age, err := strconv.Atoi(a.header.Get("Age"))
		if least := int(asked.Seconds()) - 1; err != nil || age < least || a.body != before.body {
			t.Fatalf("asked %v after the cut: Age %q, want at least %d; the same keys: %v", asked, a.header.Get("Age"), least, a.body == before.body)
		}
		last, oldest = asked, max(oldest, age)
		time.Sleep(50 * time.Millisecond)
	}
	missed := time.Since(cutAt) - last // before it was refused: on a busy machine it may have been served for as much longer
	if time.Duration(oldest)*time.Second+missed < 9*time.Second || last >= 15*time.Second {
		t.Errorf("it was served for %v, to an age of %d s, and refused %v later; want 10 s", last, oldest, missed)
	}
	s.get(path, "").wantStatus(t, http.StatusServiceUnavailable)

	wire.Restore()
	s.awaitReady()
	for s.get(path, "").status != http.StatusOK && time.Since(cutAt) < time.Minute {
		time.Sleep(50 * time.Millisecond)
	}
	if a := s.get(path, "").wantStatus(t, http.StatusOK); a.body != before.body {
		t.Error("other keys than before")
	}
}

// awaitExpiryOfList reads a list that cannot be brought up to date until it is not served any more. As long as it is, it says
// that it is from before the cut, and has not expired, which it does not before a time.
func (s *server) awaitExpiryOfList(t *testing.T, ref statusRef, cutAt time.Time, ttl time.Duration, expires time.Time) {
	t.Helper()
	for deadline := cutAt.Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		asked := time.Now()
		a := s.getList(ref)
		if a.status == http.StatusServiceUnavailable {
			if time.Now().Before(expires) {
				t.Errorf("it is not served at %v, although it has not expired by %v", time.Now(), expires)
			}
			return
		}
		c := claims(t, a.wantStatus(t, http.StatusOK).body)
		issued := seconds(c["iat"])
		expires = seconds(c["exp"])
		if issued.After(cutAt) || !asked.Before(expires) {
			t.Fatalf("cut at %v, asked at %v, got a list from %v that expires at %v", cutAt, asked, issued, expires)
		}
		if statusIn(t, c, ref) != 0 {
			t.Error("it shows what happened after the cut")
		}
		if age := a.header.Get("Cache-Control"); asked.Sub(issued) > 2*ttl && age != "public, max-age=0" {
			t.Errorf("it is from %v, and still %q at %v", issued, age, asked)
		}
	}
	t.Error("it is served for ever")
}
