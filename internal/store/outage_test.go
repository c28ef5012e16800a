package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// operations are one of each way to the database.
var operations = map[string]func(ctx context.Context, db *store.DB) error{
	"read": func(ctx context.Context, db *store.DB) error {
		_, err := db.ListUsers(ctx, domain.UserFilter{}, domain.Page{Limit: 10})
		return err
	},
	"write": func(ctx context.Context, db *store.DB) error { return db.TouchSession(ctx, 1, time.Now()) },
	"change": func(ctx context.Context, db *store.DB) error {
		_, err := db.InsertGroup(ctx, domain.Group{Name: time.Now().String()})
		return err
	},
	"look up": func(ctx context.Context, db *store.DB) error {
		_, _, err := db.FindIssuedTokens(ctx, []domain.TokenRef{{ID: domain.TokenID{1}}})
		return err
	},
	"index": func(ctx context.Context, db *store.DB) error {
		token := domain.IssuedToken{Kind: domain.TokenAccess, ExpiresAt: time.Now()}
		rand.Read(token.ID[:])
		_, err := db.InsertIssuedTokens(ctx, []domain.IssuedToken{token}, []int64{1 << 40})
		return err
	},
	"revoke": func(ctx context.Context, db *store.DB) error {
		_, err := db.InsertRevocation(ctx, domain.Revocation{Kind: domain.RevokeOfClient, TargetID: 1, CreatedAt: time.Now()})
		return err
	},
	"begin": func(ctx context.Context, db *store.DB) error {
		ctx, err := db.Begin(ctx)
		if err != nil {
			return err
		}
		return errors.Join(db.Commit(ctx), db.Rollback(ctx))
	},
	"status": func(ctx context.Context, db *store.DB) error {
		_, _, _, err := db.MigrationStatus(ctx)
		return err
	},
}

func TestWhilePostgresIsAwayEveryCallSaysSoInTime(t *testing.T) {
	cluster := pgtest.New(t)
	db := storetest.OpenImpatient(t, cluster.Database(t))
	for _, outage := range []struct {
		name       string
		begin, end func()
	}{
		{"stopped", cluster.Stop, func() { cluster.Start(t) }},
		{"crashed", cluster.Crash, func() { cluster.Start(t) }},
		{"frozen", func() { cluster.Pause(t) }, func() { cluster.Resume(t) }},
	} {
		t.Run(outage.name, func(t *testing.T) {
			recovered(t, db)
			during := beginWithGroup(t, db, "during "+outage.name)
			outage.begin()
			inTime(t, "commit", func() error { return db.Commit(during) })
			for name, op := range operations {
				for range 2 {
					inTime(t, name, func() error { return op(t.Context(), db) })
				}
			}
			outage.end()
			recovered(t, db)
		})
	}
}

func TestAConnectionThatIsResetInMidAnswerIsUnavailableAndNothingIsGuessed(t *testing.T) {
	database := pgtest.Database(t)
	wire := pgtest.NewWire(t, database)
	sound, db := storetest.Open(t, database), storetest.Open(t, wire.URL())
	const users = 10
	for n := range users {
		if _, err := sound.InsertUser(t.Context(), domain.User{Username: fmt.Sprint("user", n), Subject: fmt.Sprint("subject", n)}); err != nil {
			t.Fatal(err)
		}
	}
	lost := 0 // commits whose answer did not arrive
	// done compares what became of a change with what its caller got to know.
	done := func(err, found error) error {
		switch {
		case err == nil && found != nil:
			t.Error("what was done is not there:", found)
		case err != nil && found == nil:
			lost++
			if text := err.Error(); strings.Contains(text, "commit") && !strings.Contains(text, "may have been done") {
				t.Errorf("what was done failed with %q", text)
			}
		}
		return err
	}
	for name, op := range map[string]func(ctx context.Context) error{
		"list": func(ctx context.Context) error {
			all, err := db.ListUsers(ctx, domain.UserFilter{}, domain.Page{Limit: 2 * users})
			if err == nil && len(all) != users {
				t.Errorf("a list has %d of %d users", len(all), users)
			}
			return err
		},
		"change": func(ctx context.Context) error {
			group := domain.Group{Name: time.Now().String()}
			_, err := db.InsertGroup(ctx, group)
			_, found := sound.FindGroup(ctx, group.Name)
			return done(err, found)
		},
		"index": func(ctx context.Context) error {
			token := domain.IssuedToken{Kind: domain.TokenAccess, ExpiresAt: time.Now().Add(time.Hour)}
			rand.Read(token.ID[:])
			_, err := db.InsertIssuedTokens(ctx, []domain.IssuedToken{token}, []int64{1 << 40})
			indexed, _, found := sound.FindIssuedTokens(ctx, []domain.TokenRef{{ID: token.ID, ExpiresAt: token.ExpiresAt}})
			if found == nil && len(indexed) == 0 {
				found = domain.ErrNotFound
			}
			return done(err, found)
		},
	} {
		// The number of bytes of the answer is narrowed down to the one with which the call succeeds, and one less.
		for fails, succeeds := -1, 0; succeeds == 0 || succeeds-fails > 1; {
			after := 4*fails + 4
			if succeeds > 0 {
				after = (fails + succeeds) / 2
			}
			wire.Cut()
			wire.Restore()
			for db.Ping(t.Context()) != nil { // until there is a connection, on which nothing is prepared yet
			}
			wire.Break(after)
			switch err := op(t.Context()); {
			case err == nil:
				succeeds = after
			case errors.Is(err, domain.ErrUnavailable):
				fails = after
			default:
				t.Fatalf("%s, after %d bytes: %v", name, after, err)
			}
		}
	}
	if lost < 2 {
		t.Errorf("the answers of %d commits were lost, want some", lost)
	}
	wire.Restore()
	recovered(t, db)
}

// inTime checks that op says within two seconds that the database is unavailable, but for the time in which a busy machine has this process wait.
func inTime(t *testing.T, name string, op func() error) {
	t.Helper()
	waited := machineWaits()
	start := time.Now()
	err := op()
	if took, late := time.Since(start), waited(); took-late > 2*time.Second {
		t.Errorf("%s took %v, of which this process waited %v for the machine", name, took, late)
	}
	if !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("%s: got error %v, want %v", name, err, domain.ErrUnavailable)
	}
}

// machineWaits measures, until it is called, how much later than it should a goroutine went on in all.
func machineWaits() (late func() time.Duration) {
	stop, sum := make(chan struct{}), make(chan time.Duration)
	go func() {
		const pause = 5 * time.Millisecond
		var late time.Duration
		for {
			began := time.Now()
			select {
			case <-stop:
				sum <- late
				return
			case <-time.After(pause):
				late += max(0, time.Since(began)-2*pause)
			}
		}
	}()
	return func() time.Duration { close(stop); return <-sum }
}

// recovered checks that soon all calls succeed again, and go on to.
func recovered(t *testing.T, db *store.DB) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); db.Ping(t.Context()) != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the database is back, but no call succeeds")
		}
	}
	for name, op := range operations {
		if err := retried(func() error { return op(t.Context(), db) }); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// retried is the error of op. One that comes after more than a second does not count, as a busy machine took longer than it may: then op
// runs again, ten times at most.
func retried(op func() error) error {
	for tries := 0; ; tries++ {
		began := time.Now()
		if err := op(); err == nil || time.Since(began) <= time.Second || tries == 10 {
			return err
		}
	}
}

// beginWithGroup begins a transaction and inserts a group in it.
func beginWithGroup(t *testing.T, db *store.DB, name string) (ctx context.Context) {
	t.Helper()
	err := retried(func() (err error) {
		if ctx, err = db.Begin(t.Context()); err != nil {
			return err
		}
		if _, err = db.InsertGroup(ctx, domain.Group{Name: name}); err != nil {
			_ = db.Rollback(ctx)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}
