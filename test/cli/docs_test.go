package cli

import (
	"os"
	"path"
	"strings"
	"testing"
)

func TestContributingNamesEveryPackage(t *testing.T) {
	text, err := os.ReadFile("../../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	packages, err := os.ReadDir("../../internal")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packages {
		if name := p.Name(); !strings.Contains(string(text), "`"+name+"`") && !strings.Contains(string(text), "`"+path.Join("internal", name)+"`") {
			t.Errorf("CONTRIBUTING.md says nothing about internal/%s", name)
		}
	}
}
