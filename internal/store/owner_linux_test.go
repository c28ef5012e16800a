package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/durable/durabletest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestADatabaseInAFolderOfAnotherUserIsUsedThoughItsOwnerCannotBeChanged(t *testing.T) {
	folder := t.TempDir()
	if err := os.Chown(folder, 65534, 65534); err != nil && os.Geteuid() == 0 {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "signet.db")
	open := func() error {
		db, err := store.Open(t.Context(), "sqlite:"+path, store.Options{})
		if err != nil {
			return err
		}
		defer db.Close()
		return errors.Join(db.Migrate(t.Context()), db.Recognize(t.Context(), time.Now()))
	}
	if err := durabletest.WithoutChown(t, unix.EIO, open); !errors.Is(err, domain.ErrUnavailable) {
		t.Errorf("a disk that fails: error %v", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("a disk that fails leaves %v (%v)", left, err)
	}
	if err := durabletest.WithoutChown(t, unix.EPERM, open); err != nil {
		t.Error(err)
	}

	// An operator who restores it has to know whose it is.
	backup := filepath.Join(t.TempDir(), "backup.db")
	if _, err := storetest.SQLite(t).Backup(t.Context(), backup, time.Now()); err != nil {
		t.Fatal(err)
	}
	restored, err := store.CopyBackup(t.Context(), backup, path, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = restored.Discard() }()
	if err := durabletest.WithoutChown(t, unix.EPERM, func() error {
		_, err := restored.Replace(t.Context(), time.Now())
		return err
	}); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("a restore: error %v", err)
	}
}
