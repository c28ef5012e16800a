package secevent_test

import (
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/secevent"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

const verificationType = "https://schemas.openid.net/secevent/ssf/event-type/verification"

// states are those of the verification events among tokens.
func states(sets []set) (all []string) {
	for _, s := range sets {
		if said, ok := s.raw["events"].(map[string]any)[verificationType].(map[string]any); ok {
			state, _ := said["state"].(string)
			all = append(all, state)
		}
	}
	return all
}

func (w *world) verify(t *testing.T, client, state string) domain.Verification {
	t.Helper()
	sent, err := w.a.events.Verify(eventtest.Context(t), client, state)
	must(t, err)
	return sent
}

// verification is the last one of a receiver.
func (w *world) verification(t *testing.T, client string) domain.Verification {
	t.Helper()
	r, err := w.b.events.Find(eventtest.Context(t), client)
	must(t, err)
	return r.Verification
}

func TestAReceiverThatPollsAnswersItsVerification(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		_, err := w.a.events.Create(ctx, domain.Receiver{Client: "orders-svc", Method: domain.DeliveryPoll, Events: []string{domain.EventSessionRevoked}}, "")
		must(t, err)
		w.polls(t, "billing-svc")
		same(t, w.verification(t, "orders-svc"), domain.Verification{})

		first := w.verify(t, "orders-svc", "first")
		sets := w.b.poll(t, "orders-svc")
		same(t, states(sets), []string{"first"})
		same(t, abouts(sets), []string{"orders-svc"})
		same(t, states(w.b.poll(t, "billing-svc")), nil)
		same(t, w.verification(t, "orders-svc").AnsweredAt.IsZero(), true)
		w.b.poll(t, "orders-svc", ids(sets)...)
		got := w.verification(t, "orders-svc")
		same(t, got.Seq == first.Seq && !got.AnsweredAt.IsZero() && got.Refusal == "", true)

		w.verify(t, "orders-svc", "")
		sets = w.b.poll(t, "orders-svc")
		same(t, states(sets), []string{""})
		_, err = w.b.events.Poll(ctx, "orders-svc", secevent.Poll{
			ReturnImmediately: true, SetErrs: map[string]secevent.SetError{sets[0].ID: {Code: "invalid_audience", Description: "not me"}},
		})
		must(t, err)
		same(t, w.verification(t, "orders-svc").Refusal, "invalid_audience not me")

		// One that was not answered gives way to the next, and both go away together.
		w.verify(t, "orders-svc", "early")
		w.verify(t, "orders-svc", "late")
		sets = w.b.poll(t, "orders-svc")
		same(t, states(sets), []string{"late"})
		w.b.poll(t, "orders-svc", ids(sets)...)
		same(t, w.verification(t, "orders-svc").AnsweredAt.IsZero(), false)
		r, err := w.a.events.Find(ctx, "orders-svc")
		must(t, err)
		same(t, r.Progress.Acked >= w.verification(t, "orders-svc").Seq, true)

		must(t, w.a.events.SetPaused(ctx, "orders-svc", true))
		w.verify(t, "orders-svc", "later")
		same(t, states(w.b.poll(t, "orders-svc")), nil)
		must(t, w.a.events.SetPaused(ctx, "orders-svc", false))
		same(t, states(w.b.poll(t, "orders-svc")), []string{"later"})

		for _, state := range []string{strings.Repeat("x", 1001), "a\x00b", "\xff", "a\nb"} {
			_, err := w.a.events.Verify(ctx, "orders-svc", state)
			servicetest.Refused(t, err, domain.ErrInvalid)
		}
		_, err = w.a.events.Verify(ctx, "reporting", "")
		servicetest.Refused(t, err, domain.ErrNotFound)
	})
}

func TestAVerificationIsPushedAtOnceWhateverFailedBefore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		s := newService(t)
		w.pushes(t, "orders-svc", s, "")
		s.then(respond(500, ""))
		jti := w.revoke(t, orders)
		w.deliver(t, "the push fails", func() bool { r := w.receiver(t); return r.Attempts == 1 && r.LeasedUntil.IsZero() })
		w.verify(t, "orders-svc", "hello")
		w.deliver(t, "it is answered", func() bool { return !w.verification(t, "orders-svc").AnsweredAt.IsZero() })
		sets := s.read(t, w.a, false)
		same(t, abouts(sets), []string{jti, "orders-svc"})
		same(t, states(sets), []string{"hello"})

		w.a.events.Wait() // a delivery that began before would push the next verification before it is to be refused
		w.b.events.Wait()
		for range 5 {
			s.then(respond(400, `{"err":"invalid_state","description":"what is that?"}`))
		}
		w.verify(t, "orders-svc", "refused")
		w.deliver(t, "it is given up", func() bool {
			w.a.events.Wait() // a push whose lease ends while it is under way counts as none
			w.b.events.Wait()
			w.advance(time.Minute)
			return w.verification(t, "orders-svc").Refusal == "invalid_state what is that?"
		})
	})
}

func TestAReceiverIsChanged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		s, elsewhere := newService(t), newService(t)
		w.pushes(t, "orders-svc", s, "a-secret")
		change := func(bearer *string, edit func(r *domain.Receiver)) domain.Receiver {
			t.Helper()
			r, err := w.a.events.Update(ctx, "orders-svc", bearer, func(r *domain.Receiver) error { edit(r); return nil })
			must(t, err)
			return r
		}
		before := w.receiver(t)
		r := change(nil, func(r *domain.Receiver) {
			r.Description, r.Endpoint, r.Events = "Orders", s.URL+"/other", []string{domain.EventSessionRevoked}
		})
		same(t, r.Description+" "+r.Events[0], "Orders session-revoked")
		same(t, r.Version, before.Version+1)
		same(t, r.Progress, before.Progress)
		same(t, w.a.events.HasBearer(r, "a-secret"), true) // the same host
		w.revoke(t, orders)
		w.deliver(t, "it is pushed", func() bool { return s.count(false) == 1 })

		r = change(nil, func(r *domain.Receiver) { r.Endpoint = elsewhere.URL })
		same(t, len(r.SealedToken), 0) // which another host must not be sent
		w.revoke(t, orders)
		w.deliver(t, "it is pushed elsewhere", func() bool { return elsewhere.count(false) == 1 })
		same(t, elsewhere.bearers, []string{""})

		bearer, err := w.a.events.RotateBearer(ctx, "orders-svc", func(domain.Receiver) error { return nil })
		must(t, err)
		w.revoke(t, orders)
		w.deliver(t, "it is pushed with the new token", func() bool { return elsewhere.count(false) == 2 })
		same(t, elsewhere.bearers[1], "Bearer "+bearer)

		r = change(new("given"), func(r *domain.Receiver) { r.Endpoint = s.URL })
		same(t, w.a.events.HasBearer(r, "given"), true)
		same(t, len(change(new(""), func(*domain.Receiver) {}).SealedToken), 0)
		r = change(nil, func(r *domain.Receiver) { r.Method, r.Events = domain.DeliveryPoll, nil })
		same(t, r.Endpoint, "")
		w.revoke(t, orders)
		same(t, len(w.b.poll(t, "orders-svc")), 0) // of no events
		same(t, len(change(nil, func(r *domain.Receiver) { r.Description = "Stock" }).Events), 0)
		r = change(nil, func(r *domain.Receiver) { r.Events = domain.SecurityEvents })
		w.revoke(t, orders)
		same(t, len(w.b.poll(t, "orders-svc")) > 0, true)

		for what, c := range map[string]struct {
			bearer string
			edit   func(r *domain.Receiver)
		}{
			"a bearer token of one that polls": {"b", func(*domain.Receiver) {}},
			"pushes to nowhere":                {"", func(r *domain.Receiver) { r.Method = domain.DeliveryPush }},
			"plain http":                       {"", func(r *domain.Receiver) { r.Method, r.Endpoint = domain.DeliveryPush, "http://x.example" }},
			"an unknown event":                 {"", func(r *domain.Receiver) { r.Events = []string{domain.EventVerification} }},
			"a long description":               {"", func(r *domain.Receiver) { r.Description = strings.Repeat("x", 501) }},
		} {
			_, err := w.a.events.Update(ctx, "orders-svc", &c.bearer, func(r *domain.Receiver) error { c.edit(r); return nil })
			t.Run(what, func(t *testing.T) { servicetest.Refused(t, err, domain.ErrInvalid) })
		}
		_, err = w.a.events.RotateBearer(ctx, "orders-svc", func(domain.Receiver) error { return nil })
		servicetest.Refused(t, err, domain.ErrInvalid, "polls")
		_, err = w.a.events.Update(ctx, "reporting", nil, func(*domain.Receiver) error { return nil })
		servicetest.Refused(t, err, domain.ErrNotFound)
		must(t, db.UpdateReceiver(ctx, w.receiver(t)))
		servicetest.Refused(t, db.UpdateReceiver(ctx, r), domain.ErrConsumed) // another was quicker
	})
}
