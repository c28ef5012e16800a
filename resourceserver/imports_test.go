package resourceserver_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What a service links with this package is the standard library, and of this module what is pure.
func TestTheDependencyTreeIsSmall(t *testing.T) {
	allowed := []string{
		"github.com/signet-auth/signet/resourceserver", "github.com/signet-auth/signet/internal/statuslist", "github.com/signet-auth/signet/internal/domain",
	}
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for path := range strings.FieldsSeq(string(out)) {
		if !slices.Contains(allowed, path) {
			t.Errorf("it needs %s", path)
		}
	}
}
