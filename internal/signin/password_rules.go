package signin

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/signin/common"
)

const maxPasswordBytes = 1024 // as typed, and as prepared

// preparePassword gives the form in which a password is hashed (OpaqueString, RFC 8265 §4.2), so that it does not matter how a
// keyboard composes letters with accents. The error says what cannot be in a password.
func preparePassword(password string) (string, error) {
	if !utf8.ValidString(password) { // PRECIS would replace those bytes by U+FFFD
		return "", domain.Invalid("password", domain.RuleFormat, "password: it is not valid UTF-8; set the encoding of the terminal or file that it comes from to UTF-8")
	}
	if strings.ContainsAny(password, "\r\n") {
		return "", domain.Invalid("password", domain.RuleFormat, "password: it has more than one line, which no browser can send")
	}
	prepared, err := precis.OpaqueString.String(password)
	if err != nil {
		return "", domain.Invalid("password", domain.RuleFormat, "password: it has a control character, or one that Unicode does not assign")
	}
	return prepared, nil
}

// checkPassword holds the rules for passwords, as prepared (NIST SP 800-63B-4 §3.1.1.2): a length, none that is tried first, and
// nothing about what it is made of.
func checkPassword(password string, user domain.User, minLength int) error {
	same := func(other string) bool { return other != "" && strings.EqualFold(password, other) }
	switch {
	case utf8.RuneCountInString(password) < minLength:
		return domain.Invalid("password", domain.RuleLength, "password: use at least %d characters", minLength)
	case len(password) > maxPasswordBytes:
		return domain.Invalid("password", domain.RuleLength, "password: use at most %d bytes", maxPasswordBytes)
	case same(user.Username):
		return domain.Invalid("password", domain.RuleGuess, "password: it is the username; choose another one")
	case same(user.Email):
		return domain.Invalid("password", domain.RuleGuess, "password: it is the e-mail address; choose another one")
	case common.Password(password):
		return domain.Invalid("password", domain.RuleGuess, "password: it is one of the most common ones, which are tried first; choose another one")
	}
	return nil
}
