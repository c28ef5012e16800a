package store

import (
	"context"
	"database/sql/driver"
)

// LoseWriter ends the connection that writes to SQLite, as a statement does that took too long.
func (db *DB) LoseWriter(ctx context.Context) error {
	conn, err := db.writer.Conn(ctx)
	if err != nil {
		return err
	}
	return conn.Raw(func(any) error { return driver.ErrBadConn })
}
