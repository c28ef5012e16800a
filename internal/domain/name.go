package domain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxNameBytes = 255

// CheckName checks the name of a group or role: text for people, as other systems have it, which is in commands and tokens.
// field and what are the field that has it, and the kind of name, for the error. ErrInvalid if the rule is broken.
func CheckName(field, what, name string) error {
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) } // nor another space than " "
	if !plain(name) || !utf8.ValidString(name) || strings.ContainsFunc(name, unprintable) {
		return Invalid(field, RuleFormat, "%s %q: use 1 to %d bytes of letters, digits, signs and spaces within, not beginning with a dash, and not one or two dots alone", what, name, maxNameBytes)
	}
	return nil
}

// CheckClientID checks a client_id (RFC 6749 §2.2, Appendix A.1). ErrInvalid if the rule is broken.
func CheckClientID(id string) error {
	ok := plain(id)
	for i := 0; ok && i < len(id); i++ { // every request has one
		ok = id[i] >= ' ' && id[i] <= '~'
	}
	if !ok {
		return Invalid("client_id", RuleFormat, "client_id %q: use 1 to %d printable ASCII characters, not beginning with a dash, without spaces at its ends, and not one or two dots alone", id, maxNameBytes)
	}
	return nil
}

// plain reports whether a name can be told from nothing, from a flag, from one with spaces around it, and from a step in a URL's path.
func plain(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= maxNameBytes && name[0] != '-' && name[0] != ' ' && name[len(name)-1] != ' '
}

const maxReason = 200 // bytes

// CheckReason checks why somebody disables a user or client; empty: they do not say. ErrInvalid if it breaks the rule of CheckText.
func CheckReason(reason string) error { return CheckText("reason", "reason", reason, maxReason) }

// CheckText checks free text that people read: valid UTF-8 of at most limit bytes without control characters, also those that change
// the direction of the text around them, by which a name could make a page say something else (Unicode Standard Annex 9).
// field and what are the field that has it, and the kind of text, for the error. ErrInvalid if the rule is broken.
func CheckText(field, what, text string, limit int) error {
	if len(text) > limit {
		return Invalid(field, RuleLength, "%s: it has %d bytes; use at most %d", what, len(text), limit)
	}
	control := func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) }
	if !utf8.ValidString(text) || strings.ContainsFunc(text, control) {
		return Invalid(field, RuleFormat, "%s %q: use plain text on one line, without control characters", what, text)
	}
	return nil
}

// ClipText makes text from outside fit for the store: valid UTF-8 without NUL, at most limit bytes.
func ClipText(text string, limit int) string {
	text = strings.ReplaceAll(text, "\x00", "")
	return strings.ToValidUTF8(text[:min(len(text), limit)], "")
}
