package cli

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

var commands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"signet": runSignet,
	"fails":  fails,
	"json":   jsonValue,
	"ready":  ready,
	"http":   request,
	"api":    apiRequest,
	"sql":    execute,
}

const waitLimit = time.Minute

// signet args... runs the program. In the background it is run by exec.
func runSignet(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec("signet", args...)
	if failed := err != nil; failed != neg {
		ts.Fatalf("signet failed: %v (%v)", failed, err)
	}
}

// fails CODE program args... runs a program that must exit with CODE.
func fails(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: fails CODE program args...")
	}
	err := ts.Exec(args[1], args[2:]...)
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || strconv.Itoa(exit.ExitCode()) != args[0] {
		ts.Fatalf("exited with %v, not with status %s", err, args[0])
	}
}

// sql STATEMENT runs a statement on the scenario's database.
func execute(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: sql STATEMENT")
	}
	driver, source := "sqlite", ts.MkAbs("signet-data/signet.db")
	if url := ts.Getenv("SIGNET_DATABASE_URL"); url != "" {
		driver, source = "pgx", url+"&search_path=signet"
	}
	db, err := sql.Open(driver, source)
	ts.Check(err)
	defer func() { _ = db.Close() }()
	_, err = db.Exec(args[0])
	ts.Check(err)
}

// json PATH VALUE compares a value of the JSON in the last stdout; json PATH > NAME keeps it in the environment.
// PATH has the names and indices on the way, divided by dots; "." is everything. Lists and objects are compared as JSON.
// "! json PATH" says that there is no such value.
func jsonValue(ts *testscript.TestScript, neg bool, args []string) {
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &value))
	found := true
	for name := range strings.SplitSeq(strings.Trim(args[0], "."), ".") {
		if name != "" && found {
			value, found = step(value, name)
		}
	}
	if found == neg {
		ts.Fatalf("%s: found %v, which is %v", args[0], found, value)
	}
	text := fmt.Sprint(value)
	if _, scalar := value.(string); !scalar {
		encoded, err := json.Marshal(value)
		ts.Check(err)
		text = string(encoded)
	}
	switch {
	case neg:
	case len(args) == 3 && args[1] == ">":
		ts.Setenv(args[2], text)
	case len(args) != 2:
		ts.Fatalf("usage: json PATH VALUE, or json PATH > NAME")
	case text != args[1]:
		ts.Fatalf("%s is %s, not %s", args[0], text, args[1])
	}
}

func step(value any, name string) (any, bool) {
	switch v := value.(type) {
	case map[string]any:
		value, found := v[name]
		return value, found
	case []any:
		if i, err := strconv.Atoi(name); err == nil && i < len(v) {
			return v[i], true
		}
	}
	return nil, false
}

// ready waits until the server at $URL takes requests; "! ready" until it runs and takes none, and prints why.
func ready(ts *testscript.TestScript, neg bool, _ []string) {
	want := http.StatusOK
	if neg {
		want = http.StatusServiceUnavailable
	}
	deadline := time.Now().Add(waitLimit)
	for time.Now().Before(deadline) {
		status, _, body, err := do(http.MethodGet, ts.Getenv("URL")+"/readyz", "", func(*http.Request) {})
		if err == nil && status == want {
			if neg {
				fmt.Fprint(ts.Stdout(), body)
			}
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("no server answers at %s", ts.Getenv("URL"))
}

// http STATUS METHOD PATH [USER:PASSWORD] [NAME=VALUE...] sends a request to $URL, the values as a form, expects the
// status and prints the body.
func request(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: http STATUS METHOD PATH [USER:PASSWORD] [NAME=VALUE...]")
	}
	want, method, path, args := args[0], args[1], args[2], args[3:]
	var credentials string
	if len(args) > 0 && !strings.Contains(args[0], "=") {
		credentials, args = args[0], args[1:]
	}
	form := url.Values{}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		form.Add(name, value)
	}
	expect(ts, want, method, path, form.Encode(), func(req *http.Request) {
		if len(form) > 0 {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if user, password, ok := strings.Cut(credentials, ":"); ok {
			req.SetBasicAuth(user, password)
		}
	})
}

// api STATUS METHOD PATH [TOKEN [JSON]] sends a request to $URL/api/v1 with an access token, expects the status and prints the
// body; the challenge, if any, goes to stderr.
func apiRequest(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 5 {
		ts.Fatalf("usage: api STATUS METHOD PATH [TOKEN [JSON]]")
	}
	var body string
	if len(args) == 5 {
		body = args[4]
	}
	expect(ts, args[0], args[1], "/api/v1"+args[2], body, func(req *http.Request) {
		if len(args) > 3 {
			req.Header.Set("Authorization", "Bearer "+args[3])
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
	})
}

// expect sends a request to $URL, expects a status and prints the body, and on stderr the challenge.
func expect(ts *testscript.TestScript, want, method, path, body string, prepare func(*http.Request)) {
	status, challenge, answer, err := do(method, ts.Getenv("URL")+path, body, prepare)
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), answer)
	fmt.Fprintln(ts.Stderr(), challenge)
	if strconv.Itoa(status) != want {
		ts.Fatalf("status %d, not %s: %s", status, want, answer)
	}
}

func do(method, address, body string, prepare func(*http.Request)) (status int, challenge, answer string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return 0, "", "", err
	}
	prepare(req)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", "", err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header.Get("WWW-Authenticate"), string(content), err
}
