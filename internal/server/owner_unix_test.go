//go:build unix

package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/config"
)

func TestWhatRootMakesBelongsToTheOwnerOfTheFolder(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("run it as root")
		}
		t.Skip("NOT TESTED: only root can make files of others")
	}
	const other = 65534
	f := folder{t, t.TempDir()}
	check(t, os.Chown(f.path, other, other))
	owned := func(after string) {
		t.Helper()
		for name := range f.content() {
			info, err := os.Stat(filepath.Join(f.path, name))
			check(t, err)
			if owner, _ := ownerOf(info); owner != other {
				t.Errorf("%s: %s belongs to user %d, want %d", after, name, owner, other)
			}
		}
	}
	check(t, f.open(nil))
	owned("after a command")

	cfg, err := config.Load(config.Sources{Flags: map[string]string{"data_dir": f.path}})
	check(t, err)
	backup := filepath.Join(t.TempDir(), "backup.db")
	_, err = BackUp(t.Context(), cfg, backup)
	check(t, err)
	_, err = Restore(t.Context(), cfg, backup, true)
	check(t, err)
	owned("after a restore")
}

func TestADatabaseOfAnotherUserIsRefusedWithWhatToDo(t *testing.T) {
	for _, user := range []struct{ owner, process int }{{1000, 1000}, {1000, 0}, {0, 0}} {
		if err := checkOwner("signet.db", user.owner, user.process); err != nil {
			t.Errorf("%+v: %v", user, err)
		}
	}
	if err := checkOwner("signet.db", 0, 1000); err == nil || !strings.Contains(err.Error(), "chown 1000 signet.db") {
		t.Errorf("root's, for user 1000: error %v", err)
	}
}
