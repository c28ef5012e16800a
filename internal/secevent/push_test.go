package secevent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/secevent"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
	"github.com/signet-auth/signet/internal/tracing"
	"github.com/signet-auth/signet/internal/tracing/tracingtest"
)

// service is what is pushed to. It answers as it is told to, and 202 otherwise.
type service struct {
	*httptest.Server
	mu       sync.Mutex
	accepted []string // tokens that it answered 202
	seen     []string // all tokens
	bearers  []string
	next     []http.HandlerFunc
	trouble  http.HandlerFunc // answers what next does not; nil: all is well
	inside   int
	overlaps int
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.CloseClientConnections)
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	if s.inside++; s.inside > 1 {
		s.overlaps++
	}
	s.seen = append(s.seen, string(body))
	s.bearers = append(s.bearers, r.Header.Get("Authorization"))
	answer := func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		s.accepted = append(s.accepted, string(body))
		s.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/secevent+jwt" {
		answer = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnsupportedMediaType) }
	} else if len(s.next) > 0 {
		answer, s.next = s.next[0], s.next[1:]
	} else if s.trouble != nil {
		answer = s.trouble
	}
	s.mu.Unlock()
	answer(w, r)
	s.mu.Lock()
	s.inside--
	s.mu.Unlock()
}

func (s *service) then(answers ...http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next = append(s.next, answers...)
}

// troubled makes it answer everything so; nil: as it should.
func (s *service) troubled(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trouble = answer
}

// read returns the tokens accepted, or all that were seen.
func (s *service) read(t *testing.T, r *replica, all bool) (sets []set) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	tokens := s.accepted
	if all {
		tokens = s.seen
	}
	for _, token := range tokens {
		sets = append(sets, r.open(t, token))
	}
	return sets
}

func (s *service) count(all bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all {
		return len(s.seen)
	}
	return len(s.accepted)
}

func respond(code int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func (w *world) pushes(t *testing.T, client string, s *service, bearer string) {
	t.Helper()
	_, err := w.a.events.Create(eventtest.Context(t), domain.Receiver{Client: client, Method: domain.DeliveryPush, Endpoint: s.URL + "/events"}, bearer)
	must(t, err)
}

func (w *world) receiver(t *testing.T) domain.Receiver {
	t.Helper()
	r, err := w.a.events.Find(eventtest.Context(t), "orders-svc")
	must(t, err)
	return r
}

// deliver lets both replicas look at the log until that holds.
func (w *world) deliver(t *testing.T, what string, holds func() bool) {
	t.Helper()
	eventually(t, what, func() bool {
		must(t, w.a.events.Sync(eventtest.Context(t)))
		must(t, w.b.events.Sync(eventtest.Context(t)))
		return holds()
	})
}

// finish waits for the deliveries that both replicas have begun.
func (w *world) finish() { w.a.events.Wait(); w.b.events.Wait() }

// beginDeliveries has both replicas look at the log once, and waits for what they deliver.
func (w *world) beginDeliveries(t *testing.T) {
	t.Helper()
	must(t, w.a.events.Sync(eventtest.Context(t)))
	must(t, w.b.events.Sync(eventtest.Context(t)))
	w.finish()
}

func TestNothingIsLostAndTheOrderKeptWhateverTheEndpointDoes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		s := newService(t)
		elsewhere := newService(t)
		w.pushes(t, "orders-svc", s, "a-secret")
		hang := make(chan struct{})
		defer close(hang)
		troubles := map[string]http.HandlerFunc{
			"answered 500, not 202": respond(500, strings.Repeat("x", 1<<20)),
			"answered 200, not 202": respond(200, ""),
			"answered 307, not 202": func(rw http.ResponseWriter, r *http.Request) {
				http.Redirect(rw, r, elsewhere.URL, http.StatusTemporaryRedirect)
			},
			"context deadline exceeded": func(_ http.ResponseWriter, r *http.Request) {
				select {
				case <-hang:
				case <-r.Context().Done():
				}
			},
			"EOF":                         func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"answered 401, not 202":       respond(401, `{"err":"authentication_failed"}`),
			"answered invalid_key who?":   respond(400, `{"err":"invalid_key","description":"who?"}`),
			"answered 400, not 202":       respond(400, `<html>`),
			"refused: invalid_request hm": respond(400, `{"err":"invalid_request","description":"hm"}`),
		}
		patience := func(push time.Duration) {
			w.a.events.SetPatience(time.Second, push)
			w.b.events.SetPatience(time.Second, push)
		}
		patience(30 * time.Second)
		w.halt() // an attempt comes when the test says so, however long the machine takes
		var want []string
		want = append(want, w.revoke(t, orders))
		for message, trouble := range troubles {
			want = append(want, w.revoke(t, orders))
			if strings.Contains(message, "deadline") {
				patience(time.Second)
			}
			s.troubled(trouble)
			for attempts := 1; attempts <= 2; attempts++ {
				w.advance(time.Minute)
				w.deliver(t, "a push fails", func() bool { return w.receiver(t).Attempts == attempts })
				w.finish()
				r := w.receiver(t)
				if !strings.Contains(r.LastError, message) || r.Attempts != attempts || !r.NextAttemptAt.After(w.now()) || !r.LeasedUntil.IsZero() {
					t.Errorf("after %q the receiver is %+v", message, r)
				}
				if strings.Contains(r.LastError, "events") {
					t.Errorf("the error tells the URL: %q", r.LastError)
				}
				w.beginDeliveries(t)
				same(t, w.receiver(t).Attempts, attempts) // it was too early for another
			}
			s.troubled(nil)
			patience(30 * time.Second)
			w.advance(time.Minute)
			w.deliver(t, "it is accepted", func() bool { return s.count(false) == len(want) && w.receiver(t).Attempts == 0 })
			w.finish()
		}
		same(t, abouts(s.read(t, w.a, false)), want)
		same(t, elsewhere.count(true), 0)
		for _, bearer := range s.bearers {
			same(t, bearer, "Bearer a-secret")
		}
		last, err := db.LastEvent(eventtest.Context(t))
		must(t, err)
		eventually(t, "the end is acknowledged", func() bool { return w.receiver(t).Progress.Acked == last })
	})
}

func TestATokenThatIsRefusedForGoodLetsTheNextOnesPass(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		s := newService(t)
		w.pushes(t, "orders-svc", s, "")
		refused, next := w.revoke(t, orders), w.revoke(t, orders)
		s.then(slices.Repeat([]http.HandlerFunc{respond(400, `{"err":"invalid_request"}`)}, 5)...)
		w.deliver(t, "the next one passes", func() bool {
			if w.receiver(t).LeasedUntil.IsZero() {
				w.advance(30 * time.Second) // past the next attempt, but not past a lease that begins now
			}
			return s.count(false) == 1
		})
		same(t, abouts(s.read(t, w.a, false)), []string{next})
		seen := s.read(t, w.a, true)
		same(t, abouts(seen), append(slices.Repeat([]string{refused}, 5), next))
		last, err := db.LastEvent(eventtest.Context(t))
		must(t, err)
		events, err := db.ListEvents(eventtest.Context(t), last-1, 1)
		must(t, err)
		same(t, events[0].Action+" "+events[0].Details, fmt.Sprintf(`receiver.refuse {"description":"","err":"invalid_request","jti":%q}`, seen[0].ID))
	})
}

func TestReplicasDoNotPushTheSameAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		s := newService(t)
		w.pushes(t, "orders-svc", s, "")
		ctx, stop := context.WithCancel(eventtest.Context(t))
		var running sync.WaitGroup
		for _, r := range []*replica{w.a, w.b, w.replica(t, db)} {
			running.Go(func() {
				for ctx.Err() == nil {
					if err := r.events.Sync(ctx); err != nil && ctx.Err() == nil {
						t.Error(err)
					}
				}
			})
		}
		var want []string
		for range 20 {
			want = append(want, w.revoke(t, orders))
		}
		eventually(t, "all are accepted", func() bool { return s.count(false) >= len(want) })
		stop()
		running.Wait()
		same(t, abouts(s.read(t, w.a, true)), want)
		same(t, s.overlaps, 0)
	})
}

// dying is a store that fails just when a receiver's progress is to be stored, or its lease given back.
type dying struct{ *store.DB }

var errDied = errors.New("the replica died")

func (dying) MoveReceiver(context.Context, int64, domain.Progress, domain.Progress) error {
	return errDied
}
func (dying) ReleaseReceiver(context.Context, domain.Receiver, time.Time) error { return errDied }

func TestAReplicaThatDiesAfterAPushLetsAnotherSendTheSameToken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		s := newService(t)
		w.pushes(t, "orders-svc", s, "")
		w.revoke(t, orders)
		must(t, w.replica(t, dying{db}).events.Sync(eventtest.Context(t)))
		eventually(t, "it is pushed", func() bool { return s.count(false) == 1 })
		leased := w.receiver(t).LeasedUntil
		if leased.After(w.now().Add(time.Minute)) {
			t.Errorf("others wait until %v, longer than a minute after %v", leased, w.now())
		}
		w.advance(leased.Sub(w.now()) - 30*time.Second)
		others := []*replica{w.b, w.replicaAhead(t, dying{db}, time.Hour)}
		for _, other := range others {
			must(t, other.events.Sync(eventtest.Context(t)))
			other.events.Wait()
		}
		same(t, s.count(false), 1) // the dead one still has the lease
		w.advance(30 * time.Second)
		w.deliver(t, "it is pushed again", func() bool { return s.count(false) > 1 && w.receiver(t).LeasedUntil.IsZero() })
		sets := s.read(t, w.a, false)
		same(t, len(sets), 2)
		same(t, sets[0].raw, sets[1].raw)
	})
}

func TestAPausedReceiverIsPushedThatAndNothingElse(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		testPushingToAPausedReceiver(t, newWorld(t, db))
	})
}

func testPushingToAPausedReceiver(t *testing.T, w *world) {
	s := newService(t)
	w.pushes(t, "orders-svc", s, "")
	w.verify(t, "orders-svc", "before")
	must(t, w.a.events.SetPaused(eventtest.Context(t), "orders-svc", true))
	jti := w.revoke(t, orders)
	eventually(t, "it is told of the pause", func() bool { must(t, w.a.events.Sync(eventtest.Context(t))); return w.receiver(t).StatusSeq == 0 })
	same(t, updates(s.read(t, w.b, false)), []string{"paused"})
	same(t, s.count(false), 1)
	due, err := w.db.DueReceivers(eventtest.Context(t), w.now(), 100)
	must(t, err)
	same(t, len(due), 0)
	must(t, w.b.events.SetPaused(eventtest.Context(t), "orders-svc", false))
	eventually(t, "it is pushed", func() bool { must(t, w.b.events.Sync(eventtest.Context(t))); return s.count(false) == 4 })
	sets := s.read(t, w.b, false)
	same(t, updates(sets), []string{"paused", "enabled"})
	same(t, abouts(sets), []string{"orders-svc", "orders-svc", jti, "orders-svc"})
	if _, err := w.b.events.Poll(eventtest.Context(t), "orders-svc", secevent.Poll{}); !errors.Is(err, secevent.ErrNotPolling) {
		t.Errorf("a receiver that is pushed to polls: %v", err)
	}
}

func TestAPauseEndsARoundOfPushes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		s := newService(t)
		w.pushes(t, "orders-svc", s, "")
		for range 3 {
			w.revoke(t, orders)
		}
		s.then(func(rw http.ResponseWriter, _ *http.Request) {
			if err := w.b.events.SetPaused(ctx, "orders-svc", true); err != nil {
				t.Error(err)
			}
			rw.WriteHeader(http.StatusAccepted)
		})
		w.deliver(t, "the pause is told", func() bool { return s.count(true) == 2 })
		same(t, updates(s.read(t, w.a, true)), []string{"paused"})
		w.deliver(t, "it is answered", func() bool { return w.receiver(t).StatusSeq == 0 })
		same(t, s.count(true), 2)
	})
}

func TestAResumeDuringAPushThatFailsEndsWaiting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		s := newService(t)
		w.pushes(t, "orders-svc", s, "")
		w.revoke(t, orders)
		s.then(func(rw http.ResponseWriter, _ *http.Request) {
			if err := w.b.events.SetPaused(ctx, "orders-svc", false); err != nil {
				t.Error(err)
			}
			rw.WriteHeader(http.StatusServiceUnavailable)
		})
		must(t, w.a.events.Sync(ctx))
		eventually(t, "the push fails", func() bool { return s.count(true) == 1 && w.receiver(t).LeasedUntil.IsZero() })
		r := w.receiver(t)
		same(t, r.Attempts, 0)
		same(t, r.NextAttemptAt.After(w.now()), false)

		// Who was pushed to comes after those that wait, so that none that always has something new keeps others from their turn.
		b := newService(t)
		w.pushes(t, "billing-svc", b, "")
		w.revoke(t, billing)
		w.deliver(t, "billing is pushed to", func() bool { return b.count(false) == 1 })
		w.finish()
		w.advance(time.Minute)
		w.revoke(t, orders)
		w.deliver(t, "orders is pushed to", func() bool { return s.count(false) == 2 })
		w.finish()
		w.revoke(t, orders)
		w.revoke(t, billing)
		due, err := db.DueReceivers(ctx, w.now(), 100)
		must(t, err)
		if len(due) != 2 || due[0].Client != "billing-svc" {
			t.Errorf("due are %+v", due)
		}
	})
}

func TestAFailoverToAServerWhoseClockIsBehindDelaysNoPush(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		s := newService(t)
		w.pushes(t, "orders-svc", s, "")
		w.advance(time.Hour)
		w.revoke(t, orders)
		w.deliver(t, "it is pushed", func() bool { return s.count(false) == 1 })
		w.a.events.Wait()
		w.b.events.Wait()
		w.advance(-5 * time.Minute)
		w.revoke(t, orders)
		due, err := db.DueReceivers(t.Context(), w.now(), 100)
		must(t, err)
		if len(due) != 1 {
			t.Fatalf("due are %+v", due)
		}
		must(t, w.a.events.Sync(eventtest.Context(t)))
		w.a.events.Wait()
		same(t, s.count(false), 2)

		// One that fails waits for its next attempt.
		s.then(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusServiceUnavailable) })
		w.revoke(t, orders)
		must(t, w.a.events.Sync(eventtest.Context(t)))
		w.a.events.Wait()
		due, err = db.DueReceivers(t.Context(), w.now(), 100)
		must(t, err)
		same(t, len(due), 0)
		same(t, w.receiver(t).Attempts, 1)
	})
}

func TestPushingFarBehindGoesOnAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		s := newService(t)
		w.pushes(t, "orders-svc", s, "")
		w.lengthen(t)
		jti := w.revoke(t, orders)
		must(t, w.a.events.Sync(eventtest.Context(t)))
		eventually(t, "it is pushed", func() bool { return s.count(false) == 1 })
		same(t, abouts(s.read(t, w.a, false)), []string{jti})
	})
}

func TestAReceiverThatNothingConcernsKeepsUpWithTheLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.pushes(t, "orders-svc", newService(t), "")
		w.lengthen(t)
		last, err := db.LastEvent(t.Context())
		must(t, err)
		w.deliver(t, "its progress is stored", func() bool { return w.receiver(t).Progress.Acked == last })
	})
}

func TestAnEndpointInsideIsReachedOnlyIfThatIsWanted(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	s := newService(t)
	collected := tracingtest.New(t)
	tracer, err := tracing.New(t.Context(), tracing.Config{Endpoint: collected.URL, Sample: 1, Client: http.DefaultClient, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	defer tracer.Stop(t.Context())
	w.a.events.Tracer, w.b.events.Tracer = tracer, tracer
	// A name that leads to loopback without saying so.
	endpoint := "https://" + strings.Replace(strings.TrimPrefix(s.URL, "http://"), "127.0.0.1", "[::ffff:127.0.0.1]", 1)
	_, err = w.a.events.Create(eventtest.Context(t), domain.Receiver{Client: "orders-svc", Method: domain.DeliveryPush, Endpoint: endpoint}, "")
	must(t, err)
	w.revoke(t, orders)
	w.deliver(t, "the push is refused", func() bool { return w.receiver(t).LastError != "" })
	if got := w.receiver(t).LastError; !strings.Contains(got, "--allow-private") {
		t.Errorf("it failed with %q", got)
	}
	same(t, s.count(true), 0)
	called := collected.Await(t, func(s tracingtest.Span) bool { return s.Name == "outbound call" })
	collected.Await(t, func(s tracingtest.Span) bool {
		return s.ID == called.Parent && s.Name == "job: push security events" && s.Parent == ""
	})
}

func TestReceiversThatMakeNoSenseAreNotCreated(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	_, _, err := w.a.Registry.CreateClient(eventtest.Context(t), domain.Client{ClientID: "app", Public: true, Serves: []string{orders}})
	const push, poll = domain.DeliveryPush, domain.DeliveryPoll
	for _, c := range []struct {
		r      domain.Receiver
		bearer string
		want   error
	}{
		{domain.Receiver{Client: "nobody", Method: poll}, "", domain.ErrNotFound},
		{domain.Receiver{Client: "reporting", Method: poll}, "", domain.ErrInvalid}, // serves nothing
		{domain.Receiver{Client: "orders-svc", Method: "fax"}, "", domain.ErrInvalid},
		{domain.Receiver{Client: "orders-svc", Method: poll, Events: []string{"x"}}, "", domain.ErrInvalid},
		{domain.Receiver{Client: "orders-svc", Method: poll, Endpoint: "https://a.example"}, "", domain.ErrInvalid},
		{domain.Receiver{Client: "orders-svc", Method: poll}, "bearer", domain.ErrInvalid},
		{domain.Receiver{Client: "orders-svc", Method: push}, "", domain.ErrInvalid},
		{domain.Receiver{Client: "orders-svc", Method: push, Endpoint: "http://a.example/"}, "", domain.ErrInvalid},
		{domain.Receiver{Client: "orders-svc", Method: push, Endpoint: "ftp://a.example/"}, "", domain.ErrInvalid},
		{domain.Receiver{Client: "orders-svc", Method: push, Endpoint: "https:///events"}, "", domain.ErrInvalid},
		{domain.Receiver{Client: "orders-svc", Method: push, Endpoint: "https://me:pw@a.example/"}, "", domain.ErrInvalid},
		{domain.Receiver{Client: "orders-svc", Method: push, Endpoint: "https://a.example/#x"}, "", domain.ErrInvalid},
		{domain.Receiver{Client: "orders-svc", Method: push, Endpoint: "https://a.example/" + strings.Repeat("x", 2000)}, "", domain.ErrInvalid},
		{domain.Receiver{Client: "orders-svc", Method: push, Endpoint: "https://a.example/"}, "two words", domain.ErrInvalid},
		{domain.Receiver{Client: "orders-svc", Method: push, Endpoint: "https://a.example/?code=1"}, "t0ken==", nil},
		{domain.Receiver{Client: "orders-svc", Method: poll}, "", domain.ErrExists},
	} {
		if _, err := w.a.events.Create(eventtest.Context(t), c.r, c.bearer); !errors.Is(err, c.want) {
			t.Errorf("%+v: %v, want %v", c.r, err, c.want)
		}
	}
	if err == nil {
		if _, err := w.a.events.Create(eventtest.Context(t), domain.Receiver{Client: "app", Method: poll}, ""); !errors.Is(err, domain.ErrInvalid) {
			t.Errorf("a public client: %v", err)
		}
	}
	r := w.receiver(t)
	if len(r.SealedToken) == 0 || strings.Contains(string(r.SealedToken), "t0ken") {
		t.Error("the bearer token is not sealed")
	}
	must(t, w.a.events.Delete(eventtest.Context(t), "orders-svc"))
	if err := w.a.events.Delete(eventtest.Context(t), "orders-svc"); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	last, err := w.db.LastEvent(eventtest.Context(t))
	must(t, err)
	w.polls(t, "orders-svc")
	must(t, w.a.Registry.DeleteClient(eventtest.Context(t), "orders-svc"))
	if _, err := w.a.events.Find(eventtest.Context(t), "orders-svc"); !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("it outlives its client: %v", err)
	}
	events, err := w.db.ListEvents(eventtest.Context(t), last-2, 1)
	must(t, err)
	if strings.Contains(events[0].Details, "code") {
		t.Errorf("the audit log tells the endpoint's query: %s", events[0].Details)
	}
}
