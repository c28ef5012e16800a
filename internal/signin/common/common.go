// Package common lists the passwords that are guessed first.
package common

import (
	_ "embed" // the list
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

//go:generate go run generate.go

//go:embed passwords.txt
var text string

var list = sync.OnceValue(func() []string { return strings.Fields(text) })

// Password says whether a password is among the 10,000 most common ones of 8 characters or more, in whatever case, or one character
// over and over.
func Password(password string) bool {
	password = strings.ToLower(password)
	_, found := slices.BinarySearch(list(), password)
	_, size := utf8.DecodeRuneInString(password)
	return found || strings.ReplaceAll(password, password[:size], "") == ""
}
