package audit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/audit"
	"github.com/signet-auth/signet/internal/clock/clocktest"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var chain = event.NewChain([]byte("a key of 32 bytes, for the tests"))

func open(db audit.Store, now func() time.Time) (*audit.Log, *event.Recorder) {
	recorder := event.NewRecorder(db.(event.Store), chain, now)
	return audit.New(db, chain, recorder, clocktest.New(now), now), recorder
}

func TestEventsRecordedAtOnceFormOneChain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		const workers, each = 8, 5
		log, recorder := open(db, time.Now)
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				ctx := event.WithActor(eventtest.Context(t), event.OperatingSystemUser(strconv.Itoa(w)))
				for i := range each {
					if err := recorder.Record(ctx, event.SecretAdded{ClientID: fmt.Sprintf("%d-%d", w, i), Hint: "Zoë"}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		last, err := log.Verify(eventtest.Context(t))
		if err != nil || last.Seq != workers*each {
			t.Errorf("Verify = event %d, %v; want %d events", last.Seq, err, workers*each)
		}
	})
}

func TestAnEventTellsWhoDidWhatWhen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		at := time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)
		log, recorder := open(db, func() time.Time { return at })
		if err := recorder.Record(eventtest.Context(t), event.KeyRotated{Alg: "ES256"}); err != nil {
			t.Fatal(err)
		}
		ctx := event.WithActor(eventtest.Context(t), "user:alice")
		if err := recorder.Change(ctx, event.SecretAdded{ClientID: "a", Hint: `x"y`}, func(context.Context) error { return nil }); err != nil {
			t.Fatal(err)
		}
		events, err := log.List(eventtest.Context(t), 0, 10)
		if err != nil || len(events) != 2 {
			t.Fatalf("List = %d events, %v", len(events), err)
		}
		for i, want := range []string{`system key.rotate alg:ES256 {}`, `user:alice client.add_secret client:a {"hint":"x\"y"}`} {
			e := events[i]
			if got := strings.Join([]string{e.Actor, e.Action, e.Target, e.Details}, " "); got != want {
				t.Errorf("event %d is %s, want %s", i+1, got, want)
			}
			if !e.At.Equal(at.Truncate(time.Microsecond)) {
				t.Errorf("event %d is of %s", i+1, e.At)
			}
		}
		if after, err := log.List(eventtest.Context(t), 1, 10); err != nil || len(after) != 1 || after[0].Seq != 2 {
			t.Errorf("List after 1 = %v, %v", after, err)
		}
	})
}

func TestAChangeThatFailsLeavesNoEvent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		log, recorder := open(db, time.Now)
		insert := func(ctx context.Context) error {
			_, err := db.InsertGroup(ctx, domain.Group{Name: "ops"})
			return err
		}
		if err := recorder.Change(eventtest.Context(t), event.GroupCreated{Group: "ops"}, insert); err != nil {
			t.Fatal(err)
		}
		if err := recorder.Change(eventtest.Context(t), event.GroupCreated{Group: "ops"}, insert); !errors.Is(err, domain.ErrExists) {
			t.Errorf("err = %v, want ErrExists", err)
		}
		if last, err := log.Verify(eventtest.Context(t)); err != nil || last.Seq != 1 {
			t.Errorf("Verify = event %d, %v; want one event", last.Seq, err)
		}
	})
}

// doctored is a log in which somebody changed rows behind Signet's back.
type doctored struct {
	*store.DB
	change func([]domain.Event) []domain.Event
}

func (d doctored) ListEvents(ctx context.Context, after int64, limit int) ([]domain.Event, error) {
	events, err := d.DB.ListEvents(ctx, after, limit)
	return d.change(events), err
}

func TestTamperingIsFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		_, recorder := open(db, time.Now)
		for i := range 5 {
			if err := recorder.Record(eventtest.Context(t), event.ClientDeleted{ClientID: strconv.Itoa(i)}); err != nil {
				t.Fatal(err)
			}
		}
		third := func(change func(*domain.Event)) func([]domain.Event) []domain.Event {
			return func(events []domain.Event) []domain.Event {
				for i := range events {
					if events[i].Seq == 3 {
						change(&events[i])
					}
				}
				return events
			}
		}
		for name, tc := range map[string]struct {
			change func([]domain.Event) []domain.Event
			want   string
		}{
			"actor":             {third(func(e *domain.Event) { e.Actor = "user:mallory" }), "event 3 was changed"},
			"action":            {third(func(e *domain.Event) { e.Action = "client.create" }), "event 3 was changed"},
			"target":            {third(func(e *domain.Event) { e.Target = "client:9" }), "event 3 was changed"},
			"details":           {third(func(e *domain.Event) { e.Details = `{"x":1}` }), "event 3 was changed"},
			"request":           {third(func(e *domain.Event) { e.RequestID = "another" }), "event 3 was changed"},
			"time":              {third(func(e *domain.Event) { e.At = e.At.Add(time.Microsecond) }), "event 3 was changed"},
			"prev hash":         {third(func(e *domain.Event) { e.PrevHash = nil }), "event 3 does not follow event 2"},
			"shifted":           {third(func(e *domain.Event) { e.Actor, e.Action = e.Actor+"c", e.Action[1:] }), "event 3 was changed"},
			"digest":            {third(func(e *domain.Event) { e.Digest[0]++ }), "event 3 was changed"},
			"action and digest": {third(func(e *domain.Event) { e.Target = "client:9"; e.Digest = chain.Digest(*e) }), "event 3 was changed"},
			"erased without a word": {third(func(e *domain.Event) {
				e.Actor, e.Target, e.Details, e.Salt, e.ErasedBy = "", "", "{}", nil, 4
			}), "event 3 was erased, but not by event 4"},
			"forged without the key": {func(events []domain.Event) []domain.Event {
				forger := event.NewChain(make([]byte, 32))
				for i := 2; i < len(events); i++ {
					events[i].Actor, events[i].PrevHash = "user:mallory", events[i-1].Hash
					events[i].Digest = forger.Digest(events[i])
					events[i].Hash = forger.Hash(events[i])
				}
				return events
			}, "event 3 was changed"},
			"rehashed": {third(func(e *domain.Event) { e.Actor = "user:mallory"; e.Digest = chain.Digest(*e); e.Hash = chain.Hash(*e) }),
				"event 4 does not follow event 3"},
			"rehashed and linked": {func(events []domain.Event) []domain.Event {
				events[2].Actor = "user:mallory"
				events[2].Digest = chain.Digest(events[2])
				events[2].Hash = chain.Hash(events[2])
				events[3].PrevHash = events[2].Hash
				return events
			}, "event 4 was changed"},
			"removed and linked": {func(events []domain.Event) []domain.Event {
				events = slices.Delete(events, 2, 3)
				events[2].PrevHash = events[1].Hash
				events[2].Hash = chain.Hash(events[2])
				return events
			}, "event 4 does not follow event 2"},
			"removed": {func(events []domain.Event) []domain.Event {
				return slices.DeleteFunc(events, func(e domain.Event) bool { return e.Seq == 3 })
			}, "event 4 does not follow event 2"},
			"first removed": {func(events []domain.Event) []domain.Event {
				return slices.DeleteFunc(events, func(e domain.Event) bool { return e.Seq == 1 })
			}, "event 2 does not follow event 0"},
			"swapped": {func(events []domain.Event) []domain.Event {
				events[1], events[2] = events[2], events[1]
				return events
			}, "event 3 does not follow event 1"},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := audit.New(doctored{db, tc.change}, chain, recorder, clocktest.New(time.Now), time.Now).Verify(eventtest.Context(t))
				if !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), tc.want) {
					t.Errorf("Verify = %v, want %q", err, tc.want)
				}
			})
		}
	})
}
