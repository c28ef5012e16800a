package keys

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signet-auth/signet/internal/durable"
)

func TestMasterKeyFileIsPrivateAndMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "master.key")
	var group sync.WaitGroup
	made := make([]*Master, 8)
	for i := range made {
		group.Go(func() {
			var err error
			if made[i], err = WriteMaster(path); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, m := range made {
		if m == nil || !bytes.Equal(m.key, made[0].key) {
			t.Fatal("two processes got two keys")
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode().Perm())
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAMasterKeyFileMayBeEmptyWhileAnotherProcessMakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "master.key")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := WriteMaster(path); err == nil || !strings.Contains(err.Error(), path+" is empty") {
			t.Errorf("one that stays empty: error %v", err)
		}
		want := NewMaster()
		var making sync.WaitGroup
		making.Go(func() {
			time.Sleep(emptyFor / 2)
			if err := durable.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(want.key)), 0o600); err != nil {
				t.Error(err)
			}
		})
		if got, err := WriteMaster(path); err != nil || !bytes.Equal(got.key, want.key) {
			t.Errorf("one that gets its text: %v, error %v", got, err)
		}
		making.Wait()
	})
}

func TestSealedValueOpensOnlyUnderItsOwnName(t *testing.T) {
	m := NewMaster()
	sealed := m.Seal("kid-1", []byte("private"))
	if bytes.Contains(sealed, []byte("private")) {
		t.Fatal("not sealed")
	}
	if plain, err := m.Open("kid-1", sealed); err != nil || string(plain) != "private" {
		t.Errorf("open: %q, %v", plain, err)
	}
	if _, err := m.Open("kid-2", sealed); err == nil {
		t.Error("opens under another name")
	}
	if _, err := NewMaster().Open("kid-1", sealed); err == nil {
		t.Error("opens with another master key")
	}
}

func TestParseMasterRefusesWhatIsNot32Bytes(t *testing.T) {
	for _, text := range []string{"", "short", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "not base64!"} {
		if _, err := ParseMaster(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
