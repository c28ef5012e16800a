package cli

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

func TestAnErrorSaysWhatToDoAboutTheDatabase(t *testing.T) {
	for cause, want := range map[error]string{
		domain.ErrLocked:      "the database is busy, others write to it all the time: try again",
		domain.ErrUnavailable: "see that it runs",
		fmt.Errorf("%w: %w", domain.ErrUnavailable, store.Damaged):  "restore a backup",
		fmt.Errorf("%w: %w", domain.ErrUnavailable, store.NotLetIn): "see that the user and the password",
	} {
		if got := explain(fmt.Errorf("role clerk: %w", cause)).Error(); !strings.Contains(got, want) || !strings.Contains(got, "role clerk") {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}

// problem answers as Signet does with an error.
func problem(status int, detail string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"detail":%q}`, detail)
	}
}

func TestAnErrorSaysWhatToDoAboutTheServer(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("SIGNET_TOKEN", "a-token")
	closed := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	must(0, closed.Close())(t)
	serves := func(handler http.HandlerFunc) string {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		return server.URL
	}
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tls.Close)
	plain := serves(http.NotFound)
	for server, says := range map[string]string{
		"http://" + closed.Addr().String(): "see that the server runs, and that the address is right",
		tls.URL:                            "name the certificate in SSL_CERT_FILE",
		"https" + strings.TrimPrefix(plain, "http"): "no TLS is spoken there",
		plain:                          "is it the address of the server?",
		"https://no-such-host.invalid": "see that the address is right",
		serves(problem(401, "The access token is expired.")):                        "Give SIGNET_TOKEN another one",
		serves(problem(403, "The access token lacks the scope users:read.")):        "users:read. It comes with a role that gives it at urn:signet:admin",
		serves(problem(429, "You ask too much", "Retry-After", "3600")):             "try again later",
		serves(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(502) }): "something before it answers 502",
	} {
		var stdout, stderr bytes.Buffer
		code := Main(t.Context(), []string{"user", "list", "--server", server}, nil, &stdout, &stderr)
		if code != exitFailed || !strings.Contains(stderr.String(), says) || strings.Count(stderr.String(), "\n") != 1 {
			t.Errorf("%s: exit code %d, want %q: %s", server, code, says, &stderr)
		}
	}
}

func TestACommandGoesOnWhenTheServerAsksItToWait(t *testing.T) {
	t.Setenv("SIGNET_TOKEN", "a-token")
	list := []string{"user", "list"}
	for _, c := range []struct {
		status, refusals int
		after            string
		command          []string
		code, asked      int
	}{
		{429, 1, "0", list, exitDone, 2}, {429, 5, "0", list, exitDone, 6}, {429, 9, "0", list, exitFailed, 6}, {429, 1, "31", list, exitFailed, 1},
		{429, 1, "1", list, exitDone, 2}, {503, 1, "0", list, exitDone, 2}, {503, 1, "", list, exitFailed, 1},
		{429, 1, "0", []string{"group", "create", "ops"}, exitDone, 2},
		{503, 1, "0", []string{"group", "create", "ops"}, exitFailed, 1}, // it may have been carried out
	} {
		asked := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if asked++; asked <= c.refusals {
				problem(c.status, "Not now", "Retry-After", c.after)(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"items":[{"username":"alice","name":"a\u202e\u001b[2Jb"}]}`)
		}))
		defer server.Close()
		var stdout, stderr bytes.Buffer
		code := Main(t.Context(), append(slices.Clone(c.command), "--server", server.URL), nil, &stdout, &stderr)
		if code != c.code || asked != c.asked {
			t.Errorf("%+v: exit code %d after %d requests: %s", c, code, asked, &stderr)
		}
		if c.code == exitDone && c.command[1] == "list" && !strings.Contains(stdout.String(), `a\u202e\x1b[2Jb`) {
			t.Errorf("a hostile name is shown as %q", stdout.String())
		}
	}
}

func TestAListWithoutAnEndIsAnError(t *testing.T) {
	t.Setenv("SIGNET_TOKEN", "a-token")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"items":[{"username":"alice"},{"username":"bob"}],"next":"again"}`)
	}))
	defer server.Close()
	var stdout, stderr bytes.Buffer
	if code := Main(t.Context(), []string{"user", "list", "--server", server.URL}, nil, &stdout, &stderr); code != exitFailed || !strings.Contains(stderr.String(), "no end") {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	if out := run(t, "user", "list", "--server", server.URL, "--limit", "3", "-o", "name"); strings.Count(out, "\n") != 3 {
		t.Errorf("more than were asked for: %s", out)
	}
}
