// Package event holds what happens, as typed events: one struct for each kind. Recording one writes it to the audit log, and if it
// concerns services to their outbox, in the transaction of the change that it reports.
package event

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/requestid"
)

// Event is something that happened. Its JSON, always an object without secrets, is the details of its audit row; the fields are
// in alphabetical order of their JSON names.
type Event interface {
	// Kind is what happened, as "object.verb": "user.create".
	Kind() string
	// Object is what it happened to, as "kind:name", or its kind where there is but one: "user:alice", "setup".
	Object() string
}

// Store keeps the audit log.
type Store interface {
	Tx(ctx context.Context, fn func(ctx context.Context) error) error
	// AppendEvents gives each event its Seq and PrevHash, asks hash for its Hash and stores it, and what it signals to services with
	// the subjects of the moment, in the transaction that ctx carries or in one of its own. It holds the end of the log until that
	// ends.
	AppendEvents(ctx context.Context, hash func(domain.Event) []byte, events ...domain.Event) error
	// HoldLog keeps others from appending until the transaction that ctx carries ends.
	HoldLog(ctx context.Context) error
}

// ErrNoActor says that an event was to be recorded under a ctx that names no actor.
var ErrNoActor = errors.New("no actor is named for the event")

// Recorder writes events.
type Recorder struct {
	store Store
	chain Chain
	now   func() time.Time
}

// NewRecorder makes a recorder over a store.
func NewRecorder(store Store, chain Chain, now func() time.Time) *Recorder {
	return &Recorder{store: store, chain: chain, now: now}
}

// Record writes events in their order, by the actor of ctx, to the audit log, and those that services hear of to the outbox. Call it
// inside the transaction of the change that they report, so that neither is stored without the other. ErrNoActor if ctx names no actor.
func (r *Recorder) Record(ctx context.Context, events ...Event) error {
	rows := make([]domain.Event, len(events))
	for i, e := range events {
		attributed, err := Attribute(ctx, e)
		if err != nil {
			return err
		}
		if rows[i], err = attributed.row(r.now()); err != nil {
			return err
		}
		r.chain.seal(&rows[i])
	}
	return r.store.AppendEvents(ctx, r.chain.Hash, rows...)
}

// Change records an event and makes the change that it reports, in one transaction. The event is written first: it locks the
// end of the log until the transaction ends, so that changes come one after the other and none overwrites what it has not
// seen. Like that of any transaction, the change function may run again from the start. ErrNoActor if ctx names no actor.
func (r *Recorder) Change(ctx context.Context, e Event, change func(ctx context.Context) error) error {
	return r.ChangeAll(ctx, []Event{e}, change)
}

// ChangeAll is Change of what several events report.
func (r *Recorder) ChangeAll(ctx context.Context, events []Event, change func(ctx context.Context) error) error {
	return r.store.Tx(ctx, func(ctx context.Context) error {
		if err := r.Record(ctx, events...); err != nil {
			return err
		}
		return change(ctx)
	})
}

// Update makes a change and records the event that it returns, if any, in one transaction. The end of the log is locked first, as by
// Change. ErrNoActor if ctx names no actor.
func (r *Recorder) Update(ctx context.Context, change func(ctx context.Context) (Event, error)) error {
	return r.UpdateAll(ctx, func(ctx context.Context) ([]Event, error) {
		e, err := change(ctx)
		if err != nil || e == nil {
			return nil, err
		}
		return []Event{e}, nil
	})
}

// UpdateAll is Update of a change that several events report.
func (r *Recorder) UpdateAll(ctx context.Context, change func(ctx context.Context) ([]Event, error)) error {
	return r.store.Tx(ctx, func(ctx context.Context) error {
		if err := r.store.HoldLog(ctx); err != nil {
			return err
		}
		events, err := change(ctx)
		if err != nil || len(events) == 0 {
			return err
		}
		return r.Record(ctx, events...)
	})
}

// Attributed is an event with its actor and request.
type Attributed struct {
	Event
	actor   Actor
	request string // its id; empty: none
}

// Attribute binds an event to the actor and the request of ctx, so that it can be recorded later under another ctx. An event that has an actor
// keeps it. ErrNoActor if ctx names none.
func Attribute(ctx context.Context, e Event) (Attributed, error) {
	if a, ok := e.(Attributed); ok {
		return a, nil
	}
	actor := ActorOf(ctx)
	if actor == "" {
		return Attributed{}, fmt.Errorf("record %s of %s: %w", e.Kind(), e.Object(), ErrNoActor)
	}
	return Attributed{e, actor, requestid.Of(ctx)}, nil
}

func (a Attributed) row(at time.Time) (domain.Event, error) {
	details, err := json.Marshal(a.Event)
	if err != nil {
		return domain.Event{}, fmt.Errorf("record %s of %s: %w", a.Kind(), a.Object(), err)
	}
	row := domain.Event{At: at, Actor: string(a.actor), Action: a.Kind(), Target: a.Object(), Details: string(details), RequestID: a.request}
	if e, ok := a.Event.(ForServices); ok {
		row.Signals = e.Signals()
		for i := range row.Signals {
			row.Signals[i].Initiator, row.Signals[i].ActorName = a.actor.initiator(), a.actor.username()
		}
	}
	return row, nil
}
