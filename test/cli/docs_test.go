package cli

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
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

func TestTheDocumentOfClientsNamesEveryOneThatIsTested(t *testing.T) {
	const document = "../../docs/clients.md"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, pattern := range []string{"*.js", "*.html", "*.py", "*.sh", "*.conf", "*/main.go"} {
		found, err := filepath.Glob(filepath.Join("../interop", pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		if link := "(../test/interop/" + strings.TrimPrefix(file, "../interop/") + ")"; !strings.Contains(string(text), link) {
			t.Errorf("docs/clients.md has no link %s", link)
		}
	}
	for _, match := range regexp.MustCompile(`\((\.\./test/[^)]+)\)`).FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(filepath.Join(filepath.Dir(document), match[1])); err != nil {
			t.Errorf("docs/clients.md has a link to nothing: %v", err)
		}
	}
}
