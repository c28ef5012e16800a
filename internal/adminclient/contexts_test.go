package adminclient

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTokensAreKeptFromOthers(t *testing.T) {
	home := t.TempDir()
	t.Setenv("XDG_CONFIG_HOME", home)
	s, err := OpenContexts()
	if err != nil {
		t.Fatal(err)
	}
	keep := func(c *Contexts) error {
		c.Named["example"] = &Context{Server: "https://login.example.com", RefreshToken: "secret"}
		return nil
	}
	if err := s.Edit(keep); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(home, "signet")
	for path, mode := range map[string]os.FileMode{s.File(): 0o600, folder: 0o700, filepath.Join(folder, "contexts.lock"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	for _, c := range []struct {
		path        string
		open, right os.FileMode
		says        string
	}{{s.File(), 0o640, 0o600, "others may read"}, {folder, 0o777, 0o700, "others may put another file"}} {
		if err := os.Chmod(c.path, c.open); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Load(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s is %v: %v", c.path, c.open, err)
		}
		if err := os.Chmod(c.path, c.right); err != nil {
			t.Fatal(err)
		}
	}

	// What a killed command left is removed by the next; a change that fails leaves nothing.
	left := filepath.Join(folder, "contexts.json.123")
	if err := os.WriteFile(left, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	if err := s.Edit(func(*Contexts) error { return refused }); !errors.Is(err, refused) {
		t.Error(err)
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 2 {
		t.Errorf("the folder has %v, %v", files, err)
	}

	// A link leads to a file that stays as it is.
	elsewhere := filepath.Join(home, "elsewhere.json")
	if err := os.Rename(s.File(), elsewhere); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, s.File()); err != nil {
		t.Fatal(err)
	}
	if stored, err := s.Load(); err != nil || stored.Named["example"] == nil {
		t.Errorf("through a link: %v, %v", stored, err)
	}
}
