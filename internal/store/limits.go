package store

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Spend implements device.Store, limits.Shared and signin.Shared.
func (db *DB) Spend(ctx context.Context, now time.Time, limits ...domain.Limit) (wait time.Duration, err error) {
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		for _, l := range limits {
			last := micros(now) + int64(l.Burst-1)*l.Interval.Microseconds() // the bucket may be spent until then, for one more to fit
			spent, err := c.exec(ctx, `
				INSERT INTO limits (bucket, spent_until) VALUES ($1, $2)
				ON CONFLICT (bucket) DO UPDATE SET
					spent_until = CASE WHEN limits.spent_until > $3 THEN limits.spent_until + $4 ELSE $2 END
				WHERE limits.spent_until <= $5`,
				l.Bucket, micros(now.Add(l.Interval)), micros(now), l.Interval.Microseconds(), last)
			if err != nil {
				return err
			}
			if spent > 0 {
				continue
			}
			until, err := one(ctx, c, scanInt, `SELECT spent_until FROM limits WHERE bucket = $1`, l.Bucket)
			if err != nil {
				return err
			}
			wait = time.Duration(max(1, until-last)) * time.Microsecond
			return domain.ErrBusy
		}
		return nil
	})
	return wait, err
}

// Refund implements signin.Shared.
func (db *DB) Refund(ctx context.Context, now time.Time, limits ...domain.Limit) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		for _, l := range limits {
			_, err := c.exec(ctx, `UPDATE limits SET spent_until = spent_until - $2 WHERE bucket = $1 AND spent_until > $3`,
				l.Bucket, l.Interval.Microseconds(), micros(now))
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Forget implements signin.Shared.
func (db *DB) Forget(ctx context.Context, buckets ...string) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		for _, bucket := range buckets {
			if _, err := c.exec(ctx, `DELETE FROM limits WHERE bucket = $1`, bucket); err != nil {
				return err
			}
		}
		return nil
	})
}
