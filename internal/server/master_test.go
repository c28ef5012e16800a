package server

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/config"
)

// folder is an installation on SQLite in a folder.
type folder struct {
	*testing.T
	path string
}

// open opens the services for a command, closes them again and returns the error.
func (f folder) open(flags map[string]string) error {
	f.Helper()
	settings := map[string]string{"data_dir": f.path}
	maps.Copy(settings, flags)
	cfg, err := config.Load(config.Sources{Flags: settings})
	if err != nil {
		f.Fatal(err)
	}
	s, err := Open(f.Context(), cfg, ModeManage)
	if err == nil {
		s.Close()
	}
	return err
}

// content is every file with what is in it.
func (f folder) content() map[string]string {
	f.Helper()
	content := map[string]string{}
	entries, err := os.ReadDir(f.path)
	if err != nil && !os.IsNotExist(err) {
		f.Fatal(err)
	}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(f.path, entry.Name()))
		if err != nil {
			text = []byte(err.Error())
		}
		content[entry.Name()] = string(text)
	}
	return content
}

// refuses wants an error that says something, and nothing written.
func (f folder) refuses(flags map[string]string, says ...string) {
	f.Helper()
	before := f.content()
	err := f.open(flags)
	if err == nil {
		f.Error("was opened")
		return
	}
	for _, want := range says {
		if !strings.Contains(err.Error(), want) {
			f.Errorf("%q does not say %q", err, want)
		}
	}
	after := f.content()
	for name := range after {
		if after[name] != before[name] {
			f.Error("was written:", name)
		}
	}
	if len(after) != len(before) {
		f.Errorf("%d files became %d", len(before), len(after))
	}
}

func made(t *testing.T) folder {
	f := folder{t, filepath.Join(t.TempDir(), "data")}
	if err := f.open(nil); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestLostMasterKeyIsAskedForAndNoOtherMade(t *testing.T) {
	f := made(t)
	key, aside := filepath.Join(f.path, "master.key"), filepath.Join(t.TempDir(), "aside")
	if err := os.Rename(key, aside); err != nil {
		t.Fatal(err)
	}
	f.refuses(nil, key+" is missing", "put that file back", "signet.db")
	if err := os.Rename(aside, key); err != nil {
		t.Fatal(err)
	}
	if err := f.open(nil); err != nil {
		t.Error("with the key put back:", err)
	}
}

func TestDatabaseThatWasNeverUsedGetsAMasterKey(t *testing.T) {
	f := folder{t, t.TempDir()}
	// What is left of a first start that ended early.
	if err := os.WriteFile(filepath.Join(f.path, "signet.db"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.open(nil); err != nil {
		t.Error(err)
	}
}

func TestMasterKeyFileThatWasNamedIsNeverMade(t *testing.T) {
	f := folder{t, filepath.Join(t.TempDir(), "data")}
	for _, path := range []string{filepath.Join(f.path, "master.key"), filepath.Join(t.TempDir(), "my.key")} {
		f.refuses(map[string]string{"master_key_file": path}, path+" is missing", "openssl rand -base64 32 > "+path)
		if _, err := os.Lstat(path); err == nil {
			t.Error("was made:", path)
		}
	}
	made(t).refuses(map[string]string{"master_key_file": "/nowhere/my.key"}, "/nowhere/my.key is missing")
}

func TestFilesThatOthersMayReadOrWriteAreRefused(t *testing.T) {
	for _, name := range []string{"master.key", "signet.db"} {
		for _, mode := range []fs.FileMode{0o644, 0o640, 0o620, 0o604, 0o602, 0o601, 0o666, 0o444} {
			f := made(t)
			path := filepath.Join(f.path, name)
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			f.refuses(nil, path, "chmod 600 "+path)
		}
	}
	f := made(t)
	if err := os.Chmod(filepath.Join(f.path, "master.key"), 0o400); err != nil {
		t.Fatal(err)
	}
	if err := f.open(nil); err != nil {
		t.Error("a key that is readable by its owner alone:", err)
	}
}

func TestFoldersAndDevicesAreRefusedWithoutAdviceToChangeThem(t *testing.T) {
	for path, says := range map[string]string{".": "is a folder", t.TempDir(): "is a folder", os.DevNull: "is no regular file"} {
		for _, setting := range []string{"database", "master_key_file"} {
			f, value := made(t), path
			if setting == "database" {
				value = "sqlite:" + path
			}
			f.refuses(map[string]string{setting: value}, path+" "+says)
			if err := f.open(map[string]string{setting: value}); err != nil && strings.Contains(err.Error(), "chmod") {
				t.Error(err)
			}
		}
	}
}

func TestOwnerAndModeOfAPrivateFile(t *testing.T) {
	const root, signet, other = 0, 1000, 1001
	for _, c := range []struct {
		mode        fs.FileMode
		owner, user int
		ok          bool
	}{
		{0o600, signet, signet, true}, {0o400, signet, signet, true}, {0o640, signet, signet, false}, {0o604, signet, signet, false},
		{0o600, other, signet, false}, {0o400, root, signet, true}, {0o440, root, signet, true}, {0o460, root, signet, false},
		{0o444, root, signet, false}, {0o640, root, root, false}, {0o600, signet, root, true}, {0o644, signet, root, false},
	} {
		if err := checkAccess("key", "k", c.mode, c.owner, c.user); (err == nil) != c.ok {
			t.Errorf("mode %#o of user %d, for user %d: %v", c.mode, c.owner, c.user, err)
		}
	}
}

func TestLinksToNothingAreNotFollowed(t *testing.T) {
	for _, name := range []string{"master.key", "signet.db"} {
		f := folder{t, t.TempDir()}
		target := filepath.Join(t.TempDir(), "target")
		if err := os.Symlink(target, filepath.Join(f.path, name)); err != nil {
			t.Fatal(err)
		}
		f.refuses(nil, filepath.Join(f.path, name), "link")
		f.refuses(map[string]string{"master_key_file": filepath.Join(f.path, name)}, filepath.Join(f.path, name), "link")
		if _, err := os.Lstat(target); err == nil {
			t.Error("was made through the link:", name)
		}
	}
}

func TestLinkToAPrivateFileIsFollowed(t *testing.T) {
	f := made(t)
	key, target := filepath.Join(f.path, "master.key"), filepath.Join(t.TempDir(), "target")
	if err := os.Rename(key, target); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, key); err != nil {
		t.Fatal(err)
	}
	if err := f.open(nil); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(target, 0o644); err != nil {
		t.Fatal(err)
	}
	f.refuses(nil, key, "chmod 600")
}

func TestMasterKeyOfACommand(t *testing.T) {
	f := folder{t, filepath.Join(t.TempDir(), "data")}
	key := strings.Repeat("A", 43) + "="
	t.Setenv("KEY", key)
	by := func(script string) map[string]string {
		return map[string]string{"master_key_command": "sh,-c," + script}
	}
	if err := f.open(by("echo $KEY")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(f.path, "master.key")); err == nil {
		t.Error("a file was made beside the command")
	}
	if err := f.open(by("echo $KEY; sleep 60 &")); err != nil {
		t.Error("a command that leaves something behind:", err)
	}
	for script, says := range map[string]string{
		"echo no key for you >&2; exit 3":       "exit status 3: no key for you",
		"echo ${KEY}A":                          "what it writes is none",
		"true":                                  "what it writes is none",
		"yes A | head -c 100000":                "more than 1024 bytes",
		"echo " + strings.Repeat("B", 43) + "=": "not the one that the database was made with",
		"kill -9 $$":                            "killed",
	} {
		f.refuses(by(script), says)
		if err := f.open(by(script)); err != nil && (strings.Contains(err.Error(), "AAAA") || strings.Contains(err.Error(), "BBBB")) {
			t.Errorf("the error shows what the command wrote: %v", err)
		}
	}
	f.refuses(map[string]string{"master_key_command": "/nowhere/age"}, "/nowhere/age", "no such file")
}
