package store

import (
	"context"
	"time"
)

// UseAssertion implements authn.Assertions.
func (db *DB) UseAssertion(ctx context.Context, hash []byte, expires time.Time) error {
	return consumed(db.exec(ctx, `INSERT INTO assertions (hash, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, hash, micros(expires)))
}
