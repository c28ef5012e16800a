package pgtest

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Exec runs SQL on the database at a URL, beside whoever else uses it.
func Exec(tb testing.TB, url, query string) {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(tb.Context(), query); err != nil {
		tb.Fatal(err)
	}
}

// Hold runs SQL in a transaction that stays open until release is called: it keeps the locks that the SQL takes.
func Hold(tb testing.TB, url, query string) (release func()) {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := conn.Exec(tb.Context(), `BEGIN; `+query); err != nil {
		tb.Fatal(err)
	}
	return func() { _ = conn.Close(context.Background()) }
}
