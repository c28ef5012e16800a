package e2e

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// kills is how often a replica is killed in full flight, by the kind of database.
var kills = map[string]int{"postgres": 100, "sqlite": 20}

// patientDatabase has a server wait for its database longer than a busy machine takes, so that no error is excused by that.
const patientDatabase = "SIGNET_DATABASE_TIMEOUT=30s"

// wallet holds what clients were answered.
type wallet struct {
	mu     sync.Mutex
	tokens []string
}

func (w *wallet) put(token string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tokens = append(w.tokens, token)
}

// accessToken is the token in an answer, one of too many to look for each in the logs.
func (a answer) accessToken(t *testing.T) string {
	t.Helper()
	return decode[tokens](t, a).Access
}

// load is what clients do until the test stops them.
type load struct {
	stop chan struct{}
	wg   sync.WaitGroup
}

func newLoad() *load { return &load{stop: make(chan struct{})} }

// add has n clients do something again and again, each with a pause between.
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

func (l *load) end() {
	close(l.stop)
	l.wg.Wait()
}

func TestKill9InFullFlightLosesNoAnsweredTokenAndGivesNoPlaceTwice(t *testing.T) {
	t.Parallel()
	for name, open := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			survivor := openShop(t, open(t), patientDatabase)
			const fleet = 4
			var victims [fleet]atomic.Pointer[server]
			var held wallet
			var ofVictims atomic.Int64
			clients := newLoad()
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
						t.Errorf("a replica that is to die answers %d %s", a.status, a.body)
					}
				})
			}

			for range kills[name] / fleet {
				var started [fleet]*server
				for i := range started {
					started[i] = survivor.start()
				}
				for i, victim := range started {
					victim.awaitReady()
					victims[i].Store(victim)
				}
				for _, n := range rand.Perm(fleet) {
					time.Sleep(rand.N(80 * time.Millisecond))
					started[n].kill()
					victims[n].Store(nil)
				}
			}
			clients.end()

			t.Logf("%d kills; %d tokens answered, %d by replicas that were killed", kills[name], len(held.tokens), ofVictims.Load())
			if ofVictims.Load() < int64(kills[name]) {
				t.Error("too few tokens to judge")
			}
			survivor.wantAllLive(t, held.tokens)
			given := map[statusPlace]bool{}
			for _, token := range held.tokens {
				place := placeOf(t, token)
				if given[place] {
					t.Errorf("%v was given twice", place)
				}
				given[place] = true
			}
			for range 50 {
				survivor.wantActive(t, survivor.orders, held.tokens[rand.N(len(held.tokens))], true)
			}
		})
	}
}

// wantAllLive fails unless the index has all these tokens of reporting as live.
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
