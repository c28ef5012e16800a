package store_test

import (
	"context"
	"crypto/rand"
	"errors"
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
			for name, op := range operations {
				if err := op(t.Context(), db); err != nil {
					t.Fatalf("%s before: %v", name, err)
				}
			}
			during, err := db.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := db.InsertGroup(during, domain.Group{Name: "during " + outage.name}); err != nil {
				t.Fatal(err)
			}
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

// inTime checks that op says within two seconds that the database is unavailable.
func inTime(t *testing.T, name string, op func() error) {
	t.Helper()
	start := time.Now()
	err := op()
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("%s took %v", name, took)
	}
	if !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("%s: got error %v, want %v", name, err, domain.ErrUnavailable)
	}
}

// recovered checks that soon all calls succeed again, and go on to.
func recovered(t *testing.T, db *store.DB) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); db.Ping(t.Context()) != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the database is back, but no call succeeds")
		}
	}
	for name, op := range operations {
		if err := op(t.Context(), db); err != nil {
			t.Errorf("%s after: %v", name, err)
		}
	}
}
