// Package reference compares pages of docs/reference with what the code says.
package reference

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Check compares the part of a page of docs/reference between the lines "<!-- NAME -->" and "<!-- end of NAME -->" with text, which is
// Markdown. With UPDATE_REFERENCE=1 in the environment it writes it there.
func Check(t *testing.T, page, name, text string) {
	t.Helper()
	file := filepath.Join(folder(t), page)
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- end of "+name+" -->\n"
	before, rest, ok := strings.Cut(string(content), begin)
	was, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no part %q", file, begin)
	}
	text = "\n" + strings.TrimSpace(text) + "\n\n"
	switch {
	case was == text:
	case os.Getenv("UPDATE_REFERENCE") != "":
		if err := os.WriteFile(file, []byte(before+begin+text+end+after), 0o644); err != nil { //nolint:gosec // a document
			t.Fatal(err)
		}
	default:
		t.Errorf("docs/reference/%s is not what the code says: run make reference\nfirst difference: %s", page, difference(was, text))
	}
}

// folder finds docs/reference from the folder of a package.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "docs", "reference")); err == nil {
			return filepath.Join(dir, "docs", "reference")
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("there is no folder docs/reference")
		}
		dir = filepath.Dir(dir)
	}
}

// difference is the first line that is not the same.
func difference(was, is string) string {
	old, now := strings.Split(was, "\n"), strings.Split(is, "\n")
	for i := range min(len(old), len(now)) {
		if old[i] != now[i] {
			return "\n- " + old[i] + "\n+ " + now[i]
		}
	}
	return "the length"
}

// Cell is a text in a cell of a table.
func Cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}
