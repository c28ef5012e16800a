package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/signet-auth/signet/test/reference"
)

func TestTheReferenceOfSettingsIsCurrent(t *testing.T) {
	sections := []string{""}
	text := map[string]string{}
	for _, s := range Default().Settings() {
		section, _, nested := strings.Cut(s.Key, ".")
		if !nested {
			section = ""
		}
		if !slices.Contains(sections, section) {
			sections = append(sections, section)
		}
		value := "empty by default"
		if s.Value != "" {
			value = "by default `" + s.Value + "`"
		}
		text[section] += fmt.Sprintf("\n### %s\n\n`%s`, %s. %s\n", s.Key, s.Env, value, escaped(s.About))
	}
	var b strings.Builder
	for _, section := range sections {
		fmt.Fprintf(&b, "\n## %s\n%s", cmp.Or(section, "General"), text[section])
	}
	reference.Check(t, "settings.md", "settings", b.String())
}

// escaped is a text of the file as Markdown: what is in angle brackets would be taken for HTML.
func escaped(text string) string {
	return strings.NewReplacer("<", "&lt;", "*", `\*`, "_", `\_`).Replace(text)
}
