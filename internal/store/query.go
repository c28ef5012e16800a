package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/signet-auth/signet/internal/domain"
)

// conn runs statements, in a transaction or on a pool, and translates their errors.
type conn struct {
	db *DB
	on runner
}

// scanner is a row.
type scanner interface{ Scan(dest ...any) error }

// storable says whether a text column can hold each of the arguments: PostgreSQL takes only UTF-8 without NUL, so SQLite gets no other.
func storable(args []any) bool {
	return !slices.ContainsFunc(args, func(arg any) bool {
		text, ok := arg.(string)
		return ok && (!utf8.ValidString(text) || strings.Contains(text, "\x00"))
	})
}

var errUnstorable = fmt.Errorf("%w text: it is not UTF-8, or has a NUL", domain.ErrInvalid)

// exec runs a statement and says how many rows it changed. ErrInvalid for text that cannot be stored.
func (c conn) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if !storable(args) {
		return 0, errUnstorable
	}
	result, err := c.on.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, c.db.translate(ctx, err)
	}
	n, err := result.RowsAffected()
	return n, c.db.translate(ctx, err)
}

// each calls scan for every row. A SELECT for text that cannot be stored finds none; for what writes that is ErrInvalid.
func (c conn) each(ctx context.Context, scan func(row scanner) error, query string, args ...any) (err error) {
	if !storable(args) {
		if strings.HasPrefix(strings.TrimSpace(query), `SELECT`) {
			return nil
		}
		return errUnstorable
	}
	rows, err := c.on.QueryContext(ctx, query, args...)
	if err != nil {
		return c.db.translate(ctx, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return c.db.translate(ctx, err)
		}
	}
	return c.db.translate(ctx, rows.Err())
}

// list returns all rows.
func list[T any](ctx context.Context, c conn, scan func(row scanner) (T, error), query string, args ...any) ([]T, error) {
	var all []T
	err := c.each(ctx, func(row scanner) error {
		v, err := scan(row)
		all = append(all, v)
		return err
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return all, nil
}

// one returns the only row. ErrNotFound if there is none.
func one[T any](ctx context.Context, c conn, scan func(row scanner) (T, error), query string, args ...any) (T, error) {
	var zero T
	all, err := list(ctx, c, scan, query, args...)
	if err != nil {
		return zero, err
	}
	if len(all) == 0 {
		return zero, c.db.translate(ctx, sql.ErrNoRows)
	}
	return all[0], nil
}

// find is one on its own, without a transaction of its own; it only reads.
func find[T any](ctx context.Context, db *DB, scan func(row scanner) (T, error), query string, args ...any) (v T, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		v, err = one(ctx, c, scan, query, args...)
		return err
	})
	return v, err
}

// findAll is list on its own.
func findAll[T any](ctx context.Context, db *DB, scan func(row scanner) (T, error), query string, args ...any) (all []T, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		all, err = list(ctx, c, scan, query, args...)
		return err
	})
	return all, err
}

func scanBool(row scanner) (is bool, err error) {
	err = row.Scan(&is)
	return is, err
}

func scanInt(row scanner) (n int64, err error) {
	err = row.Scan(&n)
	return n, err
}

func scanString(row scanner) (s string, err error) {
	err = row.Scan(&s)
	return s, err
}

// in writes "($1, $2, …)" for a list of values, of which there must be one at least, and adds them to the arguments.
func in[T any](args []any, values ...T) (placeholders string, _ []any) {
	var b strings.Builder
	for _, v := range values {
		args = append(args, v)
		b.WriteString(", $")
		b.WriteString(strconv.Itoa(len(args)))
	}
	return "(" + b.String()[2:] + ")", args
}

// insert runs an INSERT … ON CONFLICT DO NOTHING RETURNING id. ErrExists if there was a conflict; unlike a
// unique violation that leaves the transaction usable.
func insert(ctx context.Context, c conn, query string, args ...any) (id int64, err error) {
	id, err = one(ctx, c, scanInt, query, args...)
	if errors.Is(err, domain.ErrNotFound) {
		return 0, domain.ErrExists
	}
	return id, err
}

// conflict is ErrConflict instead of err if an update found no row of its version, although the query finds the object of that name.
func conflict(ctx context.Context, c conn, err error, query, name string) error {
	if !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	if _, err := one(ctx, c, scanInt, query, name); err != nil {
		return err
	}
	return domain.ErrConflict
}

func pointers[T any](all []T) []*T {
	to := make([]*T, len(all))
	for i := range all {
		to[i] = &all[i]
	}
	return to
}

// index arranges parents by id, for their children to be added.
func index[T any](all []*T, id func(*T) int64) (byID map[int64]*T, ids []int64) {
	byID = make(map[int64]*T, len(all))
	for _, v := range all {
		byID[id(v)] = v
		ids = append(ids, id(v))
	}
	return byID, ids
}
