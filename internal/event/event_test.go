package event_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// rows keeps what is recorded.
type rows struct{ events []domain.Event }

func (r *rows) Tx(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }

func (r *rows) AppendEvents(_ context.Context, _ func(domain.Event) []byte, events ...domain.Event) error {
	r.events = append(r.events, events...)
	return nil
}

func (r *rows) HoldLog(context.Context) error { return nil }

func TestNothingIsRecordedOrChangedWithoutAnActor(t *testing.T) {
	var written rows
	recorder := event.NewRecorder(&written, event.NewChain(make([]byte, 32)), time.Now)
	changed := false
	change := func(context.Context) error { changed = true; return nil }
	if err := recorder.Change(t.Context(), event.GroupCreated{Group: "ops"}, change); !errors.Is(err, event.ErrNoActor) {
		t.Errorf("Change without an actor: %v, want ErrNoActor", err)
	}
	if err := recorder.Record(t.Context(), event.GroupCreated{Group: "ops"}); !errors.Is(err, event.ErrNoActor) {
		t.Errorf("Record without an actor: %v, want ErrNoActor", err)
	}
	if _, err := event.Attribute(t.Context(), event.GroupCreated{Group: "ops"}); !errors.Is(err, event.ErrNoActor) {
		t.Errorf("Attribute without an actor: %v, want ErrNoActor", err)
	}
	if changed || len(written.events) > 0 {
		t.Errorf("changed %t, recorded %v; want nothing", changed, written.events)
	}
}

func TestAnAttributedEventKeepsItsActor(t *testing.T) {
	var written rows
	recorder := event.NewRecorder(&written, event.NewChain(make([]byte, 32)), time.Now)
	byAlice, err := event.Attribute(event.WithActor(t.Context(), event.User("alice")), event.MemberRemoved{Group: "ops", User: "bob"})
	if err != nil {
		t.Fatal(err)
	}
	if err := recorder.Record(event.WithActor(t.Context(), event.System), byAlice); err != nil {
		t.Fatal(err)
	}
	got := written.events[0]
	if got.Actor != "user:alice" || got.Action != "group.remove_member" || got.Target != "group:ops" || got.Details != `{"user":"bob"}` {
		t.Errorf("recorded %+v", got)
	}
}

func TestTheNextEventSaysHowManyWereLeftOut(t *testing.T) {
	var written rows
	bounded := event.NewBounded(event.NewRecorder(&written, event.NewChain(make([]byte, 32)), time.Now), 3, time.Hour)
	var omitted []int64
	record := func(ctx context.Context) error {
		return bounded.Record(ctx, func(n int64) event.Event {
			omitted = append(omitted, n)
			return event.SignInFailed{Username: "alice", Omitted: n}
		})
	}
	for range 2 { // which cannot be recorded
		if err := record(t.Context()); !errors.Is(err, event.ErrNoActor) {
			t.Error(err)
		}
	}
	for range 2 { // the second is one too many
		if err := record(event.WithActor(t.Context(), event.System)); err != nil {
			t.Error(err)
		}
	}
	if want := []int64{0, 1, 2}; !slices.Equal(omitted, want) || len(written.events) != 1 {
		t.Errorf("left out before each: %v, want %v; recorded %d", omitted, want, len(written.events))
	}
}
