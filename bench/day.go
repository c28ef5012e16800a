package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/store"
)

const (
	dayRevoked = 100             // one of so many is
	dayPurge   = 5 * time.Minute // between purges, as the server's job has it
	daySettled = 6               // hours after which nothing may grow
	dayGrowth  = 1.25            // by which it may all the same: PostgreSQL reuses room when it comes to it
)

// day is a simulated one: tokens are allocated, recorded, revoked and purged as a server does, while the clock is moved on.
type day struct {
	recorder
	index *index.Index
	now   time.Time
	rate  int     // tokens a second
	admin *sql.DB // of PostgreSQL
	path  string  // of an SQLite file
}

// hour is what is measured at the end of one.
type hour struct {
	database, memory int64
	files            int
}

// simulateDay writes what a database, the process's memory and its files come to, each hour of 24.
func simulateDay(ctx context.Context, out io.Writer, database string, rate int) error {
	d := &day{now: time.Now().UTC().Truncate(time.Hour), rate: rate}
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		d.path = path
	} else if err := d.holdClock(ctx, &database); err != nil {
		return err
	}
	now := func() time.Time { return d.now }
	db, err := store.Open(ctx, database, store.Options{Now: now, OpTimeout: time.Minute})
	if err != nil {
		return err
	}
	defer db.Close()
	if d.admin != nil {
		defer d.admin.Close()
	}
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	d.recorder = newRecorder(db, now)
	d.index = index.New(ctx, db, clock.New(d, now), now)
	fmt.Fprintf(out, "%d tokens a second, valid for %v, on %s\n| hour | database, MB | memory, MB | files |\n| ---: | ---: | ---: | ---: |\n", rate, recordedTTL, d.db.Dialect())
	var settled hour
	for h := 1; h <= 24; h++ {
		if err := d.pass(ctx, time.Hour); err != nil {
			return fmt.Errorf("hour %d: %w", h, err)
		}
		is, err := d.measure(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %d | %.1f | %.1f | %d |\n", h, float64(is.database)/1e6, float64(is.memory)/1e6, is.files)
		switch {
		case h == daySettled:
			settled = is
		case h > daySettled && (float64(is.database) > dayGrowth*float64(settled.database) || is.files > settled.files+4):
			return fmt.Errorf("hour %d: it still grows", h)
		}
	}
	return nil
}

// Clock implements clock.Database.
func (d *day) Clock(context.Context) (time.Time, error) { return d.now, nil }

// holdClock makes the database's clock one that is set.
func (d *day) holdClock(ctx context.Context, database *string) (err error) {
	if d.admin, err = sql.Open("pgx", *database); err != nil {
		return err
	}
	separator := "?"
	if strings.Contains(*database, "?") {
		separator = "&"
	}
	*database += separator + "search_path=signet,public,pg_catalog"
	_, err = d.admin.ExecContext(ctx, `CREATE TABLE public.held_clock AS SELECT pg_catalog.clock_timestamp() AS at`)
	if err != nil {
		return err
	}
	_, err = d.admin.ExecContext(ctx, `CREATE FUNCTION public.clock_timestamp() RETURNS TIMESTAMPTZ LANGUAGE sql AS $$ SELECT at FROM public.held_clock $$`)
	return err
}

// pass lets time pass, minute by minute.
func (d *day) pass(ctx context.Context, span time.Duration) error {
	for range int(span / time.Minute) {
		if d.admin != nil {
			if _, err := d.admin.ExecContext(ctx, `UPDATE public.held_clock SET at = $1`, d.now); err != nil {
				return err
			}
		}
		if d.now.Truncate(dayPurge).Equal(d.now) {
			if _, err := d.index.Purge(ctx); err != nil {
				return err
			}
		}
		for left := 60 * d.rate; left > 0; left -= 1000 {
			if err := d.issue(ctx, min(left, 1000)); err != nil {
				return err
			}
		}
		d.now = d.now.Add(time.Minute)
	}
	return nil
}

// issue records n tokens at once, and revokes some of them.
func (d *day) issue(ctx context.Context, n int) error {
	tokens, err := d.record(ctx, d.now, n)
	if err != nil {
		return err
	}
	var revoked []domain.TokenRef
	for i := 0; i < n; i += dayRevoked {
		revoked = append(revoked, tokens[i].Ref())
	}
	_, err = d.db.RevokeTokens(ctx, d.now, revoked...)
	return err
}

func (d *day) measure(ctx context.Context) (h hour, err error) {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	h.memory = int64(memory.HeapInuse + memory.StackInuse)
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return h, err
	}
	h.files = len(files)
	if d.admin != nil {
		return h, d.admin.QueryRowContext(ctx, `SELECT pg_database_size(current_database())`).Scan(&h.database)
	}
	for _, suffix := range []string{"", "-wal"} {
		info, err := os.Stat(d.path + suffix)
		if err != nil {
			return h, err
		}
		h.database += info.Size()
	}
	return h, nil
}
