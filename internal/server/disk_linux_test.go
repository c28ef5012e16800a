package server

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
)

// smallDisk is a folder with room for so many bytes.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	folder := t.TempDir()
	err := unix.Mount("signet", folder, "tmpfs", 0, "mode=0700,size="+size)
	if errors.Is(err, unix.EPERM) && os.Getenv("CI") != "true" {
		t.Skip("NOT TESTED: only root can mount a small disk")
	}
	if err != nil {
		t.Fatal("mount a small disk, as root: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(folder, unix.MNT_DETACH) })
	return folder
}

// fill writes to a file until so many bytes are left on its disk.
func fill(t *testing.T, path string, left uint64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	check(t, err)
	defer f.Close()
	block := make([]byte, 4096)
	for {
		var stat unix.Statfs_t
		check(t, unix.Statfs(filepath.Dir(path), &stat))
		if stat.Bavail*uint64(stat.Bsize) <= left {
			return
		}
		_, err := f.Write(block)
		check(t, err)
	}
}

func TestAServerWhoseDiskIsFullIsNotReadyUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	folder := smallDisk(t, "16m")
	a := openAsked(t, map[string]string{"data_dir": folder})
	a.await("", "")
	filler := filepath.Join(folder, "filler")
	fill(t, filler, leastSpace-4096)
	a.await("disk", "less than 4 MiB are left")
	fill(t, filler, 0)
	for n := 0; a.DB.Fault() == ""; n++ { // the log of changes has some room of its own
		_, err := a.Directory.CreateGroup(eventtest.Context(t), domain.Group{Name: time.Now().Format(time.RFC3339Nano)})
		if err != nil && !errors.Is(err, domain.ErrUnavailable) || n > 100_000 {
			t.Fatal(err)
		}
	}
	a.await("database", "the database stores nothing: there is no room left on its disk")
	check(t, os.Remove(filler))
	check(t, a.Statistics.Beat(t.Context()))
	a.await("", "")
}
