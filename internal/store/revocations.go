package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// InsertRevocation begins a revocation: it bumps the revision, gives the revocation that one, and returns it with its id.
func (db *DB) InsertRevocation(ctx context.Context, r domain.Revocation) (domain.Revocation, error) {
	if _, _, err := ownerColumn(r.Kind); err != nil {
		return r, err
	}
	err := db.change(ctx, func(ctx context.Context, c *change) (err error) {
		r.Revision = c.revision
		r.ID, err = one(ctx, c.conn, scanInt, `
			INSERT INTO revocations (kind, target_id, revision, issued_before, created_at, cursor, marked)
			VALUES ($1, $2, $3, $4, $5, $6, 0) RETURNING id`,
			string(r.Kind), r.TargetID, r.Revision, nullMicros(r.IssuedBefore), micros(r.CreatedAt), r.Cursor[:])
		if err != nil {
			return err
		}
		return c.note(ctx, domain.ChangeRevocations, "")
	})
	return r, err
}

const revocationColumns = `id, kind, target_id, revision, issued_before, created_at, cursor, marked, done_at`

func scanRevocation(row scanner) (r domain.Revocation, err error) {
	err = row.Scan(&r.ID, &r.Kind, &r.TargetID, &r.Revision, at(&r.IssuedBefore), at(&r.CreatedAt),
		bytes16{(*[16]byte)(&r.Cursor)}, &r.Marked, at(&r.DoneAt))
	return r, err
}

// OpenRevocations returns the revocations that are not done, oldest first.
func (db *DB) OpenRevocations(ctx context.Context) ([]domain.Revocation, error) {
	return findAll(ctx, db, scanRevocation, `SELECT `+revocationColumns+` FROM revocations WHERE done_at IS NULL ORDER BY id`)
}

// StepRevocation marks the next tokens that a revocation covers, at most limit rows looked at in jti order from its cursor,
// and moves the cursor. It returns the revocation as it stands then; DoneAt is set once nothing is left, and that bumps the
// revision. Steps of the same revocation at the same time do no harm. ErrNotFound if there is no such revocation.
func (db *DB) StepRevocation(ctx context.Context, id int64, limit int, now time.Time) (r domain.Revocation, err error) {
	if limit <= 0 {
		return r, fmt.Errorf("%w number of rows to look at: %d", domain.ErrInvalid, limit)
	}
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		if err := c.lockInstallation(ctx); err != nil {
			return err
		}
		r, err = one(ctx, c, scanRevocation, `SELECT `+revocationColumns+` FROM revocations WHERE id = $1`, id)
		if err != nil || !r.DoneAt.IsZero() {
			return err
		}
		done, err := stepRevocation(ctx, c, &r, limit, now)
		if err != nil {
			return err
		}
		if done {
			r.DoneAt = time.UnixMicro(micros(now)).UTC()
		}
		_, err = c.exec(ctx, `UPDATE revocations SET cursor = $2, marked = $3, done_at = $4 WHERE id = $1`,
			r.ID, r.Cursor[:], r.Marked, nullMicros(r.DoneAt))
		if err != nil || !done {
			return err
		}
		return db.change(ctx, func(ctx context.Context, c *change) error { return c.note(ctx, domain.ChangeRevocations, "") })
	})
	return r, err
}

// stepRevocation marks rows and moves the cursor. All rows that the revocation covers were committed before it was.
func stepRevocation(ctx context.Context, c conn, r *domain.Revocation, limit int, now time.Time) (done bool, err error) {
	owner, indexed, err := ownerColumn(r.Kind)
	if err != nil {
		return false, err
	}
	coarse := func(jti string) string { return c.db.dialect.coarse(owner, jti) }
	var args []any
	arg := func(value any) string {
		args = append(args, value)
		return `$` + strconv.Itoa(len(args))
	}
	from := arg(slices.Clone(r.Cursor[:]))
	where, order := `jti > `+from, `jti`
	if indexed {
		where += ` AND ` + owner + ` = ` + arg(r.TargetID) + ` AND ` + coarse(`jti`) + ` >= ` + coarse(from)
		order = coarse(`jti`) + `, jti`
	}
	last, err := lastOf(ctx, c, where, order, limit, args)
	if err != nil {
		return false, err
	}
	if done = last == (domain.TokenID{}); !done {
		to := arg(last[:])
		where += ` AND jti <= ` + to
		if indexed {
			where += ` AND ` + coarse(`jti`) + ` <= ` + coarse(to)
		}
		r.Cursor = last
	}
	if owner != "" && !indexed { // not sooner: to look for the next that fit would be to look at all
		where += ` AND ` + owner + ` = ` + arg(r.TargetID)
	}
	where += ` AND revoked_at IS NULL AND revision < ` + arg(r.Revision)
	if !r.IssuedBefore.IsZero() {
		before := domain.FirstTokenID(r.IssuedBefore)
		where += ` AND jti < ` + arg(before[:])
	}
	update := `UPDATE issued_tokens SET revoked_at = ` + arg(micros(now)) + ` WHERE ` + where
	marked, err := mark(ctx, c, domain.StatusInvalid, update, args...)
	r.Marked += int64(len(marked))
	return done, err
}

// lastOf returns the jti of the n-th row that a condition chooses; zero if there are fewer.
func lastOf(ctx context.Context, c conn, where, order string, n int, args []any) (last domain.TokenID, err error) {
	query := `SELECT jti FROM issued_tokens WHERE ` + where + ` ORDER BY ` + order + ` LIMIT 1 OFFSET ` + strconv.Itoa(n-1)
	err = c.each(ctx, func(row scanner) error { return row.Scan(bytes16{(*[16]byte)(&last)}) }, query, args...)
	return last, err
}

// ownerColumn is the column of issued_tokens that a revocation goes by, none for all, and whether there is an index that
// begins with it and follows the jti.
func ownerColumn(kind domain.RevocationKind) (column string, indexed bool, err error) {
	switch kind {
	case domain.RevokeOfUser:
		return `user_id`, true, nil
	case domain.RevokeOfClient:
		return `client_id`, true, nil
	case domain.RevokeOfAPI:
		return `api_id`, true, nil
	case domain.RevokeOfKey:
		return `key_id`, false, nil
	case domain.RevokeOfAll:
		return ``, false, nil
	}
	return ``, false, fmt.Errorf("%w kind of revocation: %q", domain.ErrInvalid, kind)
}
