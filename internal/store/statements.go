package store

import (
	"context"
	"database/sql"
	"errors"
	"sync"
)

// maxStatements is how many texts of a pool are kept prepared; further ones are prepared at each use.
const maxStatements = 256

// runner runs statements, on a pool or in a transaction.
type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// statements keeps the statements of a pool prepared. SQLite parses and plans a text at each use otherwise, which takes
// longer than to run most of ours.
type statements struct {
	pool *sql.DB

	mu       sync.RWMutex
	prepared map[string]*sql.Stmt // by text; none is closed before the pool
}

func newStatements(pool *sql.DB) *statements {
	return &statements{pool: pool, prepared: map[string]*sql.Stmt{}}
}

// find returns the prepared statement of a text, nil if there is none.
func (s *statements) find(query string) (found *sql.Stmt, full bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.prepared[query], len(s.prepared) >= maxStatements
}

// prepare prepares a text unless that was done before; nil if there are enough. It may wait for a connection of the pool, so
// the caller must hold none.
func (s *statements) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	found, full := s.find(query)
	if found != nil || full {
		return found, nil
	}
	made, err := s.pool.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if first := s.prepared[query]; first != nil {
		return first, made.Close()
	}
	s.prepared[query] = made
	return made, nil
}

func (s *statements) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	switch prepared, err := s.prepare(ctx, query); {
	case err != nil:
		return nil, err
	case prepared == nil:
		return s.pool.ExecContext(ctx, query, args...)
	default:
		return prepared.ExecContext(ctx, args...)
	}
}

func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	switch prepared, err := s.prepare(ctx, query); {
	case err != nil:
		return nil, err
	case prepared == nil:
		return s.pool.QueryContext(ctx, query, args...)
	default:
		return prepared.QueryContext(ctx, args...)
	}
}

// close closes the prepared statements, but not the pool.
func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, prepared := range s.prepared {
		errs = append(errs, prepared.Close())
	}
	clear(s.prepared)
	return errors.Join(errs...)
}

// preparedTx is a transaction that uses what is prepared. It prepares no more: that could wait for the connection that it holds.
type preparedTx struct {
	*sql.Tx
	on *statements
}

func (t preparedTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if prepared, _ := t.on.find(query); prepared != nil {
		return t.StmtContext(ctx, prepared).ExecContext(ctx, args...)
	}
	return t.Tx.ExecContext(ctx, query, args...)
}

func (t preparedTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if prepared, _ := t.on.find(query); prepared != nil {
		return t.StmtContext(ctx, prepared).QueryContext(ctx, args...)
	}
	return t.Tx.QueryContext(ctx, query, args...)
}
