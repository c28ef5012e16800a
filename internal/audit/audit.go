// Package audit writes the audit log: events in the caller's own transaction, each chained to the one before by hash.
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Store keeps the log.
type Store interface {
	// Tx runs fn in one transaction, carried by the ctx that fn gets.
	Tx(ctx context.Context, fn func(ctx context.Context) error) error
	// AppendEvents gives each event its Seq and PrevHash, asks hash for its Hash and stores it,
	// in the transaction that ctx carries or in one of its own.
	AppendEvents(ctx context.Context, hash func(domain.Event) []byte, events ...domain.Event) error
	// ListEvents returns events after the given seq, oldest first, at most limit.
	ListEvents(ctx context.Context, after int64, limit int) ([]domain.Event, error)
}

// Log is the audit log.
type Log struct {
	store Store
	now   func() time.Time
}

// New makes a log over a store.
func New(store Store, now func() time.Time) *Log { return &Log{store: store, now: now} }

type actorKey struct{}

// WithActor names who acts, for every event recorded under the ctx: "user:alice", "cli:root".
func WithActor(ctx context.Context, actor string) context.Context {
	return context.WithValue(ctx, actorKey{}, actor)
}

func actor(ctx context.Context) string {
	if a, ok := ctx.Value(actorKey{}).(string); ok {
		return a
	}
	return "system"
}

// Record writes an event. Call it inside the transaction of the change that it tells of, so that neither is
// there without the other. Details become a JSON object, without secrets; nil stands for {}.
func (l *Log) Record(ctx context.Context, action, target string, details map[string]any) error {
	event, err := l.Event(ctx, action, target, details)
	if err != nil {
		return err
	}
	return l.Append(ctx, event)
}

// Event makes an event of now, by the actor of ctx, for Append.
func (l *Log) Event(ctx context.Context, action, target string, details map[string]any) (domain.Event, error) {
	text := []byte("{}")
	if details != nil {
		var err error
		if text, err = json.Marshal(details); err != nil {
			return domain.Event{}, fmt.Errorf("record %s of %s: %w", action, target, err)
		}
	}
	return domain.Event{At: l.now(), Actor: actor(ctx), Action: action, Target: target, Details: string(text)}, nil
}

// Append writes events in their order, as Record does.
func (l *Log) Append(ctx context.Context, events ...domain.Event) error {
	return l.store.AppendEvents(ctx, Hash, events...)
}

// Change records an event and makes the change that it tells of, in one transaction. The event comes first: it holds the
// end of the log until the transaction is over, so changes come one after the other, and none overwrites what it has
// not seen. Like any transaction's, change may be run again from the start.
func (l *Log) Change(ctx context.Context, action, target string, details map[string]any, change func(ctx context.Context) error) error {
	return l.store.Tx(ctx, func(ctx context.Context) error {
		if err := l.Record(ctx, action, target, details); err != nil {
			return err
		}
		return change(ctx)
	})
}

// List returns events after the given seq, oldest first, at most limit.
func (l *Log) List(ctx context.Context, after int64, limit int) ([]domain.Event, error) {
	return l.store.ListEvents(ctx, after, limit)
}

// Hash is SHA-256 over the previous hash and every field of the event, each preceded by its length.
func Hash(e domain.Event) []byte {
	h := sha256.New()
	field := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	number := func(i int64) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(i))
		field(n[:])
	}
	field(e.PrevHash)
	number(e.Seq)
	number(e.At.UnixMicro())
	for _, s := range []string{e.Actor, e.Action, e.Target, e.Details} {
		field([]byte(s))
	}
	return h.Sum(nil)
}
