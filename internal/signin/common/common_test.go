package common

import (
	"slices"
	"strings"
	"testing"
)

func TestCommonPasswordsAreKnown(t *testing.T) {
	for password, want := range map[string]bool{
		"password": true, "12345678": true, "PASSWORD123": true, "qwertyuiop": true, "1q2w3e4r5t": true, "1234567890": true, "iloveyou": true,
		"        ": true, "aaaaaaaaaaaa": true, "AaAaAaAaAa": true,
		"correct horse battery": false, "pässwörter-é": false, "ääääääääää": true, "zyxomma-quokka": false, "": true,
	} {
		if got := Password(password); got != want {
			t.Errorf("%q: %v, want %v", password, got, want)
		}
	}
}

func TestListIsSortedAndComplete(t *testing.T) {
	if n := len(list()); n < 9_900 || n > 10_000 || !slices.IsSorted(list()) {
		t.Errorf("%d passwords, sorted: %v", n, slices.IsSorted(list()))
	}
	for _, password := range list() {
		if len(password) < 8 || password != strings.ToLower(password) {
			t.Errorf("%q is in the list", password)
		}
	}
}
