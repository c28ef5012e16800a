//go:build ignore

// Writes passwords.txt: the 10,000 most common passwords of at least 8 characters, sorted. The source is the list of passwords by
// frequency that the Go module zxcvbn carries (MIT licence), taken at a fixed version and by its checksum.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	source   = "github.com/trustelem/zxcvbn@v1.0.1"
	checksum = "h1:mp4JFtzdDYGj9WYSD3KQSkwwUumWNFzXaAjckaTYpsc="
	most     = 10_000
	shortest = 8 // config refuses a lower minimum
)

func main() {
	download := exec.Command("go", "mod", "download", "-json", source)
	download.Dir = os.TempDir()
	out, err := download.Output()
	check(err)
	var module struct{ Dir, Sum string }
	check(json.Unmarshal(out, &module))
	if module.Sum != checksum {
		log.Fatalf("%s has the checksum %s, not %s", source, module.Sum, checksum)
	}
	text, err := os.ReadFile(filepath.Join(module.Dir, "data", "passwords.txt"))
	check(err)
	var common []string
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan() && len(common) < most; {
		// Each line is a password and its count, the most frequent first.
		if password := strings.Fields(lines.Text())[0]; utf8.RuneCountInString(password) >= shortest {
			common = append(common, strings.ToLower(password))
		}
	}
	slices.Sort(common)
	check(os.WriteFile("passwords.txt", []byte(strings.Join(slices.Compact(common), "\n")+"\n"), 0o644))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
