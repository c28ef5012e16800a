package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/signet-auth/signet/internal/domain"
)

// failure is what an error of a driver means to callers.
type failure int

const (
	failureOther       failure = iota
	failureExists              // a unique constraint
	failureReferenced          // a foreign key
	failureUnavailable         // no connection, no answer, no room
	failureInvalid             // a value that no column can hold
	failureConflict            // lost against another transaction: the same again may succeed
	failureLocked              // by another process: not begun
)

// errConflict marks an ErrUnavailable that a retry of the whole transaction may cure.
var errConflict = errors.New("conflict with another transaction")

// translate is the one place where errors of drivers become errors of the domain.
func (db *DB) translate(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	cause := db.dialect.cause(err)
	if cause != "" {
		db.setFault(cause)
	}
	switch {
	case errors.Is(ctx.Err(), context.Canceled), errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, sql.ErrNoRows):
		return domain.ErrNotFound
	case ctx.Err() != nil, lost(err):
		return fmt.Errorf("%w: %v", domain.ErrUnavailable, err)
	}
	switch db.dialect.classify(err) {
	case failureExists:
		return domain.ErrExists
	case failureReferenced:
		return domain.ErrReferenced
	case failureInvalid:
		return fmt.Errorf("%w value: %v", domain.ErrInvalid, err)
	case failureUnavailable:
		if cause != "" {
			return fmt.Errorf("%w: %w: %v", domain.ErrUnavailable, cause, err)
		}
		return fmt.Errorf("%w: %v", domain.ErrUnavailable, err)
	case failureConflict:
		return fmt.Errorf("%w: %w: %v", domain.ErrUnavailable, errConflict, err)
	case failureLocked:
		return fmt.Errorf("%w: %v", domain.ErrLocked, err)
	default:
		return fmt.Errorf("database: %w", err)
	}
}

// lost reports whether an error of database/sql or the network says that the connection or the pool is closed, or the time is over.
func lost(err error) bool {
	var network net.Error
	return errors.As(err, &network) ||
		errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, sql.ErrTxDone) ||
		errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) ||
		err.Error() == "sql: database is closed" // database/sql does not export it
}
