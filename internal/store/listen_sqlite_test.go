package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

func TestSQLiteWakesItsOwnProcessWithoutLookingAtTheFile(t *testing.T) {
	db, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "signet.db"), patient)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	db.dialect.(*embedded).polled = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	wakes, ended := make(chan struct{}, 100), make(chan struct{})
	go func() {
		db.Listen(ctx, func() { wakes <- struct{}{} })
		close(ended)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	<-wakes // at the start
	if _, err := db.InsertGroup(t.Context(), domain.Group{Name: "ops"}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-wakes:
	case <-time.After(20 * time.Second):
		t.Error("nobody was woken by a change")
	}
	token := domain.IssuedToken{
		ID: domain.TokenID{1}, Kind: domain.TokenAccess, ExpiresAt: time.Now().Add(time.Hour), Status: domain.StatusRef{List: 1, Index: 1},
	}
	if _, err := db.InsertIssuedTokens(t.Context(), []domain.IssuedToken{token}, []int64{1 << 40}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.RevokeTokens(t.Context(), time.Now(), domain.TokenRef{ID: token.ID, ExpiresAt: token.ExpiresAt}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-wakes:
	case <-time.After(20 * time.Second):
		t.Error("nobody was woken by a revocation")
	}
}
