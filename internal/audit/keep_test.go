package audit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/audit"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// diary is a log on a clock that the test moves.
type diary struct {
	*testing.T
	*audit.Log
	recorder *event.Recorder
	store    *rewritten
	now      time.Time
}

// rewritten is a log whose rows somebody changes behind Signet's back.
type rewritten struct {
	*store.DB
	events      func([]domain.Event) []domain.Event
	checkpoints bool // are deleted
	erasures    int  // steps of them
}

func (r *rewritten) EraseEvents(ctx context.Context, after int64, limit int, by int64, names, values []string) ([]int64, int64, error) {
	if r.erasures++; r.erasures > 10 {
		return nil, 0, errors.New("it does not come to an end")
	}
	return r.DB.EraseEvents(ctx, after, limit, by, names, values)
}

func (r *rewritten) ListEvents(ctx context.Context, after int64, limit int) ([]domain.Event, error) {
	events, err := r.DB.ListEvents(ctx, after, limit)
	if r.events != nil {
		events = r.events(events)
	}
	return events, err
}

func (r *rewritten) ListCheckpoints(ctx context.Context, after int64, limit int) ([]domain.Checkpoint, error) {
	if r.checkpoints {
		return nil, nil
	}
	return r.DB.ListCheckpoints(ctx, after, limit)
}

// without leaves an event out.
func without(seq int64) func([]domain.Event) []domain.Event {
	return func(events []domain.Event) []domain.Event {
		return slices.DeleteFunc(events, func(e domain.Event) bool { return e.Seq == seq })
	}
}

func eachDiary(t *testing.T, test func(*diary)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := &diary{T: t, store: &rewritten{DB: db}, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
		d.Log, d.recorder = open(d.store, func() time.Time { return d.now })
		test(d)
	})
}

func (d *diary) must(err error) {
	d.Helper()
	if err != nil {
		d.Fatal(err)
	}
}

// record records events, each a minute after the one before.
func (d *diary) record(events ...event.Event) {
	d.Helper()
	for _, e := range events {
		d.must(d.recorder.Record(eventtest.Context(d.T), e))
		d.now = d.now.Add(time.Minute)
	}
}

func (d *diary) wantVerified(last int64, noted ...domain.Checkpoint) {
	d.Helper()
	if e, err := d.Verify(d.Context(), noted...); err != nil || e.Seq != last {
		d.Errorf("Verify = event %d, %v; want %d", e.Seq, err, last)
	}
}

func (d *diary) wantBroken(want string, noted ...domain.Checkpoint) {
	d.Helper()
	if _, err := d.Verify(d.Context(), noted...); !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), want) {
		d.Errorf("Verify = %v, want %q", err, want)
	}
}

func TestEventsCutOffAtTheEndAreMissed(t *testing.T) {
	eachDiary(t, func(d *diary) {
		d.record(event.GroupDeleted{Group: "a"}, event.GroupDeleted{Group: "b"}, event.GroupDeleted{Group: "c"})
		noted, err := d.Checkpoint(d.Context())
		d.must(err)
		d.wantVerified(3, noted)
		d.store.events = without(3)
		d.wantBroken("it ends at event 2, but at 2026-03-01 12:03:00 it had event 3")
		d.store.checkpoints = true
		d.wantVerified(2) // nothing in the database says that there was more
		text := audit.FormatCheckpoint(noted)
		read, err := d.ParseCheckpoint(text)
		d.must(err)
		d.wantBroken("it ends at event 2", read)
		for _, forged := range []string{"", "3", strings.Replace(text, "3.", "2.", 1), text + "A", text[:len(text)-4]} {
			if _, err := d.ParseCheckpoint(forged); !errors.Is(err, domain.ErrInvalid) {
				d.Errorf("ParseCheckpoint(%q): %v", forged, err)
			}
		}
	})
}

func TestCheckpointsAreComparedInWhateverOrderTheyWereNoted(t *testing.T) {
	eachDiary(t, func(d *diary) {
		var noted []domain.Checkpoint
		for range 4 {
			d.record(event.GroupDeleted{Group: "a"})
			p, err := d.Checkpoint(d.Context())
			d.must(err)
			noted = append([]domain.Checkpoint{p}, noted...)
		}
		d.wantVerified(4, noted...)
		for i := range noted {
			other := slices.Clone(noted)
			other[i].Hash = []byte("of another log")
			d.wantBroken(fmt.Sprintf("event %d is not the one of its checkpoint", other[i].Seq), other...)
		}
		d.must(d.store.DeleteCheckpoints(d.Context(), 5))
		d.store.events = func(events []domain.Event) []domain.Event { return events[:min(2, len(events))] }
		d.wantBroken("it ends at event 2, but at 2026-03-01 12:03:00 it had event 3", noted...)
	})
}

func TestWhatTheLogSaysOfAUserCanBeErased(t *testing.T) {
	eachDiary(t, func(d *diary) {
		alice := event.UserCreated{Username: "alice", UserDetails: event.UserDetails{Name: "Alice Adams", Email: "alice@people.example"}}
		d.record(alice,
			event.UserCreated{Username: "alicent"},
			event.MemberAdded{Group: "ops", User: "alice"},
			event.RoleAssigned{Role: "clerk", Subject: "user:alice"},
			event.ConsentWithdrawn{ClientID: "shop", User: "alice"},
			event.SessionStarted{Session: "s", Via: "alice"},
			event.FilesApplied{Set: "ours", AdoptedAssignments: []event.AdoptedAssignment{{Role: "clerk", Subject: "user:alicent"}, {Role: "clerk", Subject: "user:alice"}}},
			event.FilesApplied{Set: "ours", AdoptedAssignments: []event.AdoptedAssignment{{Role: "clerk", Subject: "user:alicent"}}})
		d.must(d.recorder.Record(event.WithActor(d.Context(), event.User("alice")), event.GroupDeleted{Group: "sales"}))
		n, err := d.Erase(eventtest.Context(d.T), "alice")
		d.must(err)
		if n != 6 {
			d.Errorf("%d events are erased, want 6", n)
		}
		events, err := d.List(d.Context(), 0, 100)
		d.must(err)
		for _, e := range events {
			if text := e.Actor + e.Target + e.Details; e.Action != "session.start" && strings.Contains(strings.ReplaceAll(text, "alicent", ""), "lice") {
				d.Errorf("event %d says %s", e.Seq, text)
			}
		}
		if events[1].Target != "user:alicent" || events[5].Target == "" || len(events) != 10 || events[9].Action != "audit.erase" {
			d.Errorf("%+v", events)
		}
		d.wantVerified(10)
		if n, err := d.Erase(eventtest.Context(d.T), "alice"); n != 0 || err != nil {
			d.Errorf("a second time erases %d events, %v", n, err)
		}
		d.store.events = func(events []domain.Event) []domain.Event {
			for i := range events {
				if e := &events[i]; e.Seq == 2 {
					e.Actor, e.Target, e.Details, e.Salt, e.ErasedBy = "", "", "{}", nil, 10
				}
			}
			return events
		}
		d.wantBroken("was erased, but not by event 10")
	})
}

func TestWhatReceiversNamedByTheSubjectOfAUserIsErased(t *testing.T) {
	eachDiary(t, func(d *diary) {
		d.record(event.ReceiverSubjectAdded{ClientID: "orders", Subject: "usr_first"},
			event.UserDeleted{Username: "alice", Subject: "usr_first"},
			event.ReceiverSubjectAdded{ClientID: "orders", Subject: "usr_second"},
			event.ReceiverSubjectRemoved{ClientID: "orders", Subject: "usr_second"},
			event.ReceiverSubjectAdded{ClientID: "orders", Subject: "usr_second2"},
			event.ReceiverSubjectAdded{ClientID: "orders", ByEmail: true},
			event.UserDeleted{Username: "alice", Subject: "usr_second"},
			event.UserDeleted{Username: "bob", Subject: "usr_second2"})
		n, err := d.Erase(eventtest.Context(d.T), "alice")
		d.must(err)
		if n != 5 {
			d.Errorf("%d events are erased, want 5", n)
		}
		events, err := d.List(d.Context(), 0, 100)
		d.must(err)
		for _, e := range events {
			if erased := e.ErasedBy != 0; erased == slices.Contains([]int64{5, 6, 8, 9}, e.Seq) {
				d.Errorf("erased is %v of %+v", erased, e)
			}
		}
		d.wantVerified(9)
	})
}

func TestWhatCallersNameAsTheyLikeErasesNothing(t *testing.T) {
	eachDiary(t, func(d *diary) {
		d.record(event.TrustAdded{ClientID: "c", Issuer: "https://i.example", Subject: "user:zed", Claims: map[string]string{"user": "zed"}},
			event.UserUpdated{Username: "bob", UserDetails: event.UserDetails{Attributes: map[string]any{"user": "zed", "subject": "user:zed"}}})
		if n, err := d.Erase(eventtest.Context(d.T), "zed"); n != 0 || err != nil {
			d.Errorf("%d events are erased, %v", n, err)
		}
	})
}

func TestWhatALogSaysThatHasAGapSinceARestoreCanBeErased(t *testing.T) {
	eachDiary(t, func(d *diary) {
		d.record(event.UserCreated{Username: "alice"})
		d.must(d.store.Tx(d.Context(), func(ctx context.Context) error {
			accepted, err := d.store.AcceptRestored(ctx, d.now)
			d.must(err)
			return d.recorder.Record(event.WithActor(ctx, "system"), event.DatabaseRestored{After: accepted.LastEvent})
		}))
		d.record(event.UserDeleted{Username: "alice"})
		n, err := d.Erase(eventtest.Context(d.T), "alice")
		d.must(err)
		if n != 2 {
			d.Errorf("%d events are erased, want 2", n)
		}
		last, err := d.Verify(d.Context())
		d.must(err)
		if last.Action != "audit.erase" {
			d.Errorf("the log ends with %+v", last)
		}
	})
}

func TestWhoErasedMayBeErasedLater(t *testing.T) {
	eachDiary(t, func(d *diary) {
		d.record(event.UserCreated{Username: "bob"}, event.UserCreated{Username: "alice"}, event.GroupDeleted{Group: "ALICE"})
		byAlice := event.WithActor(d.Context(), event.User("alice"))
		_, err := d.Erase(byAlice, "bob")
		d.must(err)
		n, err := d.Erase(eventtest.Context(d.T), "alice")
		d.must(err)
		if n != 1 {
			d.Errorf("%d events are erased, want 1", n)
		}
		d.wantVerified(5)
		for _, member := range []string{"events", "digest", "name", "system"} { // names of members of the details, and of an actor
			n, err := d.Erase(eventtest.Context(d.T), member)
			d.must(err)
			if n != 0 {
				d.Errorf("erasing %q erases %d events", member, n)
			}
		}
		d.wantVerified(5)
	})
}

func TestTheLogIsKeptForAsLongAsTheSettingSays(t *testing.T) {
	eachDiary(t, func(d *diary) {
		d.record(event.GroupDeleted{Group: "a"}, event.GroupDeleted{Group: "b"})
		d.now = d.now.Add(100 * 24 * time.Hour)
		d.record(event.GroupDeleted{Group: "c"})
		ctx := eventtest.Context(d.T)
		_, err := d.Maintain(ctx, 0)
		d.must(err)
		d.wantVerified(3)
		_, err = d.Maintain(ctx, 90*24*time.Hour)
		d.must(err)
		events, err := d.List(d.Context(), 0, 100)
		d.must(err)
		if len(events) != 2 || events[0].Seq != 3 || events[1].Action != "audit.purge" || events[1].Target != "audit:2" {
			d.Errorf("what is left: %+v", events)
		}
		d.wantVerified(4)
		d.store.events = without(3) // more than was purged
		d.wantBroken("event 4 does not follow event 0")
	})
}

func TestAnEventOfAWrongClockNeitherTakesTheLogWithItNorKeepsIt(t *testing.T) {
	eachDiary(t, func(d *diary) {
		const day, retention = 24 * time.Hour, 90 * 24 * time.Hour
		// maintain says with which event the log begins once it was maintained.
		maintain := func() int64 {
			d.Helper()
			_, err := d.Maintain(eventtest.Context(d.T), retention)
			d.must(err)
			events, err := d.List(d.Context(), 0, 100)
			d.must(err)
			return events[0].Seq
		}
		// at records an event by a clock that is wrong.
		at := func(ahead time.Duration) {
			d.Helper()
			right := d.now
			d.now = d.now.Add(ahead)
			d.record(event.GroupDeleted{Group: "x"})
			d.now = right
		}
		d.record(event.GroupDeleted{Group: "a"}) // 1
		at(-100 * day)                           // 2
		at(-30 * 365 * day)
		at(30 * 365 * day)
		d.record(event.GroupDeleted{Group: "b"}) // 5
		if first := maintain(); first != 1 {
			d.Errorf("a clock that is behind takes the log up to event %d with it", first-1)
		}
		d.now = d.now.Add(50 * day)
		d.record(event.GroupDeleted{Group: "c"}) // 6
		d.now = d.now.Add(50 * day)
		if first := maintain(); first != 6 {
			d.Errorf("the log begins with event %d, want 6", first)
		}
		d.wantVerified(7)
	})
}
