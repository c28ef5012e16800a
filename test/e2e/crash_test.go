package e2e

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// kills is how often a replica is killed under load, by the kind of database.
var kills = map[string]int{"postgres": 40, "sqlite": 20}

// tokenList collects the tokens that clients got.
type tokenList struct {
	mu     sync.Mutex
	tokens []string
}

func (w *tokenList) put(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens = append(w.tokens, token)
}

func (w *tokenList) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.tokens)
}

func (w *tokenList) first() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tokens[0]
}

// accessToken is the token in an answer, one of too many to look for each in the logs.
func (a answer) accessToken(t *testing.T) string {
	t.Helper()
	return decode[tokens](t, a).Access
}

// load runs clients until the test stops them.
type load struct {
	once sync.Once
	stop chan struct{}
	wg   sync.WaitGroup
}

func newLoad(t *testing.T) *load {
	l := &load{stop: make(chan struct{})}
	t.Cleanup(l.end) // also if the test fails before
	return l
}

// add runs n clients that repeat an operation, with a pause in between.
func (l *load) add(n int, pause time.Duration, do func()) {
	for range n {
		l.wg.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				case <-time.After(pause):
					do()
				}
			}
		})
	}
}

// halt has each client end with what it does now.
func (l *load) halt() { l.once.Do(func() { close(l.stop) }) }

// end is halt, and waits for them.
func (l *load) end() {
	l.halt()
	l.wg.Wait()
}

func TestKill9UnderLoadLosesNoAnsweredTokenAndAllocatesNoStatusIndexTwice(t *testing.T) {
	t.Parallel()
	for name, open := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			survivor := openShop(t, open(t))
			const fleet = 4
			var victims [fleet]atomic.Pointer[server]
			var held tokenList
			var ofVictims atomic.Int64
			clients := newLoad(t)
			clients.add(2, 10*time.Millisecond, func() {
				a := survivor.post("/oauth2/token", survivor.reporting, clientCredentials())
				if a.status != http.StatusOK {
					t.Errorf("the survivor answers %d %s", a.status, a.body)
					return
				}
				held.put(a.accessToken(t))
			})
			for i := range victims {
				clients.add(2, 5*time.Millisecond, func() {
					victim := victims[i].Load()
					if victim == nil {
						return
					}
					switch a := victim.post("/oauth2/token", survivor.reporting, clientCredentials()); a.status {
					case http.StatusOK:
						held.put(a.accessToken(t))
						ofVictims.Add(1)
					case 0: // killed
					default:
						t.Errorf("a replica before its kill answers %d %s", a.status, a.body)
					}
				})
			}

			for round := range kills[name] / fleet {
				var started [fleet]*server
				for i := range started {
					started[i] = survivor.start()
				}
				for i, victim := range started {
					victim.awaitReady()
					victims[i].Store(victim)
				}
				for nth, n := range rand.Perm(fleet) {
					await(t, "a token for each that is killed", func() bool { return ofVictims.Load() > int64(round*fleet+nth) })
					time.Sleep(rand.N(80 * time.Millisecond))
					started[n].kill()
					victims[n].Store(nil)
				}
			}
			clients.end()

			t.Logf("%d kills; %d tokens answered, %d by replicas that were killed", kills[name], len(held.tokens), ofVictims.Load())
			survivor.wantAllLive(t, held.tokens)
			given := map[statusRef]bool{}
			for _, token := range held.tokens {
				ref := statusRefOf(t, token)
				if given[ref] {
					t.Errorf("%v was allocated twice", ref)
				}
				given[ref] = true
			}
			for range 50 {
				survivor.wantActive(t, survivor.orders, held.tokens[rand.N(len(held.tokens))], true)
			}
		})
	}
}

// wantAllLive fails unless all these tokens of reporting are live in the index.
func (s *shop) wantAllLive(t *testing.T, tokens []string) {
	t.Helper()
	type listed struct {
		ID     string `json:"jti"`
		Status string `json:"status"`
	}
	status := map[string]string{}
	for _, l := range signetJSON[[]listed](s.installation, "token", "list", "--client", s.reporting.ID, "--limit", "0") {
		status[l.ID] = l.Status
	}
	for _, token := range tokens {
		if jti := claims(t, token)["jti"].(string); status[jti] != "live" {
			t.Errorf("an answered token, %s, is %q in the index", jti, status[jti])
		}
	}
}
