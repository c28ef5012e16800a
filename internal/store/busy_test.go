package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// lockedFile is a SQLite database that another connection locks again and again, each time for a while. awaitLock returns once it has.
func lockedFile(t *testing.T, held, free time.Duration) (db *store.DB, awaitLock func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "signet.db")
	db = storetest.OpenImpatient(t, "sqlite:"+path)
	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done, locked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			tx, err := other.BeginTx(context.WithoutCancel(ctx), nil)
			if err != nil {
				t.Error(err)
				return
			}
			for until := time.After(held); until != nil; {
				select {
				case locked <- struct{}{}:
				case <-until:
					until = nil
				case <-ctx.Done():
					until = nil
				}
			}
			_ = tx.Rollback()
			time.Sleep(free)
		}
	}()
	t.Cleanup(func() { stop(); <-done; _ = other.Close() })
	return db, func() { <-locked }
}

func TestSQLiteWritesGetTheirTurnBesideAProcessThatWritesNearlyAllTheTime(t *testing.T) {
	db, awaitLock := lockedFile(t, 20*time.Millisecond, 500*time.Microsecond)
	for i := range 10 {
		awaitLock()
		if _, err := db.InsertGroup(t.Context(), domain.Group{Name: fmt.Sprint(i)}); err != nil {
			t.Errorf("transaction %d: %v", i, err)
		}
		awaitLock()
		if err := db.TouchSession(t.Context(), 1, time.Now()); err != nil { // a statement on its own
			t.Errorf("statement %d: %v", i, err)
		}
	}
}

func TestSQLiteThatIsLockedAllTheTimeIsUnavailableAndTheErrorSaysWhy(t *testing.T) {
	db, awaitLock := lockedFile(t, time.Hour, 0)
	awaitLock()
	for name, write := range map[string]func() error{
		"a transaction": func() error { _, err := db.InsertGroup(t.Context(), domain.Group{Name: "a"}); return err },
		"a statement":   func() error { return db.TouchSession(t.Context(), 1, time.Now()) },
	} {
		begun := time.Now()
		err := write()
		if took := time.Since(begun); !errors.Is(err, domain.ErrLocked) || !errors.Is(err, domain.ErrUnavailable) || took < time.Second || took > 20*time.Second {
			t.Errorf("%s: %v after %v, want %v after 1.5 s", name, err, took, domain.ErrLocked)
		}
	}
	ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
	stop()
	if err := db.TouchSession(ctx, 1, time.Now()); !errors.Is(err, context.Canceled) {
		t.Error("its caller gave up:", err)
	}
}
