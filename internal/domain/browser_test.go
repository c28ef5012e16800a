package domain_test

import (
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
)

func TestABrowserIsCalledWhatPeopleCallIt(t *testing.T) {
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                                                                  "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0":           "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1": "Safari on iPhone",
		"Lynx":                    "Lynx",
		"":                        "",
		strings.Repeat("é", 1000): strings.Repeat("é", 30),
	} {
		if got := domain.BrowserName(agent); got != want {
			t.Errorf("%.40q is called %q, want %q", agent, got, want)
		}
	}
}
