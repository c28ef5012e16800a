// Package audit reads and verifies the audit log, which internal/event writes: each event is chained to the one before by hash.
package audit

import (
	"context"

	"github.com/signet-auth/signet/internal/domain"
)

// Store keeps the log.
type Store interface {
	// ListEvents returns events after the given seq, oldest first, at most limit.
	ListEvents(ctx context.Context, after int64, limit int) ([]domain.Event, error)
}

// Log is the audit log.
type Log struct{ store Store }

// New makes a log over a store.
func New(store Store) *Log { return &Log{store: store} }

// List returns events after the given seq, oldest first, at most limit.
func (l *Log) List(ctx context.Context, after int64, limit int) ([]domain.Event, error) {
	return l.store.ListEvents(ctx, after, limit)
}
