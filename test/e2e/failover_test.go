package e2e

import (
	"flag"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

// failovers is how often the database fails over.
var failovers = flag.Int("failovers", 2, "how often PostgreSQL fails over under load")

// shopLoad is clients that get tokens at one replica, and use and revoke them at another. Answers are right, or 503.
type shopLoad struct {
	*shop
	t        *testing.T
	replicas []*server

	mu              sync.Mutex
	answers         map[int]int
	issued, revoked tokenList
}

// ok says whether a request was answered; if not it was refused as it should be.
func (l *shopLoad) ok(a answer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers[a.status]++
	switch {
	case a.status == http.StatusOK:
		return true
	case a.status != http.StatusServiceUnavailable:
		l.t.Errorf("status %d: %s", a.status, a.body)
	case a.header.Get("Retry-After") == "":
		l.t.Errorf("503 without Retry-After: %s", a.body)
	}
	a.wantDiscreet(l.t)
	return false
}

// wantAt fails if a replica says otherwise of a token than it should; it may be unable to say.
func (l *shopLoad) wantAt(replica *server, token string, active bool) {
	a := replica.introspect(l.orders, token)
	if l.ok(a) && decode[struct{ Active bool }](l.t, a).Active != active {
		l.t.Errorf("a replica says active=%v, want %v", !active, active)
	}
}

// once gets a token at a replica, looks at it at the next, and revokes every third.
func (l *shopLoad) once(n int) {
	here, there := l.replicas[n], l.replicas[(n+1)%len(l.replicas)]
	a := here.post("/oauth2/token", l.reporting, clientCredentials())
	if !l.ok(a) {
		return
	}
	token := a.accessToken(l.t)
	l.wantAt(there, token, true)
	if rand.N(3) > 0 {
		l.issued.put(token)
		return
	}
	if l.ok(there.post("/oauth2/revoke", l.reporting, url.Values{"token": {token}})) {
		l.wantAt(here, token, false)
		l.revoked.put(token)
	}
}

// serves says whether a replica does all that it should.
func (l *shopLoad) serves(replica *server) bool {
	a := replica.post("/oauth2/token", l.reporting, clientCredentials())
	if a.status != http.StatusOK {
		return false
	}
	token := a.accessToken(l.t)
	return replica.introspect(l.orders, token).status == http.StatusOK &&
		replica.post("/oauth2/revoke", l.reporting, url.Values{"token": {token}}).status == http.StatusOK &&
		replica.get("/readyz", "").status == http.StatusOK
}

func newShopLoad(t *testing.T, s *shop, replicas ...*server) *shopLoad {
	return &shopLoad{shop: s, t: t, replicas: append([]*server{s.server}, replicas...), answers: map[int]int{}}
}

func (l *shopLoad) unavailable() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answers[http.StatusServiceUnavailable]
}

// awaitTokens waits until there are enough tokens, of which some were revoked.
func (l *shopLoad) awaitTokens(issued, revoked int) {
	l.t.Helper()
	await(l.t, "tokens are issued and revoked", func() bool { return l.issued.count() >= issued && l.revoked.count() >= revoked })
}

// awaitOutage waits until clients meet one.
func (l *shopLoad) awaitOutage(before int) {
	l.t.Helper()
	await(l.t, "clients are answered 503", func() bool { return l.unavailable() >= before+4 })
}

// wantNothingLost looks for each token that was acknowledged, at all replicas in turn.
func (l *shopLoad) wantNothingLost() {
	l.t.Helper()
	l.t.Logf("answers by status: %v; %d tokens acknowledged, %d revocations", l.answers, len(l.issued.tokens), len(l.revoked.tokens))
	l.wantAllLive(l.t, l.issued.tokens)
	for n, token := range l.revoked.tokens {
		l.replicas[n%len(l.replicas)].wantActiveInTheEnd(l.t, l.orders, token, false)
	}
}

func TestAFailoverOfPostgresUnderLoadLosesNothingAndAnswersNothingStale(t *testing.T) {
	t.Parallel()
	pair := pgtest.NewPair(t)
	i := newInstallation(t, pair.URL())
	i.prompt = true
	s := i.openShop()
	l := newShopLoad(t, s, s.serve())
	alone := &installation{t: t, dir: s.dir, issuer: s.issuer, env: append(slices.Clip(s.env), "SIGNET_DATABASE_URL="+pair.Primary.URL()), prompt: true}
	single := alone.serve() // knows only the first server, whatever that is
	clients := newLoad(t)
	for n := range l.replicas {
		clients.add(4, 5*time.Millisecond, func() { l.once(n) })
	}
	for round := range *failovers {
		l.awaitTokens(20*(round+1), 10*(round+1))
		old, met := pair.Primary, l.unavailable()
		old.Crash()
		l.awaitOutage(met)
		pair.Promote(t)
		promoted := time.Now()
		for _, replica := range l.replicas {
			await(t, "a replica serves again", func() bool { return l.serves(replica) })
		}
		took := time.Since(promoted)
		t.Logf("failover %d: full service %v after the promotion", round+1, took.Round(time.Millisecond))
		limit := 15 * time.Second
		if *failovers >= 10 { // run by itself, on a machine that does nothing else
			limit = 5 * time.Second
		}
		if took > limit {
			t.Errorf("it took %v, want at most %v", took, limit)
		}
		if round == 0 {
			l.wantOldPrimaryIgnored(old)
		}
		pair.Rebuild(t)
		if round == 0 {
			if says := alone.refused("serve"); !strings.Contains(says, "standby") {
				t.Errorf("a server that begins on a standby says %q", says)
			}
		}
		if round%2 == 0 {
			wantUnavailable(t, map[string]func() answer{
				"a token":       func() answer { return single.post("/oauth2/token", s.reporting, clientCredentials()) },
				"introspection": func() answer { return single.introspect(s.orders, l.revoked.first()) },
				"revocation": func() answer {
					return single.post("/oauth2/revoke", s.reporting, url.Values{"token": {l.issued.first()}})
				},
				"readiness": func() answer { return single.get("/readyz", "") },
			})
		} else {
			await(t, "the replica whose only server was promoted serves", func() bool { return l.serves(single) })
		}
	}
	clients.end()
	l.wantNothingLost()
}

// wantOldPrimaryIgnored starts the server that crashed as the primary that it was, and which comes first in the URL.
func (l *shopLoad) wantOldPrimaryIgnored(old *pgtest.Cluster) {
	token := answered(l.t, "a request for a token", func() answer { return l.post("/oauth2/token", l.reporting, clientCredentials()) }).accessToken(l.t)
	old.Start(l.t)
	late := l.serve()
	for _, replica := range append([]*server{late}, l.replicas...) {
		replica.wantActiveInTheEnd(l.t, l.orders, token, true)
	}
	answered(l.t, "a revocation", func() answer { return l.post("/oauth2/revoke", l.reporting, url.Values{"token": {token}}) }).wantStatus(l.t, http.StatusOK)
	for _, replica := range append([]*server{late}, l.replicas...) {
		replica.wantActiveInTheEnd(l.t, l.orders, token, false)
	}
	late.stop()
}
