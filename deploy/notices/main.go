// Command notices writes the licences of all that a binary was built from, which who passes the binary on has to pass on with it.
package main

import (
	"debug/buildinfo"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

var licence = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|copyright)([.-].*)?$`)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: notices BINARY")
	}
	if err := write(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func write(binary string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	folders, err := modules()
	if err != nil {
		return err
	}
	folders["Go "+info.GoVersion] = runtime.GOROOT() //nolint:staticcheck // by go run it is the one that builds
	parts := []string{"Go " + info.GoVersion}
	for _, d := range info.Deps {
		if d.Replace != nil {
			d = d.Replace
		}
		parts = append(parts, d.Path+" "+d.Version)
	}
	var texts []string
	covers := map[string][]string{} // by text: whose it is
	for _, part := range parts {
		text, err := licences(folders[part])
		if err != nil {
			return fmt.Errorf("the licence of %s: %w", part, err)
		}
		if covers[text] == nil {
			texts = append(texts, text)
		}
		covers[text] = append(covers[text], part)
	}
	fmt.Println("Signet is linked with what follows, each under its own licence.")
	for _, text := range texts {
		fmt.Printf("\n%s\n\n%s\n\n%s\n", strings.Repeat("=", 78), strings.Join(covers[text], "\n"), text)
	}
	return nil
}

// modules are the folders of all modules, by path and version.
func modules() (map[string]string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{with or .Replace .}}{{.Path}} {{.Version}}\t{{.Dir}}{{end}}", "all").Output()
	if err != nil {
		return nil, fmt.Errorf("list the modules: %w", err)
	}
	folders := map[string]string{}
	for line := range strings.Lines(string(out)) {
		module, folder, _ := strings.Cut(strings.TrimSpace(line), "\t")
		folders[module] = folder
	}
	return folders, nil
}

// licences joins the files at the top of a module that say how it may be used.
func licences(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	var texts []string
	for _, e := range entries {
		if !licence.MatchString(e.Name()) || e.IsDir() {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return "", err
		}
		texts = append(texts, strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	if len(texts) == 0 {
		return "", fmt.Errorf("there is none in %s", folder)
	}
	return strings.Join(slices.Compact(texts), "\n\n"), nil
}
