package introspection_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
	"github.com/signet-auth/signet/internal/token"
)

// standing is a token's state in the model that replicas must not be told from.
type standing string

const (
	absent    standing = "absent"
	live      standing = "live"
	suspended standing = "suspended"
	revoked   standing = "revoked"
	covered   standing = "covered" // by a revocation of its client; perhaps not marked yet
)

// deed is what a caller does to a token.
type deed string

const (
	issue      deed = "issue"
	introspect deed = "introspect"
	revoke     deed = "revoke"
	suspend    deed = "suspend"
	resume     deed = "resume"
	revokeAll  deed = "revoke all"
)

// outcome is what the caller was told.
type outcome string

const (
	done      outcome = "done"
	active    outcome = "active"
	inactive  outcome = "inactive"
	isAbsent  outcome = "absent"
	isRevoked outcome = "revoked"
	unknown   outcome = "unknown" // an error: it took place, or does later, or never
)

// after says what a deed makes of a token, and what its caller may be told.
func (s standing) after(d deed) (next standing, told []outcome) {
	switch {
	case d == introspect && s == live:
		return s, []outcome{active}
	case d == introspect:
		return s, []outcome{inactive}
	case d == issue && s == absent:
		return live, []outcome{done}
	case d == revokeAll && (s == live || s == suspended):
		return covered, []outcome{done}
	case d == revokeAll:
		return s, []outcome{done}
	case s == absent:
		return s, []outcome{isAbsent}
	case d == revoke:
		return revoked, []outcome{done}
	case s == revoked:
		return s, []outcome{isRevoked}
	case s == covered: // suspending or resuming is told apart from one that is not covered only once it is marked
		return s, []outcome{done, isRevoked}
	case d == suspend:
		return suspended, []outcome{done}
	default: // resume
		return live, []outcome{done}
	}
}

// oneToken is the model of a single token.
var oneToken = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{absent} },
	Step: func(state, input, output any) []any {
		next, told := state.(standing).after(input.(deed))
		switch {
		case output.(outcome) == unknown:
			return []any{state, next}
		case slices.Contains(told, output.(outcome)):
			return []any{next}
		}
		return nil
	},
}).ToModel()

// history is what callers did and were told, by token.
type history struct {
	began time.Time

	mu     sync.Mutex
	of     map[domain.TokenID][]porcupine.Operation
	ofAll  []porcupine.Operation
	recent []token.SignedToken
	told   map[outcome]int
}

// deedTimeout is longer than a replica takes to say that it does not know.
const deedTimeout = 5 * time.Second

// note does something and writes down what came of it. It says whether that is known.
func (h *history) note(d deed, id domain.TokenID, do func(ctx context.Context) (outcome, error)) (known bool) {
	ctx, cancel := context.WithTimeout(event.WithActor(context.Background(), event.System), deedTimeout)
	defer cancel()
	op := porcupine.Operation{Input: d, Call: int64(time.Since(h.began))}
	told, err := do(ctx)
	op.Return = int64(time.Since(h.began))
	switch {
	case err == nil:
	case errors.Is(err, domain.ErrNotFound):
		told = isAbsent
	case errors.Is(err, domain.ErrRevoked):
		told = isRevoked
	case errors.Is(err, domain.ErrStale):
		return true // nothing was written
	default:
		told, op.Return = unknown, math.MaxInt64
	}
	op.Output = told
	h.mu.Lock()
	defer h.mu.Unlock()
	h.told[told]++
	switch {
	case d == revokeAll:
		h.ofAll = append(h.ofAll, op)
	case d != introspect || told != unknown: // a question without an answer says nothing
		h.of[id] = append(h.of[id], op)
	}
	return told != unknown
}

// show makes a token known to all callers, in the place of an older one.
func (h *history) show(minted token.SignedToken) {
	const shown = 4
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.recent = append(h.recent, minted); len(h.recent) > shown {
		h.recent = h.recent[1:]
	}
}

func (h *history) any() token.SignedToken {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.recent[rand.N(len(h.recent))]
}

// act does something to some token at a replica. It says whether the outcome is known.
func (h *history) act(r *servicetest.Replica) bool {
	dice := rand.N(100)
	if dice < 10 {
		return h.issue(r)
	}
	minted := h.any()
	id := minted.Record.ID
	switch {
	case dice < 50:
		return h.note(introspect, id, func(ctx context.Context) (outcome, error) {
			found, err := r.Introspection.Introspect(ctx, minted.Token)
			if found != nil {
				return active, err
			}
			return inactive, err
		})
	case dice < 73:
		return h.note(suspend, id, func(ctx context.Context) (outcome, error) { return done, r.Revocation.Suspend(ctx, id) })
	case dice < 94:
		return h.note(resume, id, func(ctx context.Context) (outcome, error) { return done, r.Revocation.Resume(ctx, id) })
	case dice < 99:
		return h.note(revoke, id, func(ctx context.Context) (outcome, error) { return done, r.Revocation.RevokeID(ctx, id) })
	default:
		return h.note(revokeAll, id, func(ctx context.Context) (outcome, error) {
			_, err := r.Revocation.Revoke(ctx, revocation.TokenSelector{ClientID: minted.Record.ClientID})
			return done, err
		})
	}
}

// issue lets others see the token before it is in the index.
func (h *history) issue(r *servicetest.Replica) bool {
	ctx, cancel := context.WithTimeout(context.Background(), deedTimeout)
	defer cancel()
	if r.Cache.Refresh(ctx) != nil {
		return false
	}
	revision := r.Cache.Revision()
	client, err1 := r.Registry.LookupClient(ctx, "reporting")
	api, err2 := r.Registry.LookupAPI(ctx, servicetest.Orders)
	if errors.Join(err1, err2) != nil {
		return false
	}
	minted, err := r.Minter.Mint(ctx, token.AccessTokenRequest{Client: client, API: api})
	if err != nil {
		return false
	}
	h.show(minted)
	return h.note(issue, minted.Record.ID, func(ctx context.Context) (outcome, error) {
		return done, r.Index.Record(ctx, revision, minted.Record)
	})
}

// check fails the test for each token whose history no single copy of it could have.
func (h *history) check(t *testing.T) {
	t.Helper()
	undecided := 0
	for id, ops := range h.of {
		first, last := int64(math.MaxInt64), int64(0)
		for _, op := range ops {
			first = min(first, op.Call)
			if op.Output != unknown {
				last = max(last, op.Return)
			}
		}
		for _, op := range h.ofAll {
			if op.Return >= first && op.Call <= last {
				ops = append(ops, op)
			}
		}
		switch porcupine.CheckOperationsTimeout(oneToken, ops, 20*time.Second) {
		case porcupine.Unknown: // there are too many whose outcome is not known, as on a busy machine
			undecided++
		case porcupine.Illegal:
			slices.SortFunc(ops, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
			var all strings.Builder
			for _, op := range ops {
				fmt.Fprintf(&all, "%v … %v: %s: %s\n", time.Duration(op.Call), time.Duration(op.Return), op.Input, op.Output)
			}
			t.Errorf("token %s has a history that no single copy of it could have:\n%s", id, &all)
		}
	}
	if undecided > len(h.of)/10 {
		t.Errorf("of %d tokens %d could not be judged in time", len(h.of), undecided)
	}
}

func TestWhateverHappensReplicasAnswerAsOne(t *testing.T) {
	cluster := pgtest.New(t)
	url := cluster.Database(t)
	f := servicetest.SetUp(t, storetest.Open(t, url))
	wires := make([]*pgtest.Wire, 3)
	replicas := make([]*servicetest.Replica, len(wires))
	for i := range wires {
		wires[i] = pgtest.NewWire(t, url)
		replicas[i] = servicetest.NewReplica(t, storetest.OpenImpatient(t, wires[i].URL()), f.Master, time.Now)
	}
	h := &history{began: time.Now(), of: map[domain.TokenID][]porcupine.Operation{}, told: map[outcome]int{}}
	for _, r := range replicas {
		h.issue(r)
	}

	stop := make(chan struct{})
	var callers sync.WaitGroup
	loop := func(pause time.Duration, do func()) {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(pause):
					do()
				}
			}
		})
	}
	for _, r := range replicas {
		for range 2 {
			const first, longest = 10 * time.Millisecond, 300 * time.Millisecond
			pause := first
			loop(time.Millisecond, func() {
				if h.act(r) {
					pause = first
					return
				}
				time.Sleep(pause) // or a token would have more unknowns than can be checked
				pause = min(2*pause, longest)
			})
		}
		// A failure is of no interest here: it is done again, there or elsewhere.
		loop(500*time.Millisecond, func() { _ = r.Revocation.FinishAll(context.Background()) })
	}
	loop(100*time.Millisecond, func() { wires[2].Snag("commit") }) // all the time: nothing is harder to be right about

	calm := func() { time.Sleep(300 * time.Millisecond) }
	for range 2 {
		calm()
		wires[0].Cut()
		calm()
		wires[0].Restore()
		calm()
		wires[1].Silence()
		time.Sleep(2 * time.Second)
		wires[1].Restore()
		calm()
		cluster.Pause(t)
		time.Sleep(2 * time.Second)
		cluster.Resume(t)
		calm()
		cluster.Crash()
		cluster.Start(t)
	}
	calm()
	close(stop)
	callers.Wait()

	t.Logf("%d tokens; outcomes %v", len(h.of), h.told)
	for _, o := range []outcome{done, active, inactive, isRevoked, unknown} {
		if h.told[o] == 0 {
			t.Errorf("nobody was told %q: that proves nothing", o)
		}
	}
	h.check(t)
}
