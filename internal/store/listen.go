package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	listenPause  = time.Second            // before the second attempt to connect, at first
	listenMax    = 4 * time.Second        // at last
	listenCheck  = 30 * time.Second       // silence after which the connection is tried
	listenPolled = 100 * time.Millisecond // between looks at an SQLite file
)

// Listen calls wake, until ctx ends, soon after any replica committed a new revision or a change of a token status, and
// whenever it may have missed some. It is for speed only: news may come late, or twice.
func (db *DB) Listen(ctx context.Context, wake func()) {
	for pause := listenPause; ctx.Err() == nil; pause = min(2*pause, listenMax) {
		_ = db.dialect.listen(ctx, db, func() {
			pause = listenPause
			wake()
		})
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// listen waits on a connection of its own for notifications of the trigger on installation.
func (p *postgres) listen(ctx context.Context, db *DB, wake func()) error {
	if p.pooled {
		return p.poll(ctx, db, wake)
	}
	connecting, cancel := context.WithTimeout(ctx, db.opTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(connecting, p.config.ConnConfig.Copy())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	if _, err := conn.Exec(connecting, `LISTEN signet`); err != nil {
		return err
	}
	wake()
	for {
		waiting, cancel := context.WithTimeout(ctx, listenCheck)
		_, err := conn.WaitForNotification(waiting)
		cancel()
		switch {
		case err == nil:
			wake()
		case ctx.Err() == nil && pgconn.Timeout(err):
			checking, cancel := context.WithTimeout(ctx, db.opTimeout)
			err = conn.Ping(checking)
			cancel()
		}
		if err != nil {
			return err
		}
	}
}

// listen looks whether another connection, of this process or another, has written to the file: at once after a commit of this process, and
// ten times a second.
func (e *embedded) listen(ctx context.Context, db *DB, wake func()) error {
	conn, err := db.reader.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	ticker := time.NewTicker(e.polled)
	defer ticker.Stop()
	for last := int64(-1); ; {
		var version int64
		if err := conn.QueryRowContext(ctx, `PRAGMA data_version`).Scan(&version); err != nil {
			return err
		}
		if version != last {
			last = version
			wake()
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err())
		case <-ticker.C:
		case <-e.news:
		}
	}
}
