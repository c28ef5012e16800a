package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestOnlyTheOwnerCanReadANewSQLiteDatabase(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	db := storetest.Open(t, "sqlite:"+filepath.Join(dir, "signet.db"))
	if err := db.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := map[string]fs.FileMode{
		".": 0o700, "signet.db": 0o600, "signet.db-wal": 0o600, "signet.db-shm": 0o600, "signet.db.lock": 0o600,
	}
	for name, mode := range want {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %o, want %o", name, info.Mode().Perm(), mode)
		}
	}
}

func TestOpenRefusesWhatIsNoDatabase(t *testing.T) {
	for _, url := range []string{"", "signet.db", "mysql://x", "sqlite:", "postgres://[", "sqlite:/dev/null/x.db"} {
		if db, err := store.Open(t.Context(), url, store.Options{}); err == nil {
			db.Close()
			t.Errorf("%q was opened", url)
		}
	}
}

func TestAFileThatCannotBeUsedHasACause(t *testing.T) {
	damaged, folder := filepath.Join(t.TempDir(), "damaged.db"), t.TempDir()
	if err := os.WriteFile(damaged, []byte("This is no database."), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, cause := range map[string]store.Cause{damaged: store.Damaged, folder: store.Unopened} {
		db, err := store.Open(t.Context(), "sqlite:"+path, store.Options{})
		if err == nil {
			db.Close()
		}
		if !errors.Is(err, domain.ErrUnavailable) || !errors.Is(err, cause) || store.Advice(err) == "" {
			t.Errorf("%s: error %v, want %q and an advice", path, err, cause)
		}
	}
}
