package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/tracing"
)

const (
	attempts = 4                      // of a transaction that loses against others
	pause    = 10 * time.Millisecond  // before the second attempt, at most; then double
	grace    = 200 * time.Millisecond // for a commit or rollback, past the timeout
)

// transaction is what a ctx carries.
type transaction struct {
	tx       *sql.Tx
	cancel   context.CancelFunc
	locked   bool                   // holds the installation
	revision int64                  // that the transaction's changes make, zero: none yet
	changed  map[domain.Change]bool // what they change
	alone    bool                   // no other transaction holds the revision
	grants   bool                   // it has locked sessions or grants
	statuses bool                   // it changes statuses of tokens
	done     bool

	unreplicated *atomic.Bool // it was committed without the standby

	large   bool                      // it makes many changes
	events  []domain.Event            // of a large one, that are not stored yet
	hashing func(domain.Event) []byte // of these
}

// scope is one Begin; joined if an outer one owns the transaction.
type scope struct {
	*transaction
	joined bool
}

type scopeKey struct{}

func scopeOf(ctx context.Context) (scope, bool) {
	s, ok := ctx.Value(scopeKey{}).(scope)
	return s, ok
}

// InTx says whether ctx carries a transaction.
func (db *DB) InTx(ctx context.Context) bool {
	_, ok := scopeOf(ctx)
	return ok
}

// Tx runs fn in one transaction, carried by the ctx that fn gets: committed if fn returns nil, rolled back if it returns an
// error or panics. Within a transaction it joins that one, and leaves its end to the outermost. A transaction that
// loses against others is run again from the start, a few times, so fn must set only what it can set again.
func (db *DB) Tx(ctx context.Context, fn func(ctx context.Context) error) error {
	return db.TxWithin(ctx, db.opTimeout, fn)
}

// TxWithin is Tx of a transaction that makes many changes, and may take so long in place of Options.OpTimeout. What it does is audited
// just before it is committed.
func (db *DB) TxWithin(ctx context.Context, limit time.Duration, fn func(ctx context.Context) error) error {
	if db.InTx(ctx) {
		ctx, err := db.Begin(ctx)
		if err != nil {
			return err
		}
		return fn(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	// Most of these wait for the same row, the installation's. Not all connections may wait there: tokens need some.
	select {
	case db.changing <- struct{}{}:
		defer func() { <-db.changing }()
	case <-ctx.Done():
		return fmt.Errorf("wait for a transaction: %w", db.translate(ctx, ctx.Err()))
	}
	alone := false
	return retry(ctx, func() error {
		err := db.attempt(ctx, limit, alone, fn)
		alone = alone || errors.Is(err, errRevisionLate)
		return err
	})
}

// attempt runs fn in a transaction; in one that has locked the revision, if that is to be alone.
func (db *DB) attempt(ctx context.Context, limit time.Duration, alone bool, fn func(ctx context.Context) error) error {
	ctx, err := db.begin(ctx, limit)
	if err != nil {
		return err
	}
	defer func() { _ = db.Rollback(ctx) }() // after an error or a panic; nothing after Commit
	s, _ := scopeOf(ctx)
	s.large = limit > db.opTimeout
	if alone {
		if err := db.inTx(s.tx).lockAlone(ctx, s.transaction); err != nil {
			return err
		}
	}
	if err := fn(ctx); err != nil {
		return err
	}
	return db.Commit(ctx)
}

// retry repeats op after a short pause of random length: a few times while it fails with errConflict, until ctx ends while it fails
// with domain.ErrLocked.
func retry(ctx context.Context, op func() error) error {
	var locked error
	for lost := 0; ; {
		err := op()
		switch {
		case err == nil:
			return nil // in time or not
		case errors.Is(err, domain.ErrLocked):
			locked = err
		case locked != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
			return locked // the reason for err
		case errors.Is(err, errConflict) && lost+1 < attempts:
			lost++
		default:
			return err
		}
		select {
		case <-time.After(rand.N(pause << max(0, lost-1))):
		case <-ctx.Done():
			return err
		}
	}
}

// Begin starts a transaction, or joins the one in ctx. The ctx it returns carries it and ends at Options.OpTimeout.
// Commit or Rollback must follow.
func (db *DB) Begin(ctx context.Context) (context.Context, error) { return db.begin(ctx, db.opTimeout) }

func (db *DB) begin(ctx context.Context, limit time.Duration) (context.Context, error) {
	if s, ok := scopeOf(ctx); ok {
		s.joined = true
		return context.WithValue(ctx, scopeKey{}, s), nil
	}
	ctx, traced := tracing.Start(ctx, "database: transaction")
	bounded, cancel := context.WithTimeout(ctx, limit)
	// The driver's own transaction outlives a caller that gives up by a grace, or there would be no connection left to
	// roll back on.
	deadline, _ := bounded.Deadline()
	life, end := context.WithDeadline(context.WithoutCancel(ctx), deadline.Add(grace))
	life, unreplicated := confirmed(life)
	t := &transaction{cancel: func() { end(); cancel(); traced() }, unreplicated: unreplicated}
	err := retry(bounded, func() (err error) {
		t.tx, err = db.writer.BeginTx(life, nil)
		return db.translate(bounded, err)
	})
	if err != nil {
		defer t.cancel()
		return ctx, fmt.Errorf("begin a transaction: %w", err)
	}
	return context.WithValue(bounded, scopeKey{}, scope{transaction: t}), nil
}

// Commit ends the transaction of the Begin that ctx came from. Within a joined one it does nothing: the outer decides.
func (db *DB) Commit(ctx context.Context) error {
	s, ok := scopeOf(ctx)
	if !ok {
		return errors.New("commit: no transaction")
	}
	if s.joined {
		return nil
	}
	if s.done {
		return errors.New("commit: the transaction has ended")
	}
	s.done = true
	defer s.cancel()
	if err := ctx.Err(); err != nil {
		_ = s.tx.Rollback()
		return fmt.Errorf("commit: %w", db.translate(ctx, err))
	}
	if err := db.flushEvents(ctx, s.transaction); err != nil {
		_ = s.tx.Rollback()
		return fmt.Errorf("commit: %w", err)
	}
	if err := db.commitChanges(ctx, s.transaction); err != nil {
		_ = s.tx.Rollback()
		return fmt.Errorf("commit: %w", err)
	}
	if err := s.tx.Commit(); err != nil {
		err = db.translate(context.WithoutCancel(ctx), err)
		if errors.Is(err, domain.ErrUnavailable) && !errors.Is(err, errConflict) && !errors.Is(err, domain.ErrLocked) {
			return fmt.Errorf("commit, which may have been done all the same: %w", err)
		}
		return fmt.Errorf("commit: %w", err)
	}
	if s.unreplicated.Load() {
		return fmt.Errorf("commit: %w: %w", domain.ErrUnavailable, errUnreplicated)
	}
	if s.revision != 0 || s.statuses {
		db.dialect.committed()
	}
	return nil
}

// Rollback undoes the transaction of the Begin that ctx came from, whether or not ctx has ended. After a Commit, failed or
// not, and within a joined transaction it does nothing.
func (db *DB) Rollback(ctx context.Context) error {
	s, ok := scopeOf(ctx)
	if !ok {
		return errors.New("roll back: no transaction")
	}
	if s.joined || s.done {
		return nil
	}
	s.done = true
	defer s.cancel()
	if err := s.tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) {
		return fmt.Errorf("roll back: %w", db.translate(context.WithoutCancel(ctx), err))
	}
	return nil
}

// inTx runs statements in a transaction.
func (db *DB) inTx(tx *sql.Tx) conn {
	if prepared, ok := db.writing.(*statements); ok {
		return conn{db, preparedTx{tx, prepared}}
	}
	return conn{db, tx}
}

// read runs fn in the transaction that ctx carries, or on the pool of readers.
func (db *DB) read(ctx context.Context, fn func(ctx context.Context, c conn) error) error {
	if s, ok := scopeOf(ctx); ok {
		return fn(ctx, db.inTx(s.tx))
	}
	ctx, end := tracing.Start(ctx, "database: read")
	defer end()
	ctx, cancel := context.WithTimeout(ctx, db.opTimeout)
	defer cancel()
	return fn(ctx, conn{db, db.reading})
}

// write runs fn in the transaction that ctx carries, or on the pool of writers: for a single statement.
func (db *DB) write(ctx context.Context, fn func(ctx context.Context, c conn) error) error {
	if s, ok := scopeOf(ctx); ok {
		return fn(ctx, db.inTx(s.tx))
	}
	ctx, end := tracing.Start(ctx, "database: write")
	defer end()
	ctx, cancel := context.WithTimeout(ctx, db.opTimeout)
	defer cancel()
	ctx, unreplicated := confirmed(ctx)
	err := retry(ctx, func() error { return fn(ctx, conn{db, db.writing}) })
	if err == nil && unreplicated.Load() {
		err = fmt.Errorf("%w: %w", domain.ErrUnavailable, errUnreplicated)
	}
	return err
}

// exec is write for one statement; it says how many rows changed.
func (db *DB) exec(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = db.write(ctx, func(ctx context.Context, c conn) error {
		n, err = c.exec(ctx, query, args...)
		return err
	})
	return n, err
}

// tx is Tx for several statements.
func (db *DB) tx(ctx context.Context, fn func(ctx context.Context, c conn) error) error {
	return db.Tx(ctx, func(ctx context.Context) error {
		s, _ := scopeOf(ctx)
		return fn(ctx, db.inTx(s.tx))
	})
}

// lockInstallation keeps other changes, and other ends of the audit log, waiting until the transaction ends.
//
// Lock order: installation, revision, sessions, grants, codes and refresh tokens, issued tokens. A change that touches none of these
// locks the revision last. One that first locked sessions or grants runs again, see errRevisionLate.
func (c conn) lockInstallation(ctx context.Context) error {
	s, ok := scopeOf(ctx)
	if !ok {
		return nil
	}
	if !s.locked {
		if _, err := one(ctx, c, scanInt, `SELECT id FROM installation WHERE id = 1`+c.db.dialect.forUpdate()); err != nil {
			return err
		}
		s.locked = true
	}
	return nil
}

// lockForGrants comes before a transaction locks sessions or grants to change them.
func (c conn) lockForGrants(ctx context.Context) error {
	if err := c.lockForTokens(ctx); err != nil {
		return err
	}
	if s, ok := scopeOf(ctx); ok {
		s.grants = true
	}
	return nil
}

// lockForTokens comes before a transaction locks issued tokens to change them.
func (c conn) lockForTokens(ctx context.Context) error {
	if err := c.lockInstallation(ctx); err != nil {
		return err
	}
	s, ok := scopeOf(ctx)
	if !ok {
		return nil
	}
	return c.lockRevision(ctx, s.transaction)
}
