package store

import (
	"context"
	"errors"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// ClaimRequest implements admin.Requests.
func (db *DB) ClaimRequest(ctx context.Context, r domain.KeyedRequest, now time.Time) (held domain.KeyedRequest, err error) {
	n, err := db.exec(ctx, `
		INSERT INTO keyed_requests AS k (id, request, claim, claimed_until, expires_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE
		SET request = excluded.request, claim = excluded.claim, claimed_until = excluded.claimed_until, answer = NULL, expires_at = excluded.expires_at
		WHERE k.expires_at <= $6 OR k.answer IS NULL AND k.claimed_until <= $6`,
		r.ID, r.Request, r.Claim, micros(r.ClaimedUntil), micros(r.ExpiresAt), micros(now))
	if err != nil || n == 1 {
		return r, err
	}
	held, err = find(ctx, db, func(row scanner) (k domain.KeyedRequest, err error) {
		err = row.Scan(&k.ID, &k.Request, &k.Claim, at(&k.ClaimedUntil), &k.Answer, at(&k.ExpiresAt))
		return k, err
	}, `SELECT id, request, claim, claimed_until, answer, expires_at FROM keyed_requests WHERE id = $1`, r.ID)
	if errors.Is(err, domain.ErrNotFound) { // given up just now
		err = domain.ErrBusy
	}
	return held, err
}

// KeepAnswer implements admin.Requests.
func (db *DB) KeepAnswer(ctx context.Context, r domain.KeyedRequest) error {
	n, err := db.exec(ctx, `UPDATE keyed_requests SET answer = $1 WHERE id = $2 AND claim = $3 AND answer IS NULL`, r.Answer, r.ID, r.Claim)
	if err == nil && n == 0 {
		err = domain.ErrConflict
	}
	return err
}

// ReleaseRequest implements admin.Requests.
func (db *DB) ReleaseRequest(ctx context.Context, r domain.KeyedRequest) error {
	_, err := db.exec(ctx, `DELETE FROM keyed_requests WHERE id = $1 AND claim = $2 AND answer IS NULL`, r.ID, r.Claim)
	return err
}
