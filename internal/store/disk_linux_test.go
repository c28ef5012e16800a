package store_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
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
	if errors.Is(err, unix.EPERM) {
		cannot(t, "only root can mount a small disk", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(folder, unix.MNT_DETACH) })
	return folder
}

// cannot skips a test where something is not possible. In CI nothing is skipped.
func cannot(t *testing.T, why string, err error) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("not tested here, but CI=true: %s: %v", why, err)
	}
	t.Skipf("NOT TESTED: %s: %v", why, err)
}

// fill takes what is left of a disk; free gives all back.
func fill(t *testing.T, disk string) (free func()) {
	t.Helper()
	path := filepath.Join(disk, "filler")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // in a folder of this test
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
	for name, open := range map[string]func(t *testing.T, disk string) (database string, repair func()){
		"sqlite": func(_ *testing.T, disk string) (string, func()) {
			return "sqlite:" + filepath.Join(disk, "signet.db"), nil
		},
		"postgres": func(t *testing.T, disk string) (string, func()) { return pgtest.DatabaseIn(t, disk), nil },
		"postgres, its log": func(t *testing.T, disk string) (string, func()) {
			cluster := pgtest.NewWithLogIn(t, disk)
			return cluster.Database(t), func() { // it has ended, or soon does
				cluster.Crash()
				cluster.Start(t)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			disk := smallDisk(t)
			database, repair := open(t, disk)
			db := storetest.Open(t, database)
			_, err := db.InsertGroup(t.Context(), domain.Group{Name: "before"})
			if _, missing := db.FindGroup(t.Context(), "before"); err != nil || missing != nil {
				t.Fatal(err, missing)
			}
			free := fill(t, disk)
			made, err := fillWithGroups(t.Context(), db)
			if !errors.Is(err, domain.ErrUnavailable) || repair == nil && db.Fault() == "" {
				t.Fatalf("after %d groups: %v (%q)", len(made), err, db.Fault())
			}
			for range 3 { // the same again, and none half made
				if _, err := fillWithGroups(t.Context(), db); !errors.Is(err, domain.ErrUnavailable) {
					t.Error("again:", err)
				}
			}
			if repair == nil {
				fill(t, disk) // with what was let go
				if _, err := db.FindGroup(t.Context(), "before"); err != nil {
					t.Error("it cannot be read any more:", err)
				}
			}
			free()
			if repair != nil {
				repair()
			}
			recovered(t, db)
			for _, name := range made {
				if _, err := db.FindGroup(t.Context(), name); err != nil {
					t.Fatalf("%s, which was acknowledged, is lost: %v", name, err)
				}
			}
			if db.Dialect() == "sqlite" {
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

// protect lets nobody write to files, those that are open included, as if their disk were read-only: a disk that is written to does not
// become so at will. Or it lets them again.
func protect(t *testing.T, on bool, paths ...string) {
	t.Helper()
	for _, path := range paths {
		file, err := os.Open(path) //nolint:gosec // in a folder of this test
		if errors.Is(err, fs.ErrNotExist) && !on {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		flags, err := unix.IoctlGetInt(int(file.Fd()), unix.FS_IOC_GETFLAGS)
		if flags &^= fsImmutable; on {
			flags |= fsImmutable
		}
		err = errors.Join(err, unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, flags), file.Close())
		if err != nil {
			cannot(t, "only root can make a file immutable, on ext4, XFS or Btrfs", err)
		}
	}
}

// fsImmutable is FS_IMMUTABLE_FL of linux/fs.h.
const fsImmutable = 0x10

func TestADiskThatTurnsReadOnlyUnderAServerIsUnavailableUntilItIsWritable(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signet.db")
	db := storetest.OpenImpatient(t, "sqlite:"+path)
	if _, err := db.InsertGroup(t.Context(), domain.Group{Name: "before"}); err != nil {
		t.Fatal(err)
	}
	files := []string{path, path + "-wal"}
	t.Cleanup(func() { protect(t, false, files...) }) // or nobody could remove them
	protect(t, true, files...)
	unavailable := func() {
		t.Helper()
		for _, name := range []string{"change", "index", "revoke"} {
			inTime(t, name, func() error { return operations[name](t.Context(), db) })
		}
		if db.Fault() == "" {
			t.Error("it is not known that the disk fails")
		}
	}
	unavailable()
	if _, err := db.FindGroup(t.Context(), "before"); err != nil {
		t.Error("it cannot be read any more:", err)
	}
	if err := db.LoseWriter(t.Context()); !errors.Is(err, driver.ErrBadConn) {
		t.Fatal(err)
	}
	unavailable() // by a connection that was opened meanwhile
	protect(t, false, files...)
	recovered(t, db)
	if err := db.PutReplica(t.Context(), domain.Replica{ID: "it", StartedAt: time.Now(), SeenAt: time.Now()}); err != nil || db.Fault() != "" {
		t.Errorf("it still fails: %v (%q)", err, db.Fault())
	}
	if _, err := db.FindGroup(t.Context(), "before"); err != nil {
		t.Error(err)
	}
	db.Close()
	storetest.WantSound(t, "sqlite:"+path)
}
