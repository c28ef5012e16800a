package e2e

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
)

// finding is what `signet doctor` says of one thing.
type finding struct{ State, Check, About, Advice string }

// doctor runs the doctor with settings and returns what it finds, by check, and its exit code.
func (i *installation) doctor(settings ...string) (found map[string]finding, exitCode int) {
	i.t.Helper()
	cmd := i.command("doctor", "-o", "json")
	cmd.Env = append(cmd.Env, settings...)
	out, err := cmd.Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		exitCode = failed.ExitCode()
		if len(failed.Stderr) > 0 {
			i.t.Errorf("the doctor says %s", failed.Stderr)
		}
	} else {
		check(i.t, err)
	}
	var list []finding
	if err := json.Unmarshal(out, &list); err != nil {
		i.t.Fatalf("%v in %s", err, out)
	}
	found = map[string]finding{}
	for _, f := range list {
		if was, ok := found[f.Check]; !ok || was.State == "ok" {
			found[f.Check] = f
		}
	}
	return found, exitCode
}

// wantDoctor fails the test unless the doctor finds these states, by check, where a server runs.
func (s *server) wantDoctor(states map[string]string) {
	s.t.Helper()
	found, _ := s.doctor("SIGNET_ISSUER="+s.issuer, "SIGNET_LISTEN="+strings.TrimPrefix(s.url, "http://"))
	for check, state := range states {
		if found[check].State != state {
			s.t.Errorf("%s: %+v, want %s", check, found[check], state)
		}
	}
}

// manners are those of a proxy.
type manners struct {
	from      string // its address
	xff       string // what it does with X-Forwarded-For: set, append, leave or remove
	forwarded bool   // it hands on Forwarded
}

func TestTheDoctorSeesWhatIsWrongBetweenClientsAndServer(t *testing.T) {
	t.Parallel()
	var as atomic.Pointer[manners]
	var server atomic.Pointer[url.URL]
	proxy := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m := as.Load()
		(&httputil.ReverseProxy{
			Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(m.from)}}).DialContext},
			Rewrite: func(p *httputil.ProxyRequest) {
				p.SetURL(server.Load())
				if m.xff == "append" || m.xff == "leave" {
					p.Out.Header["X-Forwarded-For"] = p.In.Header["X-Forwarded-For"]
				}
				if m.xff == "append" || m.xff == "set" {
					p.SetXForwarded()
				}
				if m.forwarded {
					p.Out.Header["Forwarded"] = p.In.Header["Forwarded"]
				}
			},
		}).ServeHTTP(w, r)
	}))
	proxy.Start()
	t.Cleanup(proxy.Close)

	i := newInstallation(t, newSQLiteDatabase(t))
	i.issuer = proxy.URL
	i.env = append(i.env, "SIGNET_TRUSTED_PROXIES=127.0.0.2")
	s := i.start()
	to, err := url.Parse(s.url)
	check(t, err)
	server.Store(to)
	s.awaitReady()
	here := []string{"SIGNET_ISSUER=" + i.issuer, "SIGNET_LISTEN=" + to.Host}
	before := i.signet("audit", "list", "-o", "json")

	for name, c := range map[string]struct {
		manners manners
		state   string
		says    string
	}{
		"one that sets the address":     {manners{from: "127.0.0.2", xff: "set"}, "ok", "as 127.0.0.1"},
		"one that appends the address":  {manners{from: "127.0.0.2", xff: "append", forwarded: true}, "ok", "as 127.0.0.1"},
		"one that hands on the address": {manners{from: "127.0.0.2", xff: "leave"}, "problem", "sending X-Forwarded-For"},
		"one that hands on Forwarded":   {manners{from: "127.0.0.2", xff: "remove", forwarded: true}, "problem", "sending Forwarded"},
		"one that is not trusted":       {manners{from: "127.0.0.3", xff: "set"}, "problem", "127.0.0.3"},
		"one that says nothing":         {manners{from: "127.0.0.2", xff: "remove"}, "warning", "does not say whose"},
	} {
		as.Store(&c.manners)
		found, code := i.doctor(here...)
		if f := found["proxy headers"]; f.State != c.state || !strings.Contains(f.About+f.Advice, c.says) {
			t.Errorf("behind %s: %+v", name, f)
		}
		if want := map[bool]int{true: 1}[c.state == "problem"]; code != want {
			t.Errorf("behind %s: exit code %d: %v", name, code, found)
		}
		for check, state := range map[string]string{"issuer": "ok", "key set": "ok", "clock": "ok", "schema": "ok", "disk": "ok", "sqlite": "ok", "signing keys": "ok", "administrator": "warning"} {
			if found[check].State != state {
				t.Errorf("behind %s: %s: %+v", name, check, found[check])
			}
		}
	}
	if after := i.signet("audit", "list", "-o", "json"); after != before {
		t.Errorf("the doctor changed something: %s, before %s", after, before)
	}

	// Nobody else is answered, and the question serves once for nobody else.
	for _, header := range []string{"", "x", "1.AAAA.BBBB", strings.Repeat(".", 5000)} {
		r, err := http.NewRequest(http.MethodGet, s.url+"/.well-known/signet-probe", nil)
		check(t, err)
		if header != "" {
			r.Header.Set("Signet-Probe", header)
		}
		do(r).wantStatus(t, http.StatusNotFound)
	}

	// Another installation at the same address.
	as.Store(&manners{from: "127.0.0.2", xff: "set"})
	other := newInstallation(t, newSQLiteDatabase(t))
	other.signet("api", "create", ordersAPI)
	found, code := other.doctor(here...)
	if code != 1 || found["key set"].State != "problem" || found["proxy headers"].State != "warning" {
		t.Errorf("of another installation's issuer it says (%d) %v", code, found)
	}
	found, code = i.doctor("SIGNET_ISSUER=http://127.0.0.1:1", "SIGNET_LISTEN="+to.Host)
	if code != 1 || found["issuer"].State != "problem" {
		t.Errorf("of an issuer that nobody answers for it says (%d) %v", code, found)
	}

	// It makes nothing.
	empty := newInstallation(t, "sqlite:"+i.dir+"/new/signet.db")
	if found, _ := empty.doctor("SIGNET_ISSUER=http://127.0.0.1:1"); found["database"].State != "skipped" {
		t.Errorf("of a database that is not there it says %v", found)
	}
	if _, err := os.Stat(i.dir + "/new"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it made the database: %v", err)
	}

	// What is not private.
	file := i.dir + "/signet.yaml"
	check(t, os.WriteFile(file, []byte("database: postgres://signet:secret@127.0.0.1:1/signet\n"), 0o644)) //nolint:gosec // that is to be found
	cmd := i.command("doctor")
	cmd.Env = append(cmd.Env, "SIGNET_DATABASE_URL=", "SIGNET_CONFIG="+file)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "holds the password of the database") || !strings.Contains(string(out), "does not answer") || strings.Contains(string(out), "secret@") {
		t.Errorf("of a database that is away: %v\n%s", err, out)
	}
	check(t, os.Chmod(file, 0o640)) //nolint:gosec // for the server's group
	if found, _ := i.doctor("SIGNET_DATABASE_URL=", "SIGNET_CONFIG="+file); found["settings file"].State != "ok" {
		t.Errorf("of settings for the server's group alone: %+v", found["settings file"])
	}
}
