package cli

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/cli"
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

// The commands of the document run, and what it calls an object is one.
func TestTheDocumentOfFilesAsCodeIsRight(t *testing.T) {
	text, err := os.ReadFile("../../docs/tasks/files-as-code.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```(sh tested|yaml)\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 2 {
		t.Fatalf("there are %d blocks", len(blocks))
	}
	folder := t.TempDir()
	sample, err := os.ReadFile(sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"config/sample.yaml": string(sample), "client.yaml": blocks[1][2], "secrets/reporting": "battery staple horse"} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(folder)
	t.Setenv("SIGNET_DATABASE_URL", "sqlite:"+filepath.Join(folder, "signet.db"))
	t.Setenv("SIGNET_MASTER_KEY", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
	t.Setenv("REPORTING_SECRET", "correct horse battery")
	for line := range strings.Lines(blocks[0][2] + "signet apply -f client.yaml --take-over") {
		command, _, _ := strings.Cut(strings.TrimSpace(line), "#")
		command, _, _ = strings.Cut(command, ">")
		args := strings.Fields(command)[1:]
		if strings.Contains(line, "--set shop") {
			args = append(args, "--take-over")
		}
		var out, problems strings.Builder
		want := 0
		if slices.Contains(args, "--dry-run") {
			want = 2
		}
		if code := cli.Main(t.Context(), args, strings.NewReader(""), &out, &problems); code != want || out.Len() == 0 {
			t.Errorf("%s: exit code %d, want %d: %s", command, code, want, problems.String())
		}
	}
}

func TestTheDocumentOfClientsNamesEveryOneThatIsTested(t *testing.T) {
	const document = "../../docs/tasks/clients.md"
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
		if link := "(../../test/interop/" + strings.TrimPrefix(file, "../interop/") + ")"; !strings.Contains(string(text), link) {
			t.Errorf("docs/tasks/clients.md has no link %s", link)
		}
	}
	for _, match := range regexp.MustCompile(`\((\.\./\.\./test/[^)]+)\)`).FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(filepath.Join(filepath.Dir(document), match[1])); err != nil {
			t.Errorf("docs/tasks/clients.md has a link to nothing: %v", err)
		}
	}
}

func TestTheDocumentOfServicesHasALinkToEveryExample(t *testing.T) {
	text, err := os.ReadFile("../../docs/tasks/services.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*/main.go", "*/*.js", "*/*.py"} {
		files, err := filepath.Glob(filepath.Join("../../examples", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("no %s: %v", pattern, err)
		}
		for _, file := range files {
			if link := "(" + file + ")"; !strings.Contains(string(text), link) {
				t.Errorf("docs/tasks/services.md has no link %s", link)
			}
		}
	}
}
