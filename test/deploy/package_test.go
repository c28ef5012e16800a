package deploy

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/cli"
	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/test/markdown"
)

const packedAt = 1767225600 // 2026-01-01

// contents are what a package is made of: a program that does nothing, and the manual.
type contents struct{ binary, notices, manual string }

func newContents(t *testing.T) contents {
	t.Helper()
	dir := t.TempDir()
	c := contents{filepath.Join(dir, "binary"), filepath.Join(dir, "notices"), filepath.Join(dir, "manual")}
	write(t, c.binary, "#!/bin/sh\n")
	write(t, c.notices, "licences\n")
	if err := os.Mkdir(c.manual, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, page := range cli.Manual("v1.2.3", time.Unix(packedAt, 0)) {
		write(t, filepath.Join(c.manual, name), page)
	}
	return c
}

// pack makes the tarball and the Debian package of a version, in a folder.
func (c contents) pack(t *testing.T, version string) (folder string) {
	t.Helper()
	program(t, "dpkg-deb")
	folder = t.TempDir()
	pack := exec.CommandContext(t.Context(), "../../deploy/package", version, "amd64", c.binary, c.notices, c.manual, folder)
	pack.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1767225600", "TMPDIR="+t.TempDir())
	run(t, pack)
	return folder
}

// unpack returns what a folder holds by the tarball, and as if the Debian package was installed.
func unpack(t *testing.T, folder string) (tarball, installed string) {
	t.Helper()
	dir := t.TempDir()
	run(t, exec.CommandContext(t.Context(), "tar", "-C", dir, "-xzf", filepath.Join(folder, "signet-v1.2.3-linux-amd64.tar.gz")))
	installed = filepath.Join(dir, "installed")
	run(t, exec.CommandContext(t.Context(), "dpkg-deb", "-x", filepath.Join(folder, "signet_1.2.3_amd64.deb"), installed))
	return filepath.Join(dir, "signet-v1.2.3-linux-amd64"), installed
}

func run(t *testing.T, cmd *exec.Cmd) (out string) {
	t.Helper()
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, text)
	}
	return string(text)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPackages(t *testing.T) {
	packed := newContents(t)
	folder := packed.pack(t, "v1.2.3")
	tarball, installed := unpack(t, folder)
	t.Run("are the same wherever they are made", func(t *testing.T) { testReproducible(t, folder, packed.pack(t, "v1.2.3")) })
	t.Run("have versions in Debian's order", func(t *testing.T) { testVersions(t, packed) })
	t.Run("install what systemd and dpkg look for", func(t *testing.T) { testContents(t, filepath.Join(folder, "signet_1.2.3_amd64.deb")) })
	t.Run("have all that their pages link to", func(t *testing.T) { testLinks(t, tarball, filepath.Join(installed, "usr/share/doc/signet")) })
	t.Run("have a manual that shows commands as they are typed", func(t *testing.T) {
		testManual(t, packed.manual, filepath.Join(tarball, "man"), filepath.Join(installed, "usr/share/man"))
	})
}

func testReproducible(t *testing.T, one, another string) {
	for _, file := range []string{"signet-v1.2.3-linux-amd64.tar.gz", "signet_1.2.3_amd64.deb"} {
		var made [2]string
		for i, folder := range []string{one, another} {
			content, err := os.ReadFile(filepath.Join(folder, file))
			if err != nil {
				t.Fatal(err)
			}
			made[i] = string(content)
		}
		if made[0] != made[1] {
			t.Errorf("%s is not the same twice", file)
		}
	}
}

func testVersions(t *testing.T, packed contents) {
	before := "0"
	for _, version := range []struct{ of, debian string }{
		{"d5cbf4b-dirty", "0~d5cbf4b+dirty"}, // no tag is before it
		{"v1.2.3-rc1", "1.2.3~rc1"},
		{"v1.2.3", "1.2.3"},
		{"v1.2.3-4-gd5cbf4b", "1.2.3+4.gd5cbf4b"},
	} {
		if version.of != "v1.2.3" { // which is packed
			if _, err := os.Stat(filepath.Join(packed.pack(t, version.of), "signet_"+version.debian+"_amd64.deb")); err != nil {
				t.Errorf("of %s: %v", version.of, err)
			}
		}
		if before != "0" {
			run(t, exec.CommandContext(t.Context(), "dpkg", "--compare-versions", before, "lt", version.debian))
		}
		before = version.debian
	}
}

func testContents(t *testing.T, deb string) {
	for _, look := range []struct {
		option string
		want   []string
	}{
		{"--contents", []string{
			"-rwxr-xr-x root/root", "./usr/bin/signet", "./usr/lib/systemd/system/signet.service", "./usr/lib/sysusers.d/signet.conf", "./etc/signet/signet.yaml",
			"./usr/share/man/man1/signet.1.gz", "./usr/share/doc/signet/changelog.gz", "./usr/share/doc/signet/copyright", "2026-01-01 00:00",
		}},
		{"--info", []string{"Package: signet", "Version: 1.2.3", "Architecture: amd64", "postinst", "conffiles", "md5sums"}},
	} {
		out := run(t, exec.CommandContext(t.Context(), "dpkg-deb", look.option, deb))
		for _, want := range look.want {
			if !strings.Contains(out, want) {
				t.Errorf("%s has no %q:\n%s", look.option, want, out)
			}
		}
	}
	if _, err := config.Load(config.Sources{File: "../../deploy/debian/signet.yaml"}); err != nil {
		t.Errorf("the settings of the package: %v", err)
	}
}

func testLinks(t *testing.T, folders ...string) {
	for _, folder := range folders {
		pages, err := markdown.Pages(folder)
		if err != nil {
			t.Fatal(err)
		}
		if len(pages) < 10 {
			t.Errorf("%d pages are in %s", len(pages), folder)
		}
		for _, dead := range markdown.DeadLinks(pages) {
			t.Error(dead)
		}
		err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Name() == "node_modules" {
				t.Errorf("%s is packed", path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func testManual(t *testing.T, pages string, manuals ...string) {
	man := program(t, "man")
	for _, manual := range manuals {
		for page, want := range map[string][]string{
			"signet":        {"signet - A centralized OAuth 2.0", "signet client", "--data-dir DIR", "Signet v1.2.3", "2026-01-01"},
			"signet client": {"--redirect-uri URI", "signet client secret add CLIENT_ID", `signet client create shop --grant authorization_code --grant refresh_token \`, "      --redirect-uri https://shop.example/callback"},
			"signet key":    {"$(signet key list -o json | jq -r '.[0].kid')"},
			"signet serve":  {"signet serve --dev-tls", "postgres://signet@db/signet"},
		} {
			cmd := exec.CommandContext(t.Context(), man, append([]string{"-M", manual}, strings.Fields(page)...)...)
			cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANWIDTH=200", "MANPAGER=cat")
			shown := run(t, cmd)
			for _, text := range want {
				if !strings.Contains(shown, text) {
					t.Errorf("%v: there is no %q in\n%.3000s", cmd.Args, text, shown)
				}
			}
		}
	}
	all, err := filepath.Glob(pages + "/*.1")
	if err != nil || len(all) < 30 {
		t.Fatalf("%d pages: %v", len(all), err)
	}
	if said := run(t, exec.CommandContext(t.Context(), program(t, "groff"), append([]string{"-man", "-Tutf8", "-ww", "-k", "-z"}, all...)...)); said != "" {
		t.Errorf("groff warns of the manual:\n%s", said)
	}
}
