package pgtest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// SkewClock returns another URL of a database. To those who open it by that, its clock is ahead by a time, or behind if that is negative.
func SkewClock(tb testing.TB, url string, ahead time.Duration) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, fmt.Sprintf(`CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS TIMESTAMPTZ LANGUAGE sql
		AS $$ SELECT pg_catalog.clock_timestamp() + interval '%f seconds' $$`, ahead.Seconds()))
	if err != nil {
		tb.Fatal(err)
	}
	return url + "&search_path=signet,public,pg_catalog" // or PostgreSQL's own would be found first
}
