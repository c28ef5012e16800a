package store_test

import (
	"context"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// listen listens until the test ends, and waits until it does. awake waits for the next wake.
func listen(t *testing.T, db *store.DB) (awake func(why string)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	wakes, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		db.Listen(ctx, func() {
			select {
			case wakes <- struct{}{}:
			default:
			}
		})
		close(ended)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	awake = func(why string) {
		t.Helper()
		select {
		case <-wakes:
		case <-time.After(20 * time.Second):
			t.Fatalf("nobody was woken %s", why)
		}
	}
	awake("at the start")
	return awake
}

func TestReplicasAreWokenByNews(t *testing.T) {
	for name, url := range map[string]string{"sqlite": "sqlite:" + t.TempDir() + "/signet.db", "postgres": pgtest.Database(t)} {
		t.Run(name, func(t *testing.T) {
			listener, db := storetest.Open(t, url), storetest.Open(t, url)
			expires := time.Now().Add(time.Hour)
			token := domain.IssuedToken{
				ID: domain.TokenID{1}, Kind: domain.TokenAccess, ExpiresAt: expires, Status: domain.StatusRef{List: 1, Index: 1},
			}
			if _, err := db.InsertIssuedTokens(t.Context(), []domain.IssuedToken{token}, []int64{1 << 40}); err != nil {
				t.Fatal(err)
			}
			awake := listen(t, listener)
			if _, err := db.InsertGroup(t.Context(), domain.Group{Name: "ops"}); err != nil {
				t.Fatal(err)
			}
			awake("by a change")
			if _, err := db.RevokeTokens(t.Context(), time.Now(), domain.TokenRef{ID: token.ID, ExpiresAt: expires}); err != nil {
				t.Fatal(err)
			}
			awake("by a revocation")
		})
	}
}

func TestAListenerThatLostItsConnectionIsWokenAndListensOn(t *testing.T) {
	url := pgtest.Database(t)
	db, conn := storetest.Open(t, url), connect(t, url)
	awake := listen(t, db)
	if n := count(t, conn, `SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query = 'LISTEN signet'`); n != 1 {
		t.Fatalf("%d connections listen, want 1", n)
	}
	awake("after it connected again")
	if _, err := db.InsertGroup(t.Context(), domain.Group{Name: "ops"}); err != nil {
		t.Fatal(err)
	}
	awake("by a change")
}
