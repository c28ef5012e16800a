package store

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store/pgtest"
)

// migrateNext runs a migration that this version does not know.
func migrateNext(ctx context.Context, db *DB) error {
	text, err := os.ReadFile("testdata/next.up.sql")
	if err != nil {
		return err
	}
	driver, release, err := db.dialect.migrator(ctx)
	if err != nil {
		return err
	}
	defer release()
	newer := &atomicDriver{Driver: driver, begin: db.dialect.beginMigration(), version: 2}
	return errors.Join(newer.Run(strings.NewReader(string(text))), driver.Close())
}

func TestServersOfThisVersionGoOnWhileAnotherMigrates(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db *DB) {
		ctx, now := t.Context(), time.Now()
		hour := now.UTC().Truncate(time.Hour).Add(2 * time.Hour)
		ok(t, db.Migrate(ctx))
		lease, err := db.LeaseStatus(ctx, hour, 4096, 1<<16, now)
		ok(t, err)
		position := int32(0)
		serve := func() error {
			position++
			if err := issue(t, db, hour, lease.ID, position); err != nil {
				return err
			}
			_, _, found := db.FindIssuedTokens(ctx, []domain.TokenRef{{ID: domain.TokenID{0, 0, 0, 0, 0, 1, byte(position)}, ExpiresAt: hour}})
			name := "user" + time.Now().Format("150405.000000000")
			_, inserted := db.InsertUser(ctx, domain.User{Username: name, Subject: name})
			_, listed := db.ListUsers(ctx, domain.UserFilter{}, domain.Page{Limit: 10})
			return errors.Join(found, inserted, listed)
		}
		for range 10 {
			ok(t, serve())
		}
		var migrated error
		var migration sync.WaitGroup
		migration.Go(func() { migrated = migrateNext(ctx, db) })
		for range 50 {
			ok(t, serve())
		}
		migration.Wait()
		ok(t, migrated)
		for range 50 {
			ok(t, serve())
		}
		if _, err := db.UpToDate(ctx); !errors.Is(err, domain.ErrInvalid) || !strings.Contains(err.Error(), "run a newer signet") {
			t.Errorf("one that starts now gets error %v", err)
		}
	})
}

func TestAMigrationThatWaitsForALockKeepsNobodyWaitingForLong(t *testing.T) {
	url := pgtest.Database(t)
	db, err := Open(t.Context(), url, patient)
	ok(t, err)
	defer db.Close()
	ok(t, db.Migrate(t.Context()))
	release := pgtest.Hold(t, url, `SELECT * FROM signet.clients`) // as a report does that somebody runs
	migrated := make(chan error, 1)
	go func() { migrated <- migrateNext(t.Context(), db) }()
	blocked := `SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND relation = 'signet.clients'::regclass`
	for range 2 { // it asks again and again, and lets others pass in between
		for waiting := int64(0); waiting == 0; {
			waiting, err = find(t.Context(), db, scanInt, blocked)
			ok(t, err)
		}
		if _, err := find(t.Context(), db, scanInt, `SELECT COUNT(*) FROM clients`); err != nil {
			t.Error(err)
		}
	}
	select {
	case err := <-migrated:
		t.Errorf("it has not waited: %v", err)
	default:
	}
	release()
	ok(t, <-migrated)
}

func TestABackfillGoesOnWhereItWasInterrupted(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db *DB) {
		ctx := t.Context()
		ok(t, db.Migrate(ctx))
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			_, err := db.InsertUser(ctx, domain.User{Username: name, Subject: name})
			ok(t, err)
		}
		broken := errors.New("the process ends")
		fails := true
		names := Backfill{
			Name: "names of users",
			Total: func(ctx context.Context, db *DB) (int64, error) {
				return find(ctx, db, scanInt, `SELECT COUNT(*) FROM users`)
			},
			Step: func(ctx context.Context, db *DB, position string) (rows int64, next string, err error) {
				next, err = find(ctx, db, scanString, `SELECT COALESCE(MIN(username), '') FROM users WHERE username > $1`, position)
				if err != nil || next == "" {
					return 0, "", err
				}
				rows, err = db.exec(ctx, `UPDATE users SET name = name || 'x' WHERE username = $1`, next)
				if next == "c" && fails {
					err = broken
				}
				return rows, next, err
			},
		}
		state := func() BackfillState {
			t.Helper()
			all, err := db.Backfills(ctx)
			ok(t, err)
			if len(all) != 1 || all[0].Total != 5 {
				t.Fatalf("backfills: %+v", all)
			}
			return all[0]
		}
		if err := db.run(ctx, names); !errors.Is(err, broken) {
			t.Fatal(err)
		}
		if s := state(); s.Done != 2 || !s.FinishedAt.IsZero() {
			t.Errorf("interrupted: %+v", s)
		}
		fails = false
		var replicas sync.WaitGroup
		for range 3 {
			replicas.Go(func() { ok(t, db.run(ctx, names)) })
		}
		replicas.Wait()
		ok(t, db.run(ctx, names))
		if s := state(); s.Done != 5 || s.FinishedAt.IsZero() {
			t.Errorf("done: %+v", s)
		}
		if n, err := find(ctx, db, scanInt, `SELECT COUNT(*) FROM users WHERE name = 'x'`); err != nil || n != 5 {
			t.Errorf("%d rows were changed once, %v", n, err)
		}
	})
}
