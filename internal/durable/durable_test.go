package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// want fails the test unless a folder has these files with these texts, and no others.
func want(t *testing.T, folder string, texts map[string]string) {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != len(texts) {
		t.Errorf("the folder has %v (%v), want %v", files, err, texts)
	}
	for name, text := range texts {
		if got, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(got) != text {
			t.Errorf("%s is %q (%v), want %q", name, got, err, text)
		}
	}
}

func TestAFileIsReplacedAsAWholeOrNotAtAll(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	for _, c := range []struct {
		text string
		mode fs.FileMode
	}{{"one", 0o600}, {"two", 0o644}, {"", 0o600}} {
		if err := WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != c.mode {
			t.Errorf("the mode is %v (%v), want %v", info.Mode(), err, c.mode)
		}
		want(t, folder, map[string]string{"file": c.text})
	}

	// What cannot be replaced stays, and nothing is left beside it.
	if err := os.MkdirAll(filepath.Join(folder, "full", "inside"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := WriteFile(filepath.Join(folder, "full"), []byte("new"), 0o600); err == nil {
		t.Error("a folder was replaced")
	}
	if files, err := filepath.Glob(filepath.Join(folder, "full.*")); err != nil || len(files) > 0 {
		t.Errorf("%v is left (%v)", files, err)
	}
	if err := WriteFile(filepath.Join(folder, "nowhere", "file"), nil, 0o600); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in no folder: %v", err)
	}
}

func TestAFileIsMadeOnlyWhereNothingHasItsName(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "file")
	if err := CreateFile(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := CreateFile(path, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v, want %v", err, fs.ErrExist)
	}
	want(t, folder, map[string]string{"file": "first"})
}

func TestAFileGetsANameThatNothingHas(t *testing.T) {
	for name, give := range map[string]struct {
		do    func(from, to string) error
		moves bool
	}{
		"by a link":              {Move, true},
		"without links":          {moveWithoutLink, true},
		"a second one":           {Keep, false},
		"a second one as a copy": {copyFile, false},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			from, to := filepath.Join(folder, "from"), filepath.Join(folder, "to")
			if err := give.do(from, to); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("of nothing: %v", err)
			}
			want(t, folder, nil)

			write(t, from, "new")
			write(t, to, "old")
			if err := give.do(from, to); !errors.Is(err, fs.ErrExist) {
				t.Errorf("over a file: %v, want %v", err, fs.ErrExist)
			}
			want(t, folder, map[string]string{"from": "new", "to": "old"})
			if err := os.Remove(to); err != nil {
				t.Fatal(err)
			}

			if err := os.Symlink("nothing", to); err != nil {
				t.Fatal(err)
			}
			if err := give.do(from, to); !errors.Is(err, fs.ErrExist) {
				t.Errorf("over a link: %v, want %v", err, fs.ErrExist)
			}
			if err := os.Remove(to); err != nil {
				t.Fatal(err)
			}

			if err := give.do(from, to); err != nil {
				t.Fatal(err)
			}
			if give.moves {
				want(t, folder, map[string]string{"to": "new"})
			} else {
				want(t, folder, map[string]string{"from": "new", "to": "new"})
			}
		})
	}
}
