package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testedBlocks finds the commands of a document that these tests run: ```sh tested
var testedBlocks = regexp.MustCompile("(?ms)^```sh tested\n(.*?)^```$")

// runDocument runs the commands of a document beside a server and returns what they print.
func runDocument(t *testing.T, s *server, name string) string {
	t.Helper()
	document, err := os.ReadFile(name)
	check(t, err)
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for _, block := range testedBlocks.FindAllSubmatch(document, -1) {
		script.Write(block[1])
	}
	bin := filepath.Join(s.dir, "bin")
	check(t, os.Mkdir(bin, 0o700))
	check(t, os.Symlink(commands, filepath.Join(bin, "signet")))

	cmd := exec.CommandContext(t.Context(), "bash", "-x")
	cmd.Dir = s.dir
	cmd.Env = append(append(os.Environ(), s.env...), "PATH="+bin+":"+os.Getenv("PATH"))
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(script.String(), "http://127.0.0.1:8080", s.url))
	var trace strings.Builder
	cmd.Stderr = &trace
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s\n%s", name, err, out, &trace)
	}
	return string(out)
}

func TestTheReadmesCommandsDoWhatTheReadmeSays(t *testing.T) {
	t.Parallel()
	out := runDocument(t, newInstallation(t, newSQLiteDatabase(t)).serve(), "../../README.md")
	for _, want := range []string{`"access_token"`, `"user_code"`, `"verification_uri_complete"`, `"active":true`, `"active":false`} {
		if !strings.Contains(strings.ReplaceAll(out, `": `, `":`), want) {
			t.Errorf("no %s in what the commands print:\n%s", want, out)
		}
	}
}

func TestTheApplicationsOfTheDocumentsComeToASignIn(t *testing.T) {
	t.Parallel()
	s := newInstallation(t, newSQLiteDatabase(t)).serve()
	runDocument(t, s, "../../docs/tasks/applications.md")
	b := newBrowser(t, s)
	for _, asks := range []struct{ client, redirect, scope string }{
		{"kubernetes", "http://localhost:8000", "openid email groups offline_access"},
		{"kubernetes", "http://localhost:18000", "openid email groups offline_access"},
		{"argocd", "https://argocd.example/auth/callback", "openid profile email groups"},
		{"argocd-cli", "http://localhost:8085/auth/callback", "openid profile email groups offline_access"},
		{"grafana", "https://grafana.example/login/generic_oauth", "openid profile email groups offline_access"},
		{"gitlab", "https://gitlab.example/users/auth/openid_connect/callback", "openid profile email groups"},
		{"minio", "https://minio.example/oauth_callback", "openid profile email groups"},
		{"vault", "http://localhost:8250/oidc/callback", "openid profile email groups"},
		{"vault", "https://vault.example/ui/vault/auth/oidc/oidc/callback", "openid profile email groups"},
		{"spring", "https://shop.example/login/oauth2/code/signet", "openid profile email groups"},
		{"aspnet", "https://intranet.example/signin-oidc", "openid profile email groups"},
	} {
		query := newAuthorization(client{ID: asks.client}).query
		query.Del("resource")
		b.open(s.url + "/oauth2/authorize?" + with(query, "redirect_uri", asks.redirect, "scope", asks.scope).Encode()).wantSignIn(t)
	}
}
