package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// generatedClient calls operations of the admin API by openapi-fetch, whose types openapi-typescript made of the API's own description.
type generatedClient struct {
	t     *testing.T
	calls io.Writer
	said  *bufio.Scanner
}

// generateClient makes a client. TypeScript has checked that the types fit a call of each operation with its examples.
func generateClient(t *testing.T, d apiDescription, m manager) *generatedClient {
	t.Helper()
	needs(t, filepath.Join(interopDir, "node_modules/openapi-fetch"))
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "openapi.json"), d.text, 0o600))
	check(t, os.WriteFile(filepath.Join(dir, "calls.ts"), []byte(d.typedCalls()), 0o600))
	modules, err := filepath.Abs(filepath.Join(interopDir, "node_modules"))
	check(t, err)
	check(t, os.Symlink(modules, filepath.Join(dir, "node_modules")))
	for _, argv := range [][]string{
		{"node_modules/openapi-typescript/bin/cli.js", "openapi.json", "-o", "api.ts"},
		{"node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--target", "es2022", "calls.ts"},
	} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(modules, ".bin/node"), argv...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v: %s", argv, err, out)
		}
	}
	cmd := command(t, "openapi-fetch.js")
	cmd.Env = append(cmd.Env, "SERVER="+m.url, "TOKEN="+m.token)
	cmd.Stderr = os.Stderr
	calls, err := cmd.StdinPipe()
	check(t, err)
	said, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = calls.Close() // which ends it
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(said)
	lines.Buffer(nil, 16<<20)
	return &generatedClient{t, calls, lines}
}

// typedCalls is a program that calls each operation with the examples of its parameters and body.
func (d apiDescription) typedCalls() string {
	var text strings.Builder
	text.WriteString("import createClient from \"openapi-fetch\";\nimport type { paths } from \"./api.js\";\n\n" +
		"const client = createClient<paths>({ baseUrl: \"\" });\n\nexport async function all() {\n")
	for _, c := range d.calls() {
		params := map[string]map[string]json.RawMessage{}
		for _, p := range c.Parameters {
			if params[p.In] == nil {
				params[p.In] = map[string]json.RawMessage{}
			}
			params[p.In][p.Name] = p.Example
		}
		call := map[string]any{"params": params}
		if body := c.example(); body != "" {
			call["body"] = json.RawMessage(body)
		}
		argument, err := json.Marshal(call)
		if err != nil {
			panic(err) // of JSON that was read
		}
		fmt.Fprintf(&text, "  await client.%s(%q, %s);\n", c.method, c.path, argument)
	}
	text.WriteString("}\n")
	return text.String()
}

// generatedAnswer is what the client got.
type generatedAnswer struct {
	Status     int
	Type, Body string
}

func (g *generatedClient) call(method, path string, named map[string]string, body json.RawMessage) (a generatedAnswer) {
	g.t.Helper()
	call := map[string]any{"method": method, "path": path, "params": map[string]any{"path": named, "header": map[string]string{"If-Match": "*"}}}
	if len(body) > 0 {
		call["body"] = body
	}
	line, err := json.Marshal(call)
	check(g.t, err)
	if _, err := g.calls.Write(append(line, '\n')); err != nil || !g.said.Scan() {
		g.t.Fatalf("the generated client has ended: %v, %v", err, g.said.Err())
	}
	check(g.t, json.Unmarshal(g.said.Bytes(), &a))
	return a
}
