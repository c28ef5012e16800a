// Package audit reads, verifies, erases and purges the audit log, which internal/event writes: each event is chained to the one before.
package audit

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Store keeps the log.
type Store interface {
	// ListEvents returns events after the given seq, oldest first, at most limit.
	ListEvents(ctx context.Context, after int64, limit int) ([]domain.Event, error)
	// EndOfLog is the last event's seq and hash, as a checkpoint without a time.
	EndOfLog(ctx context.Context) (domain.Checkpoint, error)
	// EraseEvents erases actor, target and details of the events after one seq, up to another, that name a user: an actor or target
	// that is one of the names ("user:alice"), or details with one of the values. It notes which event says so, and returns the seqs of
	// those that it erased, in order. What says that events were erased or purged stays.
	EraseEvents(ctx context.Context, after, through, by int64, names, values []string) ([]int64, error)
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
