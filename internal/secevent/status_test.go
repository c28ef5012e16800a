package secevent_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/secevent"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/signin"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// content is what a token says of its only event, whose type ends with a name.
func (s set) content(name string) map[string]any {
	for kind, said := range s.raw["events"].(map[string]any) {
		if kind == secevent.EventType(name) {
			return said.(map[string]any)
		}
	}
	return nil
}

// updates are the states that stream-updated events among tokens tell.
func updates(sets []set) (all []string) {
	for _, s := range sets {
		if said := s.content(domain.EventStreamUpdated); said != nil {
			all = append(all, said["status"].(string))
		}
	}
	return all
}

// acknowledged polls and acknowledges all that there is.
func (w *world) acknowledged(t *testing.T, client string) (all []set) {
	t.Helper()
	for {
		sets := w.b.poll(t, client)
		if len(sets) == 0 {
			return all
		}
		all = append(all, sets...)
		w.b.poll(t, client, ids(sets)...)
	}
}

func TestWhileAStreamIsPausedItsEventsWaitAndWhatItIsIsTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		w.polls(t, "orders-svc")
		early := w.revoke(t, orders)
		must(t, w.a.events.SetPaused(ctx, "orders-svc", true))
		late := w.revoke(t, orders)
		for range 2 { // until it is acknowledged
			same(t, updates(w.b.poll(t, "orders-svc")), []string{"paused"})
		}
		same(t, len(w.acknowledged(t, "orders-svc")), 1)
		must(t, w.a.events.SetPaused(ctx, "orders-svc", false))
		sets := w.acknowledged(t, "orders-svc")
		same(t, abouts(sets), []string{early, late, "orders-svc"})
		same(t, updates(sets), []string{"enabled"})

		// It knows what it asked for itself, and what it heard of a state that has passed is no news.
		must(t, w.a.events.SetPaused(ctx, "orders-svc", true))
		r, err := w.a.events.SetStatus(ctx, "orders-svc", domain.StreamPaused, "at night")
		must(t, err)
		same(t, r.StatusReason, "at night")
		_, err = w.a.events.SetStatus(ctx, "orders-svc", domain.StreamEnabled, "")
		must(t, err)
		same(t, len(w.acknowledged(t, "orders-svc")), 0)

		for _, bad := range []struct{ status, reason string }{{"", ""}, {"Enabled", ""}, {"paused", "a\x00"}, {"paused", string(make([]byte, 501))}} {
			_, err := w.a.events.SetStatus(ctx, "orders-svc", domain.StreamStatus(bad.status), bad.reason)
			servicetest.Refused(t, err, domain.ErrInvalid)
		}
		_, err = w.a.events.SetStatus(ctx, "billing-svc", domain.StreamPaused, "")
		servicetest.Refused(t, err, domain.ErrNotFound)
	})
}

func TestWhatWasSentBeforeAPauseIsAcknowledgedInIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		w.polls(t, "orders-svc")
		w.revoke(t, orders)
		sent := w.b.poll(t, "orders-svc")
		must(t, w.a.events.SetPaused(ctx, "orders-svc", true))
		held := w.revoke(t, orders)
		same(t, updates(w.b.poll(t, "orders-svc", ids(sent)...)), []string{"paused"})
		must(t, w.a.events.SetPaused(ctx, "orders-svc", false))
		same(t, abouts(w.acknowledged(t, "orders-svc")), []string{held, "orders-svc"})
	})
}

func TestADisabledStreamKeepsNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		w.polls(t, "orders-svc")
		w.revoke(t, orders)
		set := func(status domain.StreamStatus) {
			t.Helper()
			_, err := w.a.events.SetStatus(ctx, "orders-svc", status, "")
			must(t, err)
		}
		set(domain.StreamDisabled)
		w.revoke(t, orders)
		same(t, len(w.b.poll(t, "orders-svc")), 0)
		must(t, w.a.events.Purge(ctx)) // it holds up nobody
		backlogs, err := db.Backlogs(ctx, "orders-svc", 10, 10)
		must(t, err)
		same(t, backlogs[0].Events, 0)
		set(domain.StreamEnabled)
		same(t, len(w.b.poll(t, "orders-svc")), 0)
		jti := w.revoke(t, orders)
		same(t, abouts(w.acknowledged(t, "orders-svc")), []string{jti})
	})
}

func TestAReceiverThatWasGoneForAWeekMissesNothingAndOneForLongerIsToldThatItDid(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		w.polls(t, "orders-svc", "billing-svc")
		first := w.revoke(t, orders)
		w.advance(7 * 24 * time.Hour)
		must(t, w.a.events.Purge(ctx))
		same(t, abouts(w.acknowledged(t, "orders-svc")), []string{first})

		lost := w.revoke(t, orders)
		w.advance(29 * 24 * time.Hour)
		kept := w.revoke(t, orders)
		must(t, w.a.events.Purge(ctx))
		same(t, abouts(w.b.poll(t, "orders-svc")), []string{lost, kept})
		w.advance(25 * time.Hour)
		for range 3 { // told once
			must(t, w.a.events.Purge(ctx))
		}
		sets := w.acknowledged(t, "orders-svc")
		same(t, abouts(sets), []string{kept, "orders-svc"})
		same(t, updates(sets), []string{"enabled"})
		r, err := w.a.events.Find(ctx, "orders-svc")
		must(t, err)
		same(t, r.Missed > 0, true)
		same(t, len(w.acknowledged(t, "billing-svc")), 0)
	})
}

func TestOnlyWhatWasLostCountsAsMissed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		w.polls(t, "orders-svc", "billing-svc")
		w.revoke(t, orders)
		w.revoke(t, orders)
		sets := w.b.poll(t, "orders-svc")
		w.b.poll(t, "orders-svc", sets[1].ID) // out of order
		w.verify(t, "orders-svc", "early")
		w.verify(t, "billing-svc", "early")
		w.advance(20 * 24 * time.Hour)
		w.verify(t, "orders-svc", "late") // which takes the place of the early one
		w.verify(t, "billing-svc", "late")
		w.advance(11 * 24 * time.Hour)

		// Nobody acknowledges what is just being counted as missed.
		counting := w.replica(t, &meanwhile{DB: db, act: func() {
			soon, cancel := context.WithTimeout(eventtest.Context(t), 100*time.Millisecond)
			defer cancel()
			if _, err := w.b.events.Poll(soon, "orders-svc", secevent.Poll{MaxEvents: new(0), Ack: []string{sets[0].ID}}); err == nil {
				t.Error("it was acknowledged while it was counted as missed")
			}
		}})
		must(t, counting.events.Purge(ctx))
		lost, _, _ := strings.Cut(strings.SplitN(sets[0].ID, ".", 2)[1], ".")
		same(t, fmt.Sprint(w.receiver(t).Missed), lost)
		got := w.acknowledged(t, "orders-svc")
		same(t, states(got), []string{"late"})
		same(t, updates(got), []string{"enabled"})
		got = w.acknowledged(t, "billing-svc")
		same(t, states(got), []string{"late"})
		same(t, updates(got), nil)
	})
}

// meanwhile does something, once, while a purge reads what a receiver has not acknowledged.
type meanwhile struct {
	*store.DB
	act func()
}

func (m *meanwhile) ListOutbox(
	ctx context.Context, receiver, after int64, kinds, audiences []string, limit int,
) (entries []domain.OutboxEntry, through int64, err error) {
	entries, through, err = m.DB.ListOutbox(ctx, receiver, after, kinds, audiences, limit)
	if m.act != nil {
		m.act()
		m.act = nil
	}
	return entries, through, err
}

func TestWhoHeardThatAnAccountIsDisabledHearsThatItIsEnabled(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		for _, client := range []string{"orders-svc", "billing-svc"} {
			_, err := w.a.events.Create(ctx, domain.Receiver{Client: client, Method: domain.DeliveryPoll, Events: []string{
				domain.EventAccountDisabled, domain.EventAccountEnabled, domain.EventAccountPurged, domain.EventCredentialChange,
			}}, "")
			must(t, err)
		}
		w.a.AddUser(t, "bob", "")
		w.hadToken(t, "reporting", "bob", orders)
		bob, err := w.a.Directory.FindUser(ctx, "bob")
		must(t, err)
		passwords := signin.NewPasswords(db, w.a.Directory, 8, w.now)
		must(t, passwords.Set(ctx, "bob", "correct horse battery"))
		must(t, passwords.Set(ctx, "bob", "battery horse correct"))
		must(t, w.a.Directory.DisableUser(ctx, "bob", ""))
		w.advance(24 * time.Hour)
		_, err = db.Purge(ctx, w.now(), 1000) // the token is gone
		must(t, err)
		must(t, w.a.Directory.EnableUser(ctx, "bob"))
		must(t, w.a.Directory.EnableUser(ctx, "bob")) // again, which nobody needs to hear

		sets := w.acknowledged(t, "orders-svc")
		same(t, abouts(sets), []string{bob.Subject, bob.Subject, bob.Subject, bob.Subject})
		same(t, []any{
			sets[0].content(domain.EventCredentialChange)["change_type"], sets[1].content(domain.EventCredentialChange)["change_type"],
			sets[1].content(domain.EventCredentialChange)["credential_type"],
		}, []any{"create", "update", "password"})
		same(t, sets[2].content(domain.EventAccountDisabled) != nil && sets[3].content(domain.EventAccountEnabled) != nil, true)
		for _, s := range sets {
			for _, said := range s.Events {
				same(t, said.Timestamp > 0 && said.Initiator != "" && said.Reason["en"] != "", true)
			}
		}
		same(t, len(w.acknowledged(t, "billing-svc")), 0)
	})
}

func TestAReceiverHearsNothingOfSubjectsThatItRemoved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		w.polls(t, "orders-svc")
		_, err := w.a.Directory.UpdateUser(ctx, "alice", func(u *domain.User) error { u.Email, u.EmailVerified = "Alice@x.example", true; return nil })
		must(t, err)
		byEmail := secevent.SubjectID{Format: "complex", User: &secevent.SubjectID{Format: "email", Email: "alice@X.example"}}
		client := secevent.SubjectID{Format: domain.FormatIssSub, Issuer: issuer, Subject: "reporting"}
		change := func() {
			t.Helper()
			w.a.AssignRole(t, "clerk", domain.SubjectUser, "alice", time.Time{})
			w.a.AssignRole(t, "clerk", domain.SubjectClient, "reporting", time.Time{})
		}
		change()
		must(t, w.a.events.RemoveSubject(ctx, "orders-svc", byEmail))
		must(t, w.a.events.RemoveSubject(ctx, "orders-svc", client))
		same(t, abouts(w.b.poll(t, "orders-svc")), nil) // what waited neither
		change()
		same(t, len(w.acknowledged(t, "orders-svc")), 0)
		must(t, w.a.events.AddSubject(ctx, "orders-svc", byEmail))
		must(t, w.a.events.AddSubject(ctx, "orders-svc", client))
		change()
		same(t, len(w.acknowledged(t, "orders-svc")) >= 2, true)
		must(t, w.a.events.AddSubject(ctx, "orders-svc", secevent.SubjectID{Format: "email", Email: "nobody@x.example"})) // nobody finds out
		w.a.events.SetMaxSubjects(0)
		for _, address := range []string{"alice@x.example", "nobody@x.example"} {
			full := w.a.events.AddSubject(ctx, "orders-svc", secevent.SubjectID{Format: "email", Email: address})
			servicetest.Refused(t, full, secevent.ErrTooManySubjects)
		}
	})
}
