package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store/pgtest"
)

func TestWhatAPoolerHidesIsNoticed(t *testing.T) {
	direct := pgtest.Database(t)
	pgtest.SetInDatabase(t, direct, "search_path", "signet")
	db, err := Open(t.Context(), pgtest.Pooler(t, direct), patient)
	ok(t, err)
	defer db.Close()
	p, before := db.dialect.(*postgres), db.History()
	ok(t, p.pool.Ping(t.Context()))
	p.primary.mu.Lock()
	p.primary.system = "another" // as if the pooler led to the server before
	p.primary.mu.Unlock()
	ok(t, db.CompareServers(t.Context()))
	if db.History() == before {
		t.Error("the pooler leads to another server, and nobody knows")
	}

	p.pooled = false // as if it was not there when this process began
	p.pool.Reset()
	if err := db.Ping(t.Context()); !errors.Is(err, domain.ErrUnavailable) || !strings.Contains(err.Error(), errPoolerCame.Error()) {
		t.Errorf("error %v, want %v", err, errPoolerCame)
	}
}
