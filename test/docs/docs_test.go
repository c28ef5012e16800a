// Package docs checks the documentation: that links lead somewhere, that every page is found, that commands are tried.
package docs

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/signet-auth/signet/test/markdown"
)

const (
	root  = "../.."
	index = root + "/docs/index.md"
)

var block = regexp.MustCompile("(?m)^[ \t]*```(sh|bash|shell|console)\\b *(.*)$")

func pages(t *testing.T) map[string]markdown.Page {
	t.Helper()
	all, err := markdown.Pages(root)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	for _, dead := range markdown.DeadLinks(pages(t)) {
		t.Error(dead)
	}
}

func TestEveryPageIsFoundFromTheIndex(t *testing.T) {
	all := pages(t)
	seen := map[string]bool{}
	var follow func(file string)
	follow = func(file string) {
		if p, ok := all[file]; ok && !seen[file] {
			seen[file] = true
			for _, written := range p.Links {
				path, _, _ := strings.Cut(written, "#")
				follow(filepath.Join(filepath.Dir(file), path))
			}
		}
	}
	start := filepath.Clean(index)
	follow(start)
	for file := range all {
		if !seen[file] {
			t.Errorf("no link leads from the index to %s", file)
		}
		under, err := filepath.Rel(root+"/docs", file)
		if err == nil && !strings.HasPrefix(under, "..") && file != start && !strings.Contains(all[start].Text, "]("+under+")") {
			t.Errorf("docs/index.md does not list %s", under)
		}
	}
}

// A block that is tested is on a page that one of the tests names which run them.
func TestEveryShellBlockIsTriedOrSaysThatItIsNot(t *testing.T) {
	var tests strings.Builder
	for _, file := range []string{"../e2e/readme_test.go", "../cli/docs_test.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(text)
	}
	for file, p := range pages(t) {
		for _, m := range block.FindAllStringSubmatch(p.Text, -1) {
			switch {
			case m[1] == "sh" && m[2] == "not-run":
			case m[1] != "sh" || m[2] != "tested":
				t.Errorf("%s: a block begins %q: write sh tested, or sh not-run", file, m[0])
			case !strings.Contains(tests.String(), strings.TrimPrefix(file, "../../")):
				t.Errorf("%s has blocks that are to be tested, and no test runs them: add it to test/e2e/readme_test.go", file)
			}
		}
	}
}

func TestPicturesAreSmallAndFollowTheReadersTheme(t *testing.T) {
	files, err := filepath.Glob(root + "/docs/*/*.svg")
	if err != nil || len(files) < 2 {
		t.Fatalf("pictures: %v %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		decoder := xml.NewDecoder(strings.NewReader(string(text)))
		for err == nil {
			_, err = decoder.Token()
		}
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", file, err)
		}
		for _, want := range []string{"prefers-color-scheme: dark", "<title", "viewBox"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s has no %s", file, want)
			}
		}
		if strings.Contains(string(text), "<script") || len(text) > 16<<10 {
			t.Errorf("%s has %d bytes, or a script", file, len(text))
		}
	}
}
