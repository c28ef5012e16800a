package e2e

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// workstation is a machine of an administrator, with no database.
type workstation struct {
	*server
	home string
}

func newWorkstation(t *testing.T, s *server) *workstation { return &workstation{s, t.TempDir()} }

// contexts is the file with the tokens.
func (w *workstation) contexts() string { return filepath.Join(w.home, "signet", "contexts.json") }

// run runs a command to its end. What it prints holds no token of the workstation.
func (w *workstation) run(args ...string) (code int, stdout, stderr string) {
	w.t.Helper()
	var out, failed bytes.Buffer
	cmd := w.command(args...)
	cmd.Dir = w.home
	cmd.Env = append(os.Environ(), noSleep, "XDG_CONFIG_HOME="+w.home, "HOME="+w.home)
	cmd.Stdout, cmd.Stderr = &out, &failed
	err := cmd.Run()
	if err != nil && cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	for _, secret := range w.tokens() {
		if strings.Contains(out.String()+failed.String(), secret) {
			w.t.Errorf("signet %v prints a token", args)
		}
	}
	return cmd.ProcessState.ExitCode(), out.String(), failed.String()
}

func (w *workstation) must(args ...string) string {
	w.t.Helper()
	code, stdout, stderr := w.run(args...)
	if code != 0 {
		w.t.Fatalf("signet %v: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	return stdout
}

func (w *workstation) mustFail(says string, args ...string) {
	w.t.Helper()
	code, stdout, stderr := w.run(args...)
	if code != 1 || !strings.Contains(stderr, says) || strings.Count(stderr, "\n") != 1 {
		w.t.Errorf("signet %v: exit code %d, want 1 and %q\n%s%s", args, code, says, stdout, stderr)
	}
}

// tokens are those that the workstation keeps; the servers must log none.
func (w *workstation) tokens() (tokens []string) {
	text, err := os.ReadFile(w.contexts())
	if err != nil {
		return nil
	}
	for _, found := range regexp.MustCompile(`"(?:access|refresh)_token": "([^"]+)"`).FindAllStringSubmatch(string(text), -1) {
		tokens = append(tokens, w.secret(found[1]))
	}
	return tokens
}

// login starts to sign in, and returns what it prints when that matches, and how to wait for its end.
func (w *workstation) login(prints *regexp.Regexp, args ...string) (printed []string, wait func() string) {
	w.t.Helper()
	var log logBuffer
	cmd := w.command(append([]string{"login", "--server", w.url}, args...)...)
	cmd.Dir = w.home
	cmd.Env = append(os.Environ(), noSleep, "XDG_CONFIG_HOME="+w.home, "HOME="+w.home)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	w.t.Cleanup(func() { _ = cmd.Process.Kill() })
	for end := time.Now().Add(time.Minute); printed == nil; time.Sleep(10 * time.Millisecond) {
		if printed = prints.FindStringSubmatch(log.String()); printed == nil && time.Now().After(end) {
			w.t.Fatalf("it does not say where to sign in:\n%s", log.String())
		}
	}
	return printed, func() string {
		w.t.Helper()
		if err := <-ended; err != nil {
			w.t.Fatalf("%v\n%s", err, log.String())
		}
		return log.String()
	}
}

func (w *workstation) loginByBrowser(args ...string) {
	w.t.Helper()
	link, wait := w.login(regexp.MustCompile(`(http://\S+/oauth2/authorize\S+)`), append(args, "--no-browser")...)
	b := newBrowser(w.t, w.server)
	p := b.open(link[1])
	if p.url.Path == "/login" {
		p = p.submit("username", alice, "password", alicesSecret)
	}
	if !strings.Contains(p.text, "Signet command line") {
		w.t.Fatalf("shown %s: %s", p.url, p.text)
	}
	p = p.submit("decision", "allow")
	response, err := http.Get(p.url.String())
	if err != nil || response.StatusCode != http.StatusOK {
		w.t.Fatal(response, err)
	}
	response.Body.Close()
	wait()
}

func TestAnAdministratorSignsInAtTheCommandLineAndManagesTheServer(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		s.signet("assign", "administrator", "--user", alice)
		s.signetWithInput(s.secret("a long password of the boss")+"\n", "user", "create", "boss", "--password-stdin")
		s.signet("assign", "administrator", "--user", "boss")
		w := newWorkstation(t, s.server)
		w.mustFail("run signet login --server", "client", "list", "--server", s.url)
		w.loginByBrowser()
		before := w.tokens()
		w.loginByBrowser() // takes the tokens of the session before back
		s.post("/oauth2/token", client{ID: "signet-cli"}, map[string][]string{"grant_type": {"refresh_token"}, "refresh_token": {before[1]}}).wantError(t, 400, "invalid_grant")
		if info, err := os.Stat(w.contexts()); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("the tokens are kept as %v, %v", info, err)
		}
		w.must("group", "create", "night-shift") // at the context in use
		if out := s.signet("group", "show", "night-shift"); !strings.Contains(out, "night-shift") {
			t.Errorf("the group is not on the database: %s", out)
		}
		var events []struct{ Actor string }
		if err := json.Unmarshal([]byte(w.must("audit", "list", "--action", "group.create", "--limit", "1", "-o", "json")), &events); err != nil || events[0].Actor != "user:"+alice {
			t.Errorf("made by %v, %v", events, err)
		}

		// Several commands whose access token has expired refresh it: each goes on, and the session is whole afterwards.
		w.expire(t)
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() { w.must("group", "list") })
		}
		wait.Wait()
		w.expire(t)
		w.must("group", "list", "--server", s.url+"/")

		// What a role does not allow is refused by the server.
		s.signet("role", "create", "reader", "--grant", "urn:signet:admin#groups:read")
		s.signet("assign", "reader", "--user", alice)
		s.signet("unassign", "administrator", "--user", alice)
		w.must("group", "list")
		w.mustFail("groups:write", "group", "delete", "night-shift")

		if err := os.Chmod(w.contexts(), 0o644); err != nil {
			t.Fatal(err)
		}
		w.mustFail("others may read the tokens", "group", "list")
		if err := os.Chmod(w.contexts(), 0o600); err != nil {
			t.Fatal(err)
		}
		tokens := w.tokens()
		w.must("logout")
		w.mustFail("not found", "context", "show", strings.TrimPrefix(s.url, "http://"))
		s.post("/oauth2/token", client{ID: "signet-cli"}, map[string][]string{"grant_type": {"refresh_token"}, "refresh_token": {tokens[1]}}).wantError(t, 400, "invalid_grant")
	})
}

// expire makes the stored access token one of the past.
func (w *workstation) expire(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile(w.contexts())
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`"expires_at": "[^"]*"`).ReplaceAll(text, []byte(`"expires_at": "2020-01-01T00:00:00Z"`))
	if err := os.WriteFile(w.contexts(), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAMachineWithoutABrowserSignsInByAnother(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	s.signet("assign", "administrator", "--user", alice)
	w := newWorkstation(t, s.server)
	code, wait := w.login(regexp.MustCompile(`enter the code\s+(\S+)`), "--device", "--context", "shop")
	newBrowser(t, s.server).enterCode(code[1]).submit("decision", "allow")
	wait()
	w.must("context", "use", "database")
	w.must("user", "list", "--context", "shop")

	// An administrator who wants none of it disables the client; nobody makes it something else.
	s.signet("client", "disable", "signet-cli")
	w.expire(t)
	w.mustFail("is disabled", "user", "list", "--context", "shop")
	for _, args := range [][]string{{"client", "delete", "signet-cli"}, {"client", "update", "signet-cli", "--first-party"}} {
		if out := s.refused(args...); !strings.Contains(out, "built in") {
			t.Errorf("%v: %s", args, out)
		}
	}
}

func TestTheCommandLineTrustsNoServerThatIsNotSignet(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	w := newWorkstation(t, s.server)
	const token = "a-secret-access-token"
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host is asked for %s with %v", r.URL, r.Header)
	}))
	t.Cleanup(elsewhere.Close)
	answers := map[string]struct {
		answer http.HandlerFunc
		says   string
	}{
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
		}, "redirects to"},
		"HTML": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<p>Welcome to the guest network"))
		}, "does not answer as Signet"},
		"an error page": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "Bad gateway", http.StatusBadGateway) }, "502"},
		"a problem with control characters": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"detail":"gone\u001b[2J\nnow"}`))
		}, "gone"},
		"no end": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for _, err := w.Write([]byte(`{"items":[`)); err == nil; {
				_, err = w.Write(bytes.Repeat([]byte(" "), 1<<20))
			}
		}, "longer than"},
	}
	for name, a := range answers {
		t.Run(name, func(t *testing.T) {
			hostile := httptest.NewServer(a.answer)
			t.Cleanup(hostile.Close)
			cmd := w.command("user", "list", "--server", hostile.URL)
			cmd.Env = append(os.Environ(), noSleep, "XDG_CONFIG_HOME="+w.home, "SIGNET_TOKEN="+token)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), a.says) || strings.Contains(string(out), token) || strings.ContainsAny(string(out), "\x1b") || bytes.Count(out, []byte("\n")) != 1 {
				t.Errorf("%v, want %q: %q", err, a.says, out)
			}
		})
	}
	tls := httptest.NewUnstartedServer(http.NotFoundHandler())
	tls.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // it would say that its certificate is refused
	tls.StartTLS()
	t.Cleanup(tls.Close)
	w.mustFail("certificate", "login", "--server", tls.URL)
	if code, _, said := w.run("login", "--server", "http://login.example.com"); code != 2 || !strings.Contains(said, "use https") {
		t.Errorf("in clear to another host: exit code %d, %s", code, said)
	}
}
