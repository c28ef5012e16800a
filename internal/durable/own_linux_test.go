package durable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/signet-auth/signet/internal/durable/durabletest"
)

// foreign is a folder of another user.
func foreign(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	if err := os.Chown(folder, 65534, 65534); err != nil && os.Geteuid() == 0 {
		t.Fatal(err)
	}
	return folder
}

func TestAFileIsWrittenThoughItsOwnerCannotBeChanged(t *testing.T) {
	for _, refusal := range []unix.Errno{unix.EPERM, unix.EINVAL} {
		folder := foreign(t)
		err := durabletest.WithoutChown(t, refusal, func() error {
			return errors.Join(
				WriteFile(filepath.Join(folder, "replaced"), []byte("old"), 0o600),
				WriteFile(filepath.Join(folder, "replaced"), []byte("new"), 0o644),
				CreateFile(filepath.Join(folder, "made"), []byte("once")))
		})
		if err != nil {
			t.Errorf("%v: %v", refusal, err)
		}
		want(t, folder, map[string]string{"replaced": "new", "made": "once"})
	}
}

func TestAnOwnerThatCannotBeChangedIsAnErrorWhereAFileIsToBelongToIt(t *testing.T) {
	file, err := os.Create(filepath.Join(foreign(t), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := durabletest.WithoutChown(t, unix.EPERM, func() error { return Own(file) }); !errors.Is(err, unix.EPERM) {
		t.Errorf("error %v, want %v", err, unix.EPERM)
	}
}

func TestADiskThatFailsWhileAnOwnerIsChangedLeavesNothing(t *testing.T) {
	folder := foreign(t)
	err := durabletest.WithoutChown(t, unix.EIO, func() error { return WriteFile(filepath.Join(folder, "file"), []byte("new"), 0o600) })
	if !errors.Is(err, unix.EIO) {
		t.Errorf("error %v, want %v", err, unix.EIO)
	}
	want(t, folder, nil)
}
