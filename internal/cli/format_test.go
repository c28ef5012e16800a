package cli

import (
	"bytes"
	"strings"
	"testing"
)

func TestAnswersArePrintedAsYAMLAndByName(t *testing.T) {
	dir := t.TempDir()
	run := func(want string, args ...string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		if code := Main(t.Context(), append(args, "--data-dir", dir), nil, &stdout, &stderr); code != exitDone || !strings.Contains(stdout.String(), want) {
			t.Errorf("%v: exit code %d, want %q\n%s%s", args, code, want, &stdout, &stderr)
		}
	}
	run("name: \"123\"\ndescription: \"yes: no\"\n", "group", "create", "123", "--description", "yes: no", "-o", "yaml")
	run("members: []\n", "group", "show", "123", "-o", "yaml")
	run("123\n", "group", "list", "-o", "name")
	run("signet-cli\n", "client", "list", "-o", "name")
	run("urn:signet:admin\n", "api", "show", "urn:signet:admin", "-o", "name")
}
