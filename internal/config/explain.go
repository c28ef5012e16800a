package config

import (
	"fmt"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/signet-auth/signet/config"
)

// Where a setting comes from.
const (
	FromFlag        = "flag"
	FromEnvironment = "environment"
	FromFile        = "file"
	FromDefault     = "default" // or from other settings
)

// explanations are what config/signet.yaml says of each setting.
var explanations = sync.OnceValue(func() map[string]string {
	var document yaml.Node
	if err := yaml.Unmarshal(config.Explained, &document); err != nil {
		panic(fmt.Sprint("config/signet.yaml: ", err)) // a test reads it
	}
	said := map[string]string{}
	var walk func(prefix string, section *yaml.Node)
	walk = func(prefix string, section *yaml.Node) {
		for i := 0; i+1 < len(section.Content); i += 2 {
			name, value := section.Content[i], section.Content[i+1]
			if value.Kind == yaml.MappingNode {
				walk(prefix+name.Value+".", value)
				continue
			}
			said[prefix+name.Value] = plain(name.HeadComment)
		}
	}
	walk("", document.Content[0])
	return said
})

// plain is the last paragraph of a comment as one line.
func plain(comment string) string {
	if i := strings.LastIndex(comment, "\n\n"); i >= 0 {
		comment = comment[i+2:]
	}
	var words []string
	for line := range strings.Lines(comment) {
		words = append(words, strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "#"))...)
	}
	return strings.Join(words, " ")
}
