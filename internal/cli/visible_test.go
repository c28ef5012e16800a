package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestTextIsMeasuredAsATerminalShowsIt(t *testing.T) {
	for text, cells := range map[string]int{
		"": 0, "alice": 5, "日本語": 6, "ｗｉｄｅ": 8, "한국어": 6, "e\u0301": 1, "नमस्ते": 4, "👍": 2, "\u2764\ufe0f": 2, "\u2764": 1, "🇩🇪": 2, "שלום": 4, "a\u200db": 2,
	} {
		if got := displayWidth(text); got != cells {
			t.Errorf("%q takes %d cells, not %d", text, got, cells)
		}
	}
	for text, want := range map[string]string{
		"alice": "alice", "alice b": "alic…", "日本語": "日本…", "a日本語": "a日…", "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301": "e\u0301e\u0301e\u0301e\u0301…", "abc def": "abc…",
	} {
		if got := shorten(text, 5); got != want {
			t.Errorf("%q is shortened to %q, not %q", text, got, want)
		}
	}
}

func TestNothingThatIsShownSteersTheTerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		shown := visible(text)
		if !utf8.ValidString(shown) || strings.ContainsFunc(shown, steers) {
			t.Fatalf("%q is shown as %q", text, shown)
		}
		cells := rapid.IntRange(1, 30).Draw(t, "cells")
		if short := shorten(shown, cells); displayWidth(short) > cells || short != shown && displayWidth(shown) <= cells {
			t.Fatalf("%q is shortened to %q, of %d cells", shown, short, displayWidth(short))
		}
		var out bytes.Buffer
		w := &visibleWriter{Writer: &out}
		valid := strings.ToValidUTF8(text, "")
		for part := range slices.Chunk([]byte(valid), 2) {
			if _, err := w.Write(part); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := out.String(), visibleBut(valid, "\n\t"); got != want {
			t.Fatalf("in parts, %q is shown as %q, not %q", valid, got, want)
		}
	})
	if got, want := visible("a\nb\t\x1b[2J\u202ecod.exe\xff\u0085"), `a\nb\t\x1b[2J\u202ecod.exe\xff\u0085`; got != want {
		t.Errorf("got %q, not %q", got, want)
	}
}

func TestARowFitsIntoALineAndKeepsItsName(t *testing.T) {
	columns := []string{"JTI", "SUBJECT", "AUDIENCE", "ISSUED"}
	row := []any{"AZk2yFLxQmWn0p3sVb7hTQ", strings.Repeat("日", 100), "https://orders.example", "2026-11-29T10:00:00Z"}
	for width := 3; width < 130; width++ {
		var out bytes.Buffer
		p := newPage(&out, width)
		writeTable(p, columns, [][]any{row, {"", "", "", ""}})
		must(0, p.Flush())(t)
		for line := range strings.Lines(out.String()) {
			if cells := displayWidth(strings.TrimSuffix(line, "\n")); cells > width {
				t.Errorf("a line of %d cells in a terminal of %d: %q", cells, width, line)
			}
		}
		if width >= 22+3*(columnGap+narrowest) && !strings.Contains(out.String(), row[0].(string)) {
			t.Errorf("the name does not stay in a terminal of %d:\n%s", width, &out)
		}
	}
	var out bytes.Buffer
	writeTable(&out, columns, [][]any{row})
	if !strings.Contains(out.String(), row[1].(string)) || !strings.Contains(out.String(), "2026-11-29T10:00:00Z\n") {
		t.Errorf("shortened where there is no terminal:\n%s", &out)
	}
}
