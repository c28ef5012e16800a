package e2e

import (
	"bufio"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMCPClientsSignInHoweverTheyAreKnown has the client of the MCP SDK call an MCP server that its own middleware protects with Signet's
// tokens.
func TestMCPClientsSignInHoweverTheyAreKnown(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, newSQLiteDatabase(t))
	port := freePort(i)
	address := "http://localhost:" + port
	h := newDocumentHost(t, address+"/callback")
	i.env = append(i.env, h.env...)
	i.env = append(i.env, "SIGNET_SELF_REGISTRATION_ENDPOINT=anybody", "SIGNET_SELF_REGISTRATION_PERMISSIONS="+address+"/mcp")
	s := i.openShop()
	document := h.URL + "/editor.json"
	app := s.runApplicationAt(t, port, "mcp-sdk.js", "DOCUMENT_URL="+document)
	s.signet("assign", "writer", "--user", alice)

	for as, known := range map[string]string{"registered": app.client.ID, "document": document, "dynamic": "client_"} {
		t.Run(as, func(t *testing.T) {
			b := newBrowser(t, s.server)
			b.app = app.url
			want := func(got shown, did string, scopes ...any) {
				t.Helper()
				is := claims(t, s.secret(got.Access))
				if id, _ := is["client_id"].(string); !strings.HasPrefix(id, known) || is["aud"] != address+"/mcp" {
					t.Errorf("the token has %v", is)
				}
				if had, _ := got.User["scopes"].([]any); got.User["did"] != did || got.User["sub"] != is["sub"] || !slices.Equal(had, scopes) {
					t.Errorf("the tool answers %v", got.User)
				}
			}
			first := b.open(app.url + "/?" + url.Values{"as": {as}}.Encode()).wantSignIn(t).signIn().shown(t)
			want(first, "read", "notes:read")
			renewed := b.open(app.url + "/refresh").shown(t)
			want(renewed, "read", "notes:read")
			if renewed.Access == first.Access {
				t.Error("refreshing gave the same access token")
			}
			consent := b.open(app.url + "/write")
			if consent.left || consent.url.Path != "/consent" || !strings.Contains(consent.text, "notes:write") {
				t.Fatalf("a tool that needs more leads to %s (%d): %s", consent.url, consent.status, consent.text)
			}
			want(consent.submit("decision", "allow").shown(t), "write", "notes:read", "notes:write")
		})
	}
}

// TestTheMCPConformanceSuiteFindsNothingWrong runs its mode for authorization servers, which asks a person to sign in.
func TestTheMCPConformanceSuiteFindsNothingWrong(t *testing.T) {
	t.Parallel()
	const suite = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
	needs(t, filepath.Join(interopDir, suite))
	i := newInstallation(t, newSQLiteDatabase(t))
	i.env = append(i.env, "SIGNET_SELF_REGISTRATION_METADATA_DOCUMENTS=anybody")
	s, port := i.openShop(), freePort(i)
	address := "http://127.0.0.1:" + port
	c := s.createClient("suite", "--public", "--grant", "authorization_code", "--api", ordersAPI, "--redirect-uri", address+"/callback")
	cmd := command(t, suite)
	cmd.Args = append(cmd.Args, "authorization", "--url", s.issuer, "--client-id", c.ID, "--resource", ordersAPI, "--port", port)
	stdout, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	var said strings.Builder
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.HasPrefix(lines.Text(), s.issuer+"/oauth2/authorize?") {
			b := newBrowser(t, s.server)
			b.app = address
			if p := b.open(lines.Text()).signIn(); !p.left {
				t.Errorf("shown %s (%d): %s", p.url, p.status, p.text)
			}
		}
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(said.String(), "Total: 3 passed, 0 failed") {
		t.Errorf("%v\n%s", err, &said)
	}
}
