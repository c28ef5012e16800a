package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// smallDisk is a disk of 24 MiB that anybody may use, and fill.
func smallDisk(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "signet-disk-") //nolint:usetesting // a folder that PostgreSQL's user can enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(folder) })
	err = unix.Mount("signet", folder, "tmpfs", 0, "mode=0777,size=24m")
	if errors.Is(err, unix.EPERM) && os.Getenv("CI") != "true" {
		t.Skip("NOT TESTED: only root can mount a small disk")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(folder, unix.MNT_DETACH) })
	return folder
}

// fill takes what is left of a disk; free gives it back.
func fill(t *testing.T, disk string) (free func()) {
	t.Helper()
	path := filepath.Join(disk, "filler")
	f, err := os.Create(path) //nolint:gosec // in a folder of this test
	if err != nil {
		t.Fatal(err)
	}
	for block := make([]byte, 4096); err == nil; {
		_, err = f.Write(block)
	}
	_ = f.Close()
	if !errors.Is(err, unix.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFullDiskIsUnavailableLosesNothingAndIsForgottenOnceThereIsRoom(t *testing.T) {
	for name, open := range map[string]func(disk string) string{
		"sqlite":   func(disk string) string { return "sqlite:" + filepath.Join(disk, "signet.db") },
		"postgres": func(disk string) string { return pgtest.DatabaseIn(t, disk) },
	} {
		t.Run(name, func(t *testing.T) {
			disk := smallDisk(t)
			database := open(disk)
			db := storetest.Open(t, database)
			free := fill(t, disk)
			made, err := fillWithGroups(t.Context(), db)
			if !errors.Is(err, domain.ErrUnavailable) || db.Fault() == "" {
				t.Fatalf("after %d groups: %v (%q)", len(made), err, db.Fault())
			}
			for range 3 { // the same again, and none half made
				if _, err := fillWithGroups(t.Context(), db); !errors.Is(err, domain.ErrUnavailable) {
					t.Error("again:", err)
				}
			}
			free()
			recovered(t, db)
			for _, name := range made {
				if _, err := db.FindGroup(t.Context(), name); err != nil {
					t.Fatalf("%s, which was acknowledged, is lost: %v", name, err)
				}
			}
			if name == "sqlite" {
				db.Close()
				storetest.WantSound(t, database)
			}
		})
	}
}

// fillWithGroups makes groups until that fails, and says which it made.
func fillWithGroups(ctx context.Context, db *store.DB) (made []string, err error) {
	for range 100_000 {
		name := fmt.Sprint("group ", time.Now().UnixNano())
		if _, err := db.InsertGroup(ctx, domain.Group{Name: name, Description: strings.Repeat("x", 250)}); err != nil {
			return made, err
		}
		made = append(made, name)
	}
	return made, nil
}

func TestOnAReadOnlyDiskAServersDatabaseIsUnavailableUntilItIsWritable(t *testing.T) {
	disk := smallDisk(t)
	database := "sqlite:" + filepath.Join(disk, "signet.db")
	storetest.Open(t, database).Close()
	remount := func(flags uintptr) {
		t.Helper()
		if err := unix.Mount("signet", disk, "tmpfs", unix.MS_REMOUNT|flags, "mode=0777,size=24m"); err != nil {
			t.Fatal(err)
		}
	}
	remount(unix.MS_RDONLY)
	db, err := store.Open(t.Context(), database, store.Options{})
	if err == nil {
		db.Close()
		t.Fatal("it was opened")
	}
	if !errors.Is(err, domain.ErrUnavailable) {
		t.Error(err)
	}
	remount(0)
	recovered(t, storetest.Open(t, database))
}
