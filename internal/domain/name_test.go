package domain

import (
	"errors"
	"strings"
	"testing"
)

func TestCheckNameRefusesWhatCommandsOrTokensCouldMisread(t *testing.T) {
	for name, ok := range map[string]bool{
		"a": true, "Clerk": true, "ops.eu-1_b": true, "9to5": true, strings.Repeat("x", 64): true,
		"": false, "-flag": false, ".hidden": false, "a b": false, "a/b": false, "a:b": false, "name\n": false, "é": false,
		strings.Repeat("x", 65): false,
	} {
		if err := CheckName("role name", name); (err == nil) != ok || (err != nil && !errors.Is(err, ErrInvalid)) {
			t.Errorf("CheckName(%q) = %v, want accepted: %t", name, err, ok)
		}
	}
}

func TestCheckTextRefusesControlsAndBrokenText(t *testing.T) {
	for text, ok := range map[string]bool{
		"": true, "Zoë’s app 🚀": true, strings.Repeat("x", 20): true,
		strings.Repeat("x", 21): false, "two\nlines": false, "bell\a": false, "esc\x1b[31m": false, "c1\u009b": false, "\xff": false,
	} {
		if err := CheckText("name", text, 20); (err == nil) != ok || (err != nil && !errors.Is(err, ErrInvalid)) {
			t.Errorf("CheckText(%q) = %v, want accepted: %t", text, err, ok)
		}
	}
}
