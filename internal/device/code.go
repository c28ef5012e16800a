package device

import (
	"crypto/rand"
	"strings"
	"unicode"
)

// alphabet of user codes: without vowels there are no words in them (RFC 8628 §6.1).
const alphabet = "BCDFGHJKLMNPQRSTVWXZ"

const userCodeLength = 8

// newUserCode makes one of 20^8 codes, all as likely.
func newUserCode() string {
	var code []byte
	var random [32]byte
	for len(code) < userCodeLength {
		rand.Read(random[:]) // never fails
		for _, b := range random {
			if int(b) < 256/len(alphabet)*len(alphabet) && len(code) < userCodeLength {
				code = append(code, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(code[:4]) + "-" + string(code[4:])
}

// ParseUserCode reads a user code as a person types it, in letters of either case and with whatever between them, and returns it as the
// device shows it. Not ok if no device shows such a code.
func ParseUserCode(typed string) (code string, ok bool) {
	var letters []rune
	for _, r := range typed {
		switch r = unicode.ToUpper(r); {
		case strings.ContainsRune(alphabet, r):
			letters = append(letters, r)
		case unicode.IsLetter(r) || unicode.IsNumber(r) || !unicode.IsPrint(r) && !unicode.IsSpace(r):
			return "", false
		}
		if len(letters) > userCodeLength {
			return "", false
		}
	}
	if len(letters) != userCodeLength {
		return "", false
	}
	return string(letters[:4]) + "-" + string(letters[4:]), true
}
