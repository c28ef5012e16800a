package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

func TestARestartOfPostgresUnderLoadCostsOnly503s(t *testing.T) {
	t.Parallel()
	cluster := pgtest.New(t)
	s := openShop(t, cluster.Database(t))
	replicas := []*server{s.server, s.serve()}

	var issued, revoked tokenList
	var mu sync.Mutex
	answers := map[int]int{}
	// ok says whether a request was answered; if not it was refused as it should be.
	ok := func(a answer) bool {
		mu.Lock()
		defer mu.Unlock()
		answers[a.status]++
		switch {
		case a.status == http.StatusOK:
			return true
		case a.status != http.StatusServiceUnavailable:
			t.Errorf("status %d: %s", a.status, a.body)
		case a.header.Get("Retry-After") == "":
			t.Errorf("503 without Retry-After: %s", a.body)
		}
		a.wantDiscreet(t)
		return false
	}
	clients := newLoad(t)
	for n, replica := range replicas {
		other := replicas[1-n]
		clients.add(4, 10*time.Millisecond, func() {
			a := replica.post("/oauth2/token", s.reporting, clientCredentials())
			if !ok(a) {
				return
			}
			token := a.accessToken(t)
			switch rand.N(3) {
			case 0:
				if ok(other.post("/oauth2/revoke", s.reporting, url.Values{"token": {token}})) {
					revoked.put(token)
				}
			case 1:
				ok(other.introspect(s.orders, token))
				fallthrough
			default:
				issued.put(token)
			}
		})
	}
	const restarts = 3
	for range restarts {
		time.Sleep(time.Second)
		cluster.Crash()
		time.Sleep(500 * time.Millisecond) // so that clients meet the outage
		cluster.Start(t)
	}
	time.Sleep(time.Second)
	clients.end()
	for _, replica := range replicas {
		replica.awaitReady()
	}

	t.Logf("answers by status: %v; %d tokens acknowledged, %d revocations", answers, len(issued.tokens), len(revoked.tokens))
	if answers[http.StatusServiceUnavailable] == 0 || len(issued.tokens) < 20 || len(revoked.tokens) < 10 {
		t.Error("too few answers for a result")
	}
	s.wantAllLive(t, issued.tokens)
	for n, token := range revoked.tokens {
		replicas[n%2].wantActive(t, s.orders, token, false)
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
			remote.issuer = s.issuer
			remote.env = append(remote.env, s.env[1], fmt.Sprint("SIGNET_TOKENS_STATUS_TTL=", ttl), "SIGNET_TRUSTED_PROXIES=127.0.0.1") // the master key
			far := remote.serve()

			token, user := s.reportingToken(t), s.signIn(t, s.web)
			ref := statusRefOf(t, token)
			if statusRefOf(t, user.Access).uri != ref.uri {
				t.Log("the tokens' lists differ") // at the turn of an hour
			}
			far.wantActive(t, s.orders, token, true)
			far.getList(ref).wantStatus(t, http.StatusOK)
			jwks := far.get("/.well-known/jwks.json", "").wantStatus(t, http.StatusOK)

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

			far.awaitExpiryOfList(t, ref, cutAt, ttl)
			if again := far.get("/.well-known/jwks.json", "").wantStatus(t, http.StatusOK); again.body != jwks.body {
				t.Errorf("the JWKS was %s and is %s", jwks.body, again.body)
			}

			wire.Restore()
			far.awaitReady()
			far.wantActive(t, s.orders, token, false)
			far.wantActive(t, s.orders, user.Access, true)
			s.issued(t, far.post("/oauth2/token", s.web, refresh(user.Refresh)))
			s.issued(t, far.post("/oauth2/token", s.reporting, clientCredentials()))
			far.awaitList(t, ref, 1)
		})
	}
}

func TestWithoutTheDatabaseTheJWKSIsServedWithItsAgeAndEnds(t *testing.T) {
	t.Parallel()
	const maxAge, path = time.Second, "/.well-known/jwks.json"
	wire := pgtest.NewWire(t, pgtest.Database(t))
	i := newInstallation(t, wire.URL())
	i.env = append(i.env, fmt.Sprint("SIGNET_KEYS_JWKS_MAX_AGE=", maxAge))
	s := i.serve()
	before := s.get(path, "").wantStatus(t, http.StatusOK)

	wire.Cut()
	cutAt, oldest := time.Now(), 0
	for s.get(path, "").status == http.StatusOK && time.Since(cutAt) < time.Minute {
		if a := s.get(path, ""); a.status == http.StatusOK {
			age, err := strconv.Atoi(a.header.Get("Age"))
			if least := int(time.Since(cutAt).Seconds()) - 1; err != nil || age < least || a.body != before.body {
				t.Fatalf("%v after the cut: Age %q, want at least %d; the same keys: %v", time.Since(cutAt), a.header.Get("Age"), least, a.body == before.body)
			}
			oldest = max(oldest, age)
		}
		time.Sleep(50 * time.Millisecond)
	}
	if took := time.Since(cutAt); oldest < 9 || took > 15*time.Second {
		t.Errorf("it was served for %v, to an age of %d s; want 10 s", took, oldest)
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
// that it is from before the cut, and has not expired.
func (s *server) awaitExpiryOfList(t *testing.T, ref statusRef, cutAt time.Time, ttl time.Duration) {
	t.Helper()
	served, expires := 0, time.Time{}
	for deadline := cutAt.Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		asked := time.Now()
		a := s.getList(ref)
		if a.status == http.StatusServiceUnavailable {
			if served == 0 || time.Now().Before(expires) {
				t.Errorf("it is not served at %v, although it has not expired by %v", time.Now(), expires)
			}
			return
		}
		c := claims(t, a.wantStatus(t, http.StatusOK).body)
		issued := seconds(c["iat"])
		served, expires = served+1, seconds(c["exp"])
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

// awaitList waits until a list is served again and says so: a busy machine takes its time.
func (s *server) awaitList(t *testing.T, ref statusRef, want int) {
	t.Helper()
	var a answer
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if a = s.getList(ref); a.status == http.StatusOK && statusIn(t, claims(t, a.body), ref) == want {
			return
		}
	}
	t.Errorf("status %d, and the token's is not %d", a.status, want)
}
