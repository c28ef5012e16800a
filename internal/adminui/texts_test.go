package adminui

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/signet-auth/signet/web"
)

// said finds the keys of texts that templates and this package name.
var said = regexp.MustCompile(`(?:\btext |\.text\()"([a-z_.]*[a-z])"`)

// shouted are names of members that the standards write in small letters.
var shouted = regexp.MustCompile(`\b(KID|JTI)\b`)

func TestEveryTextThatIsNamedExists(t *testing.T) {
	content, err := web.FS.ReadFile("texts/en.json")
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]string
	if err := json.Unmarshal(content, &texts); err != nil {
		t.Fatal(err)
	}
	for key, text := range texts {
		if wrong := shouted.FindString(text); wrong != "" {
			t.Errorf("%s says %s, which tokens and keys have in small letters", key, wrong)
		}
	}
	templates, err := fs.Glob(web.FS, "templates/admin/*.html")
	if err != nil {
		t.Fatal(err)
	}
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	named := 0
	check := func(file string, content []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range said.FindAllStringSubmatch(string(content), -1) {
			named++
			if _, ok := texts[key[1]]; !ok {
				t.Errorf("%s says %q, which is no text", file, key[1])
			}
		}
	}
	for _, file := range templates {
		content, err := web.FS.ReadFile(file)
		check(file, content, err)
	}
	for _, file := range sources {
		content, err := os.ReadFile(file)
		check(file, content, err)
	}
	if named < len(templates) {
		t.Errorf("%d texts are named in %d templates", named, len(templates))
	}
}
