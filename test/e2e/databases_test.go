package e2e

import (
	"path/filepath"
	"testing"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

// databases makes a fresh database of each kind.
var databases = map[string]func(t *testing.T) string{
	"sqlite":   newSQLiteDatabase,
	"postgres": func(t *testing.T) string { return pgtest.Database(t) },
}

// eachDatabase runs a test in a shop on each kind of database.
func eachDatabase(t *testing.T, test func(t *testing.T, s *shop)) {
	eachDatabaseWith(t, nil, test)
}

// oneDatabase is eachDatabase of one kind alone: for requests and texts, with which the database has nothing to do.
func oneDatabase(t *testing.T, kind string, test func(t *testing.T, s *shop)) {
	t.Helper()
	t.Parallel()
	i := newInstallation(t, databases[kind](t))
	i.program = released
	test(t, i.openShop())
}

// eachDatabaseWith is eachDatabase of servers with settings.
func eachDatabaseWith(t *testing.T, env []string, test func(t *testing.T, s *shop)) {
	t.Parallel()
	for name, open := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, openShop(t, open(t), env...))
		})
	}
}

func newSQLiteDatabase(t *testing.T) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "signet.db")
}
