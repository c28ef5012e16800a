// Package audit reads, verifies, erases and purges the audit log, which internal/event writes: each event is chained to the one before.
package audit

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Reader reads the log.
type Reader interface {
	// ListEvents returns events after the given seq, in its order, at most limit.
	ListEvents(ctx context.Context, after int64, limit int) ([]domain.Event, error)
	// ExportEvents is ListEvents of those that a filter chooses.
	ExportEvents(ctx context.Context, filter domain.EventFilter, after int64, limit int) ([]domain.Event, error)
	// FindEvents returns a page of those that a filter chooses, the newest first; a page's places are those of events.
	FindEvents(ctx context.Context, filter domain.EventFilter, p domain.Page) ([]domain.Event, error)
}

// Store keeps the log.
type Store interface {
	Reader
	// EndOfLog is the last event's seq and hash, as a checkpoint without a time.
	EndOfLog(ctx context.Context) (domain.Checkpoint, error)
	// EraseEvents looks at the events after a seq, at most limit, and erases actor, target and details of those that have one of the names
	// ("user:alice") as actor or target, or one of the members, as they are written in JSON, in details. It notes which event says so, and returns
	// the seqs of those that it erased, in order, and the one that it has come to. What says that events were erased or purged stays.
	EraseEvents(ctx context.Context, after int64, limit int, by int64, names, members []string) (erased []int64, through int64, err error)
	// DeleteEvents deletes the events up to a seq, at most limit, the oldest first, and says how many. Whole months, which
	// PostgreSQL drops, are not counted.
	DeleteEvents(ctx context.Context, through int64, limit int) (int64, error)

	// InsertCheckpoint stores a checkpoint; one of its seq that is there already stays.
	InsertCheckpoint(ctx context.Context, p domain.Checkpoint) error
	// ListCheckpoints returns checkpoints after the given seq, oldest first, at most limit.
	ListCheckpoints(ctx context.Context, after int64, limit int) ([]domain.Checkpoint, error)
	// EventBefore is the seq up to which all events are from before a time, zero if there is none. An event that is from after the latest
	// time keeps none before it.
	EventBefore(ctx context.Context, before, latest time.Time) (int64, error)
	// DeleteCheckpoints deletes the checkpoints before a seq.
	DeleteCheckpoints(ctx context.Context, before int64) error
}

// Log is the audit log.
type Log struct {
	store  Store
	chain  event.Chain
	events *event.Recorder
	clock  *clock.Clock
	now    func() time.Time
}

// New makes a log over a store. What it does to the log it records.
func New(store Store, chain event.Chain, events *event.Recorder, clock *clock.Clock, now func() time.Time) *Log {
	return &Log{store: store, chain: chain, events: events, clock: clock, now: now}
}

// List returns events after the given seq, oldest first, at most limit.
func (l *Log) List(ctx context.Context, after int64, limit int) ([]domain.Event, error) {
	return l.store.ListEvents(ctx, after, limit)
}

// Search returns a page of the events that a filter chooses, the newest first. domain.ErrInvalid if it chooses by what no event has.
func (l *Log) Search(ctx context.Context, filter domain.EventFilter, p domain.Page) ([]domain.Event, error) {
	if err := checkFilter(filter); err != nil {
		return nil, err
	}
	return l.store.FindEvents(ctx, filter, p)
}

// exportStep is how many events Export holds in memory.
const exportStep = 500

// Export calls write with the events that a filter chooses, those after a seq, oldest first, some at a time. It ends with an error of write.
func (l *Log) Export(ctx context.Context, filter domain.EventFilter, after int64, write func([]domain.Event) error) error {
	if err := checkFilter(filter); err != nil {
		return err
	}
	for {
		events, err := l.store.ExportEvents(ctx, filter, after, exportStep)
		if err != nil {
			return fmt.Errorf("export the audit log: %w", err)
		}
		if err := write(events); err != nil || len(events) < exportStep {
			return err
		}
		after = events[len(events)-1].Seq
	}
}

// earlierEvents is how many events Find looks back.
const earlierEvents = 100

// Find returns an event, and the events before it about the same object, the newest first. domain.ErrNotFound if there is no such event.
func (l *Log) Find(ctx context.Context, seq int64) (e domain.Event, earlier []domain.Event, err error) {
	found, err := l.store.ListEvents(ctx, seq-1, 1)
	if err == nil && (len(found) == 0 || found[0].Seq != seq) {
		err = domain.ErrNotFound
	}
	if err != nil {
		return e, nil, fmt.Errorf("find event %d: %w", seq, err)
	}
	e = found[0]
	if e.Target != "" {
		earlier, err = l.store.FindEvents(ctx, domain.EventFilter{Target: e.Target}, domain.Page{After: e.Place(), Limit: earlierEvents})
	}
	return e, earlier, err
}

// filterBytes is how long what an event has can be.
const filterBytes = 2100

func checkFilter(f domain.EventFilter) error {
	for name, text := range map[string]string{"actor": f.Actor, "action": f.Action, "target": f.Target} {
		if len(text) > filterBytes {
			return domain.Invalid(name, domain.RuleLength, "%s: give at most %d bytes", name, filterBytes)
		}
	}
	return nil
}
