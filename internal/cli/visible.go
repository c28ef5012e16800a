package cli

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
	"golang.org/x/text/width"
)

// terminal is the size in cells of the terminal that w is; COLUMNS says another width. ok is false where it is none, and the width is 0
// where the terminal does not know it.
func terminal(w io.Writer) (columns, lines int, ok bool) {
	file, isFile := w.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		return 0, 0, false
	}
	columns, lines, err := term.GetSize(int(file.Fd()))
	if stated, wrong := strconv.Atoi(os.Getenv("COLUMNS")); wrong == nil {
		columns = stated
	}
	if err != nil || columns < minTerminal {
		columns = 0
	}
	return columns, lines, true
}

// steers reports whether a character does something else than stand where it is written.
func steers(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control)
}

// visible is a text in one line that does nothing to a terminal: what would is written as \n or \u202e.
func visible(text string) string { return visibleBut(text, "") }

// visibleBut is visible for all but some characters.
func visibleBut(text, but string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, steers) {
		return text
	}
	var shown strings.Builder
	for i, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(r)):
			fmt.Fprintf(&shown, `\x%02x`, text[i])
		case steers(r) && !strings.ContainsRune(but, r):
			shown.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		default:
			shown.WriteRune(r)
		}
	}
	return shown.String()
}

// visibleWriter lets nothing that is written steer a terminal, but for the ends of lines and tabs.
type visibleWriter struct {
	io.Writer
	cut []byte // the beginning of a character
}

// Write implements io.Writer.
func (w *visibleWriter) Write(text []byte) (int, error) {
	whole := append(w.cut, text...)
	end := len(whole)
	for back := 1; back < utf8.UTFMax && back <= end; back++ {
		if utf8.RuneStart(whole[end-back]) {
			if !utf8.FullRune(whole[end-back:]) {
				end -= back
			}
			break
		}
	}
	w.cut = append([]byte(nil), whole[end:]...)
	_, err := io.WriteString(w.Writer, visibleBut(string(whole[:end]), "\n\t"))
	return len(text), err
}

// displayWidth is how many cells of a terminal a text takes. Of emoji that are joined into one it counts each, so it may count too many.
func displayWidth(text string) (cells int) {
	before := 0
	for _, r := range text {
		before = runeWidth(r, before)
		cells += before
	}
	return cells
}

const emojiPresentation = '\uFE0F' // makes the character before it a wide one

// runeWidth is how many cells a character adds to one that took so many.
func runeWidth(r rune, before int) int {
	switch {
	case r == emojiPresentation && before == 1:
		return 1
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// shorten is the beginning of a text, with an ellipsis, where it takes more than some cells.
func shorten(text string, cells int) string {
	if clip(text, cells) == text {
		return text
	}
	return strings.TrimRight(clip(text, cells-1), " \u200d") + ellipsis
}

// clip is as much of the beginning of a text as takes so many cells.
func clip(text string, cells int) string {
	before := 0
	for i, r := range text {
		before = runeWidth(r, before)
		if cells -= before; cells < 0 {
			return text[:i]
		}
	}
	return text
}
