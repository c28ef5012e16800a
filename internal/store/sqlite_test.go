package store_test

import (
	"path/filepath"
	"testing"

	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestSQLite(t *testing.T) {
	path := func(tb testing.TB) string { return filepath.Join(tb.TempDir(), "new folder?", "a #1 %20 &name=ü.db") }
	storetest.Run(t, func(tb testing.TB) *store.DB { return storetest.SQLiteAt(tb, path(tb)) },
		func(tb testing.TB) string { return "sqlite:" + path(tb) })
}
