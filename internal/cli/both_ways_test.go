package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// ofTheDatabase are the commands that work at no server.
var ofTheDatabase = []string{"migrate up", "migrate status", "config check", "token purge", "audit verify", "key rewrap", "backup", "restore"}

// ofItsState are the commands that show what a server does: it issues tokens, and so its keys sign.
var ofItsState = []string{"client list", "token list", "key list", "key show", "key revoke", "key drill", "stats", "replicas", "attention"}

func TestEveryCommandWorksAtAServerAsOnTheDatabase(t *testing.T) {
	t.Chdir(t.TempDir()) // some commands work on the database of the folder
	dir := t.TempDir()
	onDatabase := runScenario(t, nil, "--data-dir", t.TempDir())
	issuer := serve(t, dir)
	renew := administrator(t, dir, issuer)
	t.Setenv("SIGNET_SERVER", issuer)
	renew()
	atServer := runScenario(t, renew)
	for i, step := range scenario {
		if diff := cmp.Diff(onDatabase[i], atServer[i]); diff != "" && !slices.Contains(slices.Concat(ofTheDatabase, ofItsState), step.command) {
			t.Errorf("signet %s answers otherwise:\n%s", step.command, diff)
		}
	}
}

// runScenario runs each step with more arguments and returns the members of what it answers. renew gets another token where a step revokes
// the one in use; nil: on the database.
func runScenario(t *testing.T, renew func(), more ...string) (answers [][]string) {
	t.Helper()
	kept, remote := "", renew != nil
	for _, step := range scenario {
		args := append(strings.Fields(step.command), "-o", "json")
		args = append(append(args, more...), step.fields(t, kept)...)
		var stdout, stderr bytes.Buffer
		code := Main(t.Context(), args, strings.NewReader(step.stdin), &stdout, &stderr)
		if remote && slices.Contains(ofTheDatabase, step.command) {
			if code == exitDone && (step.command == "token purge" || step.command == "audit verify") {
				t.Errorf("%s goes to the database", step.command)
			}
			answers = append(answers, nil)
			continue
		}
		want := exitDone
		if step.fails {
			want = exitFailed
		}
		if code != want {
			t.Fatalf("%s at a server is %v: exit code %d\n%s%s", step.command, remote, code, &stdout, &stderr)
		}
		if remote && step.command == "key revoke" {
			renew()
		}
		if step.fails {
			answers = append(answers, []string{stderr.String()})
			continue
		}
		var value any
		if err := json.Unmarshal(stdout.Bytes(), &value); err != nil {
			t.Fatalf("%s: %v in %s", step.command, err, &stdout)
		}
		if list, ok := value.([]any); ok && len(list) > 0 {
			value = list[0]
		}
		object, _ := value.(map[string]any)
		if step.keep != "" {
			kept = strings.Trim(string(must(json.Marshal(object[step.keep]))(t)), `"`)
		}
		answers = append(answers, slices.Sorted(maps.Keys(object)))
	}
	return answers
}

func must[V any](v V, err error) func(t *testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// serve runs a server until the end of the test.
func serve(t *testing.T, dir string) (issuer string) {
	t.Helper()
	t.Setenv("SIGNET_DATABASE_TIMEOUT", "30s") // a busy machine may take longer than the default
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	address := listener.Addr().String()
	must(0, listener.Close())(t)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	var log bytes.Buffer
	go func() {
		ended <- Main(ctx, []string{"serve", "--data-dir", dir, "--listen", address}, nil, io.Discard, &log)
	}()
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != exitDone || t.Failed() {
			t.Log(code, log.String())
		}
	})
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		response, err := http.Get("http://" + address + "/readyz")
		if err == nil && must(0, response.Body.Close())(t) == 0 && response.StatusCode == http.StatusOK {
			return "http://" + address
		}
		if time.Now().After(end) {
			t.Fatal("the server is not ready", err)
		}
	}
}

// administrator makes a client that may do everything, and returns how to let the environment have an access token of it.
func administrator(t *testing.T, dir, issuer string) (renew func()) {
	t.Helper()
	run := func(args ...string) []byte {
		var stdout, stderr bytes.Buffer
		if code := Main(t.Context(), append(args, "--data-dir", dir, "-o", "json"), nil, &stdout, &stderr); code != exitDone {
			t.Fatalf("%v: %s", args, &stderr)
		}
		return stdout.Bytes()
	}
	var made map[string]any
	must(0, json.Unmarshal(run("client", "create", "automation", "--grant", "client_credentials", "--api", "urn:signet:admin"), &made))(t)
	run("assign", "administrator", "--client", "automation")
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"automation"}, "client_secret": {made["client_secret"].(string)}}
	return func() {
		response := must(http.PostForm(issuer+"/oauth2/token", form))(t)
		defer response.Body.Close()
		var got map[string]any
		must(0, json.NewDecoder(response.Body).Decode(&got))(t)
		t.Setenv("SIGNET_TOKEN", got["access_token"].(string))
	}
}
