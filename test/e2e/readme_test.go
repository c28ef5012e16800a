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

// runDocuments runs the commands of documents, one after the other, beside a server and returns what they print. What comes before them is
// what their readers have already.
func runDocuments(t *testing.T, s *server, before string, names ...string) string {
	t.Helper()
	script := strings.Builder{}
	script.WriteString("set -euo pipefail\n" + before + "\n")
	for _, name := range names {
		document, err := os.ReadFile("../../" + name)
		check(t, err)
		for _, block := range testedBlocks.FindAllSubmatch(document, -1) {
			script.Write(block[1])
		}
	}
	bin := filepath.Join(s.dir, "bin")
	check(t, os.Mkdir(bin, 0o700))
	check(t, os.Symlink(released, filepath.Join(bin, "signet")))

	cmd := exec.CommandContext(t.Context(), "bash", "-x")
	cmd.Dir = s.dir
	cmd.Env = append(append(os.Environ(), s.env...), "PATH="+bin+":"+os.Getenv("PATH"))
	cmd.Stdin = strings.NewReader(strings.ReplaceAll(script.String(), "http://127.0.0.1:8080", s.url))
	var trace strings.Builder
	cmd.Stderr = &trace
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s\n%s", names, err, out, &trace)
	}
	return string(out)
}

// keySets are what commands of the documents read. The public keys of Signet itself stand for those of a client and a cluster.
const keySets = `
kubectl() { curl -s http://127.0.0.1:8080/.well-known/jwks.json; }
kubectl > jwks.json
openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem
coordinate() { openssl pkey -in key.pem -pubout -outform DER | tail -c "$1" | head -c 32 | base64 | tr '+/' '-_' | tr -d =; }
printf '{"keys":[{"kty":"EC","crv":"P-256","use":"enc","alg":"ECDH-ES","kid":"1","x":"%s","y":"%s"}]}' "$(coordinate 64)" "$(coordinate 32)" > orders-keys.json
`

func TestTheReadmesCommandsDoWhatTheReadmeSays(t *testing.T) {
	t.Parallel()
	out := runDocuments(t, newInstallation(t, newSQLiteDatabase(t)).serve(), keySets,
		"README.md", "docs/tasks/sign-people-in.md", "docs/tasks/claims.md", "docs/tasks/revoke-tokens.md", "docs/tasks/decide.md",
		"docs/tasks/client-authentication.md", "docs/tasks/workload-identity.md", "docs/tasks/services.md", "docs/tasks/proxies.md")
	for _, want := range []string{`"access_token"`, `"user_code"`, `"verification_uri_complete"`, `"active":true`, `"active":false`} {
		if !strings.Contains(strings.ReplaceAll(out, `": `, `":`), want) {
			t.Errorf("no %s in what the commands print:\n%s", want, out)
		}
	}
}

func TestTheApplicationsOfTheDocumentsComeToASignIn(t *testing.T) {
	t.Parallel()
	s := newInstallation(t, newSQLiteDatabase(t)).serve()
	runDocuments(t, s, "", "docs/tasks/applications.md")
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
