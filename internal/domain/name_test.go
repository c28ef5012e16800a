package domain

import (
	"errors"
	"strings"
	"testing"
)

func TestNamesAreTakenAsOtherSystemsHaveThemButNotWhatCouldBeMisread(t *testing.T) {
	for name, as := range map[string]struct{ name, clientID bool }{
		"clerk":                          {true, true},
		"orders-svc.v2_1":                {true, true},
		"Sales Team":                     {true, true},
		"/org/sales/emea":                {true, true},
		"cn=admins,ou=groups,dc=example": {true, true},
		"urn:example:app":                {true, true},
		"https://app.example/client":     {true, true},
		"0oa1@apps.example":              {true, true},
		"Vertrieb Süd":                   {true, false},
		"営業":                             {true, false},
		"été":                            {true, false},
		strings.Repeat("x", 255):         {true, true},
		"":                               {},
		".":                              {},
		"..":                             {},
		"-x":                             {},
		"--all":                          {},
		" x":                             {},
		"x ":                             {},
		strings.Repeat("x", 256):         {},
		"a\nb":                           {},
		"a\x00b":                         {},
		"a\x7fb":                         {},
		"a\tb":                           {},
		"\xff":                           {},
		"admin\u200b":                    {}, // zero width
		"\u202enimda":                    {}, // written from right to left
		"no\u00a0break":                  {},
		"\u2028":                         {},
	} {
		err := CheckName("name", "role name", name)
		if (err == nil) != as.name || (err != nil && !errors.Is(err, ErrInvalid)) {
			t.Errorf("CheckName(%q) = %v, want accepted: %t", name, err, as.name)
		}
		err = CheckClientID(name)
		if (err == nil) != as.clientID || (err != nil && !errors.Is(err, ErrInvalid)) {
			t.Errorf("CheckClientID(%q) = %v, want accepted: %t", name, err, as.clientID)
		}
	}
}

func TestCheckTextRefusesControlsAndBrokenText(t *testing.T) {
	for text, ok := range map[string]bool{
		"": true, "Zoë’s app 🚀": true, strings.Repeat("x", 20): true,
		strings.Repeat("x", 21): false, "two\nlines": false, "bell\a": false, "esc\x1b[31m": false, "c1\u009b": false, "\xff": false,
		"\u202eevil": false, "a\u2066b": false, "a\u200fb": false, "a\u2028b": false, "שלום": true, "👩\u200d🚀": true,
	} {
		if err := CheckText("name", "name", text, 20); (err == nil) != ok || (err != nil && !errors.Is(err, ErrInvalid)) {
			t.Errorf("CheckText(%q) = %v, want accepted: %t", text, err, ok)
		}
	}
}
