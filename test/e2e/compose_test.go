package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The master key protects the database's content from whoever has the database: it must not lie in a volume of the same container.
func TestComposeKeepsTheMasterKeyOutOfThePostgresContainer(t *testing.T) {
	text, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	var compose struct {
		Services map[string]struct {
			Volumes []string
		}
	}
	if err := yaml.Unmarshal(text, &compose); err != nil {
		t.Fatal(err)
	}
	volumes := func(service string) (names []string) {
		for _, mount := range compose.Services[service].Volumes {
			name, _, _ := strings.Cut(mount, ":")
			names = append(names, name)
		}
		return names
	}
	signet, postgres := volumes("signet-1"), volumes("postgres")
	if len(signet) == 0 || len(postgres) == 0 {
		t.Fatalf("signet has the volumes %v, postgres %v", signet, postgres)
	}
	for _, name := range signet {
		if slices.Contains(postgres, name) {
			t.Errorf("postgres has the volume %s, where signet's secrets are", name)
		}
	}
}
