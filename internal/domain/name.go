package domain

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckName checks the name of a client, group or role, which is in commands and tokens.
// what is the kind of name, for the error. ErrInvalid if the rule is broken.
func CheckName(what, name string) error {
	const maxSize = 64
	ok := name != "" && len(name) <= maxSize
	for i := 0; ok && i < len(name); i++ { // not a regular expression: every request has names
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		default:
			ok = i > 0 && (c == '.' || c == '_' || c == '-')
		}
	}
	if !ok {
		return fmt.Errorf("%w %s %q: use 1 to 64 letters, digits, dots, dashes or underscores, beginning with a letter or digit",
			ErrInvalid, what, name)
	}
	return nil
}

// CheckText checks free text that people read: valid UTF-8 of at most limit bytes without control characters.
// what is the kind of text, for the error. ErrInvalid if the rule is broken.
func CheckText(what, text string, limit int) error {
	if len(text) > limit {
		return fmt.Errorf("%w %s: it has %d bytes; use at most %d", ErrInvalid, what, len(text), limit)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("%w %s %q: use plain text on one line, without control characters", ErrInvalid, what, text)
	}
	return nil
}

// ClipText makes text from outside fit for the store: valid UTF-8 without NUL, at most limit bytes.
func ClipText(text string, limit int) string {
	text = strings.ReplaceAll(text, "\x00", "")
	return strings.ToValidUTF8(text[:min(len(text), limit)], "")
}
