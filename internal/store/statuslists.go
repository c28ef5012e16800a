package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// LeaseStatus implements status.Leases.
func (db *DB) LeaseStatus(ctx context.Context, expires time.Time, count, size int32, now time.Time) (lease domain.StatusLease, err error) {
	switch {
	case db.InTx(ctx):
		return lease, errors.New("lease positions of a status list: not within a transaction")
	case count <= 0 || count > size:
		return lease, fmt.Errorf("%w lease of %d positions of a status list of %d", domain.ErrInvalid, count, size)
	}
	if err := db.issuing(); err != nil {
		return lease, err
	}
	lease, err = db.leaseStatus(ctx, expires, count, size)
	if !errors.Is(err, domain.ErrNotFound) {
		return lease, err
	}
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		if err := c.lockInstallation(ctx); err != nil { // or replicas that find no room at once would make a list each
			return err
		}
		if _, restored, err := db.incarnation(ctx); err != nil || restored {
			return cmp.Or(err, domain.ErrRestored)
		}
		if lease, err = db.leaseStatus(ctx, expires, count, size); !errors.Is(err, domain.ErrNotFound) {
			return err
		}
		lease, err = one(ctx, c, scanLease, `
			INSERT INTO status_lists (expires_at, size, leased, created_at) VALUES ($1, $2, $3, $4)
			RETURNING id, size, expires_at, created_at, leased - $3, $3`, micros(expires), size, count, micros(now))
		return err
	})
	return lease, err
}

// leaseStatus returns ErrNotFound if no list has room.
func (db *DB) leaseStatus(ctx context.Context, expires time.Time, count, size int32) (lease domain.StatusLease, err error) {
	err = db.write(ctx, func(ctx context.Context, c conn) error {
		lease, err = one(ctx, c, scanLease, `
			UPDATE status_lists SET leased = leased + $3
			WHERE id = (SELECT MIN(id) FROM status_lists WHERE expires_at = $1 AND size = $2 AND leased <= size - $3) AND leased <= size - $3
				AND EXISTS (SELECT 1 FROM installation WHERE id = 1 AND restored_at IS NULL)
			RETURNING id, size, expires_at, created_at, leased - $3, $3`, micros(expires), size, count)
		return err
	})
	return lease, err
}

func scanLease(row scanner) (l domain.StatusLease, err error) {
	err = row.Scan(&l.ID, &l.Size, at(&l.ExpiresAt), at(&l.CreatedAt), &l.From, &l.Count)
	return l, err
}

// FindStatusList implements status.Lists.
func (db *DB) FindStatusList(ctx context.Context, id int64) (domain.StatusList, error) {
	return find(ctx, db, func(row scanner) (l domain.StatusList, err error) {
		err = row.Scan(&l.ID, &l.Size, at(&l.ExpiresAt), at(&l.CreatedAt))
		return l, err
	}, `SELECT id, size, expires_at, created_at FROM status_lists WHERE id = $1`, id)
}

// LiveStatusLists implements status.Lists.
func (db *DB) LiveStatusLists(ctx context.Context, now time.Time) ([]int64, error) {
	return findAll(ctx, db, scanInt, `SELECT id FROM status_lists WHERE expires_at > $1 ORDER BY id`, micros(now))
}
