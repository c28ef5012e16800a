// Package docs checks the documentation: that links lead somewhere, that every page is found, that commands are tried.
package docs

import (
	"encoding/xml"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

const (
	root  = "../.."
	index = root + "/docs/index.md"
)

// page is a file of Markdown.
type page struct {
	text    string
	links   []string // as they are written, without those to other sites
	anchors map[string]bool
}

var (
	fence   = regexp.MustCompile("(?ms)^[ \t]*```.*?^[ \t]*```[ \t]*$")
	code    = regexp.MustCompile("`[^`\n]*`")
	link    = regexp.MustCompile(`!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *#*$`)
	anchor  = regexp.MustCompile(`<a (?:id|name)="([^"]+)">`)
	block   = regexp.MustCompile("(?m)^[ \t]*```(sh|bash|shell)\\b *(.*)$")
)

// pages reads those of docs and the others that say how Signet is used, by path from here.
func pages(t *testing.T) map[string]page {
	t.Helper()
	files := []string{root + "/README.md", root + "/CONTRIBUTING.md", root + "/bench/README.md"}
	err := filepath.WalkDir(root+"/docs", func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".md" {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]page{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Clean(file)] = read(string(text))
	}
	return found
}

func read(text string) page {
	p := page{text: text, anchors: map[string]bool{}}
	prose := fence.ReplaceAllString(text, "")
	for _, m := range heading.FindAllStringSubmatch(prose, -1) {
		p.anchors[slug(m[1])] = true
	}
	for _, m := range anchor.FindAllStringSubmatch(prose, -1) {
		p.anchors[m[1]] = true
	}
	for _, m := range link.FindAllStringSubmatch(code.ReplaceAllString(prose, "`code`"), -1) {
		if target, err := url.Parse(m[1]); err != nil || target.Scheme == "" {
			p.links = append(p.links, m[1])
		}
	}
	return p
}

// slug is the anchor of a heading, as forges make it.
func slug(heading string) string {
	heading = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`).ReplaceAllString(heading, "$1")
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ' || r == '-':
			return '-'
		case r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}

func TestEveryLinkLeadsSomewhere(t *testing.T) {
	all := pages(t)
	for file, p := range all {
		for _, written := range p.links {
			path, fragment, _ := strings.Cut(written, "#")
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: the link %s: %v", file, written, err)
				continue
			}
			if to, ok := all[target]; ok && fragment != "" && !to.anchors[fragment] {
				t.Errorf("%s: the link %s: there is no such heading", file, written)
			}
		}
	}
}

func TestEveryPageIsFoundFromTheIndex(t *testing.T) {
	all := pages(t)
	seen := map[string]bool{}
	var follow func(file string)
	follow = func(file string) {
		if p, ok := all[file]; ok && !seen[file] {
			seen[file] = true
			for _, written := range p.links {
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
		if err == nil && !strings.HasPrefix(under, "..") && file != start && !strings.Contains(all[start].text, "]("+under+")") {
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
		for _, m := range block.FindAllStringSubmatch(p.text, -1) {
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
