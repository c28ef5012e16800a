package store

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// errUnreplicated is the error of a commit that PostgreSQL reports as done, although it no longer waited for the standby (statement_timeout,
// or somebody cancelled it): a promotion of the standby would lose it.
var errUnreplicated = errors.New("the standby has not confirmed the commit")

// commitKey is the context key of an *atomic.Bool: whether a commit was not confirmed by the standby.
type commitKey struct{}

// confirmed returns a ctx for commits. unreplicated is set if a required standby did not confirm one.
func confirmed(ctx context.Context) (_ context.Context, unreplicated *atomic.Bool) {
	unreplicated = new(atomic.Bool)
	return context.WithValue(ctx, commitKey{}, unreplicated), unreplicated
}

// standbyWatch detects commits that the standby did not confirm; PostgreSQL reports them only by a warning.
type standbyWatch struct{}

const unreplicatedCommit = "unreplicated commit"

// noticesFrom is the setting of the least severity that PostgreSQL reports to clients. "error" would hide that warning.
const noticesFrom = "client_min_messages"

func (standbyWatch) notice(conn *pgconn.PgConn, n *pgconn.Notice) {
	if n.Routine == "SyncRepWaitForLSN" {
		conn.CustomData()[unreplicatedCommit] = true
	}
}

// TraceQueryStart implements [pgx.QueryTracer].
func (standbyWatch) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

// TraceQueryEnd implements [pgx.QueryTracer].
func (standbyWatch) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, _ pgx.TraceQueryEndData) {
	data := conn.PgConn().CustomData()
	if _, without := data[unreplicatedCommit]; !without {
		return
	}
	delete(data, unreplicatedCommit)
	if unreplicated, ok := ctx.Value(commitKey{}).(*atomic.Bool); ok {
		unreplicated.Store(true)
	}
}
