package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// TestProxiesPassWhatMayPass has proxies ask one server.
func TestProxiesPassWhatMayPass(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, newSQLiteDatabase(t))
	envoy := freeAddress(i)
	i.env = append(i.env, "SIGNET_TRUSTED_PROXIES=127.0.0.1", "SIGNET_EXT_AUTHZ_LISTEN="+envoy)
	s := i.openShop()
	t.Run("by access tokens", func(t *testing.T) { testForwardedTokens(t, s) })
	t.Run("nginx", func(t *testing.T) { testNginx(t, s) })
	t.Run("Envoy", func(t *testing.T) { testEnvoy(t, s, envoy) })
	t.Run("hostile values", func(t *testing.T) { testHostileForwarding(t, s, envoy) })
}

// forwarded asks as Traefik and Caddy do: by GET, with the client's headers and what the request was. More headers are names and values in
// turn; an empty value takes one away.
func (s *server) forwarded(needs url.Values, method, uri string, more ...string) answer {
	s.t.Helper()
	r := s.request(http.MethodGet, "/forward-auth?"+needs.Encode(), nil)
	for name, value := range map[string]string{
		"X-Forwarded-Method": method, "X-Forwarded-Proto": "http", "X-Forwarded-Host": "orders.example:8443", "X-Forwarded-Uri": uri, "X-Forwarded-For": "203.0.113.7",
	} {
		r.Header.Set(name, value)
	}
	for i := 0; i < len(more); i += 2 {
		if more[i+1] == "" {
			r.Header.Del(more[i])
		} else {
			r.Header.Add(more[i], more[i+1])
		}
	}
	return do(r)
}

const routesPolicy = `
rules:
- name: public
  effect: allow
  actions: [GET]
  resources: [route]
  when: resource.id.startsWith("/public/") && context.ip == "203.0.113.7" && resource.properties.host == "orders.example:8443"
- name: readers
  effect: allow
  actions: [GET]
  resources: [route]
  permissions: [orders:read]
  when: resource.id.startsWith("/orders/") && subject.id == "reporting"
`

func testForwardedTokens(t *testing.T, s *shop) {
	orders := url.Values{"api": {ordersAPI}}
	read, write := with(orders, "permission", "orders:read"), with(orders, "permission", "orders:read orders:write")
	token := s.reportingToken(t)
	bearer := "Bearer " + token

	passed := s.forwarded(read, "GET", "/orders/1", "Authorization", bearer).wantStatus(t, http.StatusOK)
	for name, want := range map[string]string{
		"Remote-Subject": "reporting", "Remote-Client": "reporting", "Remote-Scopes": "orders:read", "Remote-Roles": "clerk",
		"Remote-User": "", "Remote-Name": "", "Remote-Email": "", "Remote-Email-Verified": "", "Remote-Groups": "",
	} {
		if got, ok := passed.header[name]; !ok || len(got) != 1 || got[0] != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	refused := func(a answer, status int, challenge string) {
		t.Helper()
		if got := a.wantStatus(t, status).header.Get("WWW-Authenticate"); got != challenge {
			t.Errorf("the challenge is %q, want %q", got, challenge)
		}
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Remote-Subject") != "" {
			t.Errorf("a refusal has %v", a.header)
		}
	}
	const invalid = `Bearer realm="signet", error="invalid_token"`
	refused(s.forwarded(write, "GET", "/", "Authorization", bearer), http.StatusForbidden, `Bearer realm="signet", error="insufficient_scope", scope="orders:read orders:write"`)
	refused(s.forwarded(url.Values{"api": {invoicesAPI}}, "GET", "/", "Authorization", bearer), http.StatusUnauthorized, invalid)
	refused(s.forwarded(read, "GET", "/"), http.StatusUnauthorized, `Bearer realm="signet"`)
	refused(s.forwarded(read, "GET", "/", "Authorization", bearer+"x"), http.StatusUnauthorized, invalid)
	refused(s.forwarded(read, "GET", "/", "Authorization", bearer, "Authorization", bearer), http.StatusUnauthorized, invalid)
	refused(s.forwarded(read, "GET", "/", "Authorization", "Basic eDp5"), http.StatusUnauthorized, `Bearer realm="signet"`)

	s.setPolicy(routesPolicy)
	route := with(orders, "resource", "route")
	for _, c := range []struct {
		method, uri string
		status      int
	}{
		{"GET", "/orders/1?x=/../..", http.StatusOK}, {"POST", "/orders/1", http.StatusForbidden}, {"GET", "/public/a%20b", http.StatusOK}, {"GET", "/private", http.StatusForbidden},
		{"GET", "/public/../private", http.StatusForbidden}, {"GET", "/public/%2e%2E/private", http.StatusForbidden}, {"GET", "/public/..%2fprivate", http.StatusForbidden},
		{"GET", "/public//x", http.StatusForbidden}, {"GET", "/public/..;/private", http.StatusForbidden}, {"GET", `/public/..\private`, http.StatusForbidden},
		{"GET", "/public/%252e%252e/private", http.StatusForbidden}, {"GET", "/public/%3f/../private", http.StatusForbidden}, {"GET", "/public/x%3fy", http.StatusForbidden}, {"GET", "/public/%00", http.StatusForbidden}, {"GET", "/public/%ff", http.StatusForbidden},
		{"GET", "http://elsewhere.example/public/", http.StatusForbidden}, {"GET", "/public/" + strings.Repeat("x", 9<<10), http.StatusForbidden},
		{"GET", "*", http.StatusForbidden}, {"get", "/public/x", http.StatusForbidden},
	} {
		s.forwarded(route, c.method, c.uri, "Authorization", bearer).wantStatus(t, c.status)
	}

	// Headers by which a client would have another request judged.
	for _, name := range []string{"X-Original-Uri", "X-Forwarded-Uri", "X-Original-Method", "X-Forwarded-Method", "X-Forwarded-Host"} {
		s.forwarded(route, "GET", "/public/x", "Authorization", bearer, name, "/private").wantStatus(t, http.StatusForbidden)
	}
	for _, name := range []string{"X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Host"} {
		s.forwarded(route, "GET", "/public/x", "Authorization", bearer, name, "").wantStatus(t, http.StatusBadRequest)
	}
	for _, needs := range []url.Values{
		{}, {"permission": {"orders:read"}}, {"api": {ordersAPI, ordersAPI}}, {"api": {ordersAPI}, "audience": {ordersAPI}}, {"api": {"a\x00b"}}, {"client": {"x"}, "resource": {"y"}},
		{"api": {ordersAPI}, "permission": {""}}, {"api": {ordersAPI}, "permission": {" "}}, {"api": {ordersAPI}, "resource": {""}}, {"api": {ordersAPI}, "client": {""}},
	} {
		s.forwarded(needs, "GET", "/", "Authorization", bearer).wantStatus(t, http.StatusBadRequest)
	}

	// What is taken away counts at once.
	s.signet("unassign", "clerk", "--client", "reporting")
	refused(s.forwarded(read, "GET", "/", "Authorization", bearer), http.StatusForbidden, `Bearer realm="signet", error="insufficient_scope", scope="orders:read"`)
	s.forwarded(route, "GET", "/orders/1", "Authorization", bearer).wantStatus(t, http.StatusForbidden)
	s.forwarded(orders, "GET", "/", "Authorization", bearer).wantStatus(t, http.StatusOK)
	s.revoke(t, s.reporting, token)
	refused(s.forwarded(orders, "GET", "/", "Authorization", bearer), http.StatusUnauthorized, invalid)
	s.signet("assign", "clerk", "--client", "reporting")

	// It says nothing of what the API alone can read, and decides by it.
	decryption, _ := decryptionKeys(t)
	s.signet("api", "update", ordersAPI, "--encryption-jwks-file", keySetFile(t, decryption[0]))
	hidden := s.forwarded(with(read, "resource", "route"), "GET", "/orders/1", "Authorization", "Bearer "+s.reportingToken(t)).wantStatus(t, http.StatusOK).header
	if hidden.Get("Remote-Roles") != "" || hidden.Get("Remote-Scopes") != "orders:read" {
		t.Errorf("of an encrypted token it says %v", hidden)
	}
	s.signet("api", "update", ordersAPI, "--no-encryption")

	// Of a user it says what the token says, and what userinfo would.
	mine := s.signIn(t, s.web)
	about := s.forwarded(read, "GET", "/", "Authorization", "Bearer "+mine.Access).wantStatus(t, http.StatusOK).header
	if about.Get("Remote-Subject") != claims(t, mine.Access)["sub"] || about.Get("Remote-Client") != "web" {
		t.Errorf("of a user it says %v", about)
	}
	for header, scope := range map[string]string{"Remote-User": "profile", "Remote-Email": "email"} {
		if asked := strings.Contains(" "+mine.Scope+" ", " "+scope+" "); (about.Get(header) != "") != asked {
			t.Errorf("with the scopes %s it says %s: %q", mine.Scope, header, about.Get(header))
		}
	}
}

// nginx is a proxy that is set up as docs/tasks/proxies.md says.
type nginx struct {
	wiki, orders string                      // the addresses of both sites
	seen         atomic.Pointer[http.Header] // what the application behind both was sent last
}

// nginxBlock is a file of a configuration in the documentation.
var nginxBlock = regexp.MustCompile("(?s)```nginx\n# /etc/nginx/(\\S+)\n(.*?)```")

// runNginx starts nginx before a server of Signet and an application.
func (s *shop) runNginx(t *testing.T) *nginx {
	t.Helper()
	needs(t, "/usr/sbin/nginx")
	n := &nginx{}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.seen.Store(&r.Header)
		fmt.Fprint(w, "the application at "+r.URL.RequestURI())
	}))
	t.Cleanup(app.Close)
	ports := map[string]string{"wiki.conf": freePort(s.installation), "orders.conf": freePort(s.installation)}
	n.wiki, n.orders = "http://127.0.0.1:"+ports["wiki.conf"], "http://127.0.0.1:"+ports["orders.conf"]
	text, err := os.ReadFile("../../docs/tasks/proxies.md")
	check(t, err)
	dir := t.TempDir()
	main := "daemon off;\npid " + dir + "/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		main += kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	for _, block := range nginxBlock.FindAllStringSubmatch(string(text), -1) {
		file := filepath.Join(dir, filepath.Base(block[1]))
		content := strings.NewReplacer("443 ssl", "127.0.0.1:"+ports[filepath.Base(file)], "/etc/nginx/snippets", dir,
			"http://127.0.0.1:8080", s.url, "http://127.0.0.1:3000", app.URL).Replace(block[2])
		check(t, os.WriteFile(file, []byte(content), 0o600))
		if strings.HasPrefix(block[1], "sites-enabled/") {
			main += "include " + file + ";\n"
		}
	}
	check(t, os.WriteFile(dir+"/nginx.conf", []byte(main+"}\n"), 0o600))
	s.runUntilEnd(t, "nginx", exec.CommandContext(t.Context(), "/usr/sbin/nginx", "-e", "stderr", "-c", dir+"/nginx.conf"), ports["orders.conf"])
	return n
}

// ask sends a request with headers, names and values in turn.
func (n *nginx) ask(t *testing.T, address string, headers ...string) answer {
	t.Helper()
	return n.send(t, http.MethodGet, address, headers...)
}

func (n *nginx) send(t *testing.T, method, address string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, address, nil)
	check(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return do(r)
}

func (n *nginx) wantSeen(t *testing.T, want map[string]string) {
	t.Helper()
	got := n.seen.Swap(nil)
	if got == nil {
		t.Fatal("the application was not asked")
	}
	for name, value := range want {
		if got.Get(name) != value || len(got.Values(name)) > 1 {
			t.Errorf("the application gets %s: %q, want %q", name, got.Values(name), value)
		}
	}
}

// smuggled are headers by which a client claims to be somebody, or to ask for something else.
var smuggled = []string{
	"Remote-Subject", "root", "Remote-User", "root", "Remote-Name", "root", "Remote-Email", "root@people.example", "Remote-Email-Verified", "true",
	"Remote-Groups", "admins", "Remote-Roles", "administrator", "Remote-Scopes", "orders:write", "Remote-Client", "root",
	"X-Original-URI", "/public", "X-Original-Method", "GET", "X-Forwarded-Uri", "/public", "X-Forwarded-Method", "GET", "X-Forwarded-Host", "elsewhere.example",
	"remote_user", "root",
}

func testNginx(t *testing.T, s *shop) {
	n := s.runNginx(t)
	for _, client := range []string{"wiki", "notes"} {
		s.signet("client", "create", client, "--public", "--first-party", "--grant", "authorization_code",
			"--redirect-uri", n.wiki+"/.signet/callback", "--redirect-uri", "https://other.example/.signet/callback")
	}
	n.passTokens(t, s)
	b := n.passBrowser(t, s)
	n.keepTickets(t, s)
	n.endWithWhatItIsOf(t, s, b)
}

// passTokens sends access tokens through nginx.
func (n *nginx) passTokens(t *testing.T, s *shop) {
	t.Helper()
	token := s.reportingToken(t)
	bearer := []string{"Authorization", "Bearer " + token}
	n.ask(t, n.orders+"/orders/1?a=b", append(bearer, smuggled...)...).wantStatus(t, http.StatusOK)
	n.wantSeen(t, map[string]string{
		"Remote-Subject": "reporting", "Remote-User": "", "Remote-Name": "", "Remote-Email": "", "Remote-Email-Verified": "", "Remote-Groups": "",
		"Remote-Roles": "clerk", "Remote-Scopes": "orders:read", "Remote-Client": "reporting", "Remote_user": "",
	})
	refused := n.ask(t, n.orders+"/", smuggled...).wantStatus(t, http.StatusUnauthorized)
	if got := refused.header.Get("WWW-Authenticate"); got != `Bearer realm="signet"` {
		t.Errorf("the challenge is %q", got)
	}
	n.ask(t, n.orders+"/.signet/check", bearer...).wantStatus(t, http.StatusNotFound)
	s.signet("unassign", "clerk", "--client", "reporting")
	n.ask(t, n.orders+"/", bearer...).wantStatus(t, http.StatusForbidden)
	s.signet("assign", "clerk", "--client", "reporting")
	n.ask(t, n.orders+"/", bearer...).wantStatus(t, http.StatusOK)
	n.seen.Store(nil)
	s.revoke(t, s.reporting, token)
	n.ask(t, n.orders+"/", bearer...).wantStatus(t, http.StatusUnauthorized)
	if n.seen.Load() != nil {
		t.Error("a refused request reached the application")
	}
}

// wikiNeeds is what the proxy of the wiki needs.
var wikiNeeds = url.Values{"client": {"wiki"}}

// passBrowser signs a browser in at the application behind nginx.
func (n *nginx) passBrowser(t *testing.T, s *shop) *browser {
	t.Helper()
	b := newBrowser(t, s.server)
	b.app = n.wiki
	const wanted = "/pages/1?title=a%20b&x=%2F%2F"
	shown := b.open(n.wiki+wanted).submit("username", alice, "password", alicesSecret)
	if want := "the application at " + wanted; shown.status != http.StatusOK || shown.text != want {
		t.Fatalf("shown %s (%d): %s, want %s", shown.url, shown.status, shown.text, want)
	}
	n.wantSeen(t, map[string]string{
		"Remote-User": alice, "Remote-Name": "Alice Example", "Remote-Email": "alice@people.example", "Remote-Email-Verified": "false", "Remote-Roles": "clerk",
		"Remote-Client": "wiki", "Remote-Scopes": "", "Remote-Groups": "",
	})
	cookie := b.cookie(t, n.wiki, "signet-proxy")
	n.ask(t, n.wiki+"/", append([]string{"Cookie", cookie}, smuggled...)...).wantStatus(t, http.StatusOK)
	n.wantSeen(t, map[string]string{"Remote-User": alice, "Remote-Scopes": "", "Remote-Groups": ""})

	// A script is led nowhere, and nobody is led to another host.
	if a := n.ask(t, n.wiki+"/", "Accept", "*/*").wantStatus(t, http.StatusUnauthorized); a.header.Get("Location") != "" {
		t.Errorf("a script is led to %s", a.header.Get("Location"))
	}
	signIn := n.wiki + "/.signet/sign-in?client=wiki&to="
	led := n.ask(t, n.wiki+"//elsewhere.example/", append(smuggled, "Accept", "text/html")...).wantStatus(t, http.StatusFound).header.Get("Location")
	if led != signIn+"%2F" {
		t.Errorf("a browser is led to %s", led)
	}
	for _, to := range []string{"//elsewhere.example/", "https://elsewhere.example/", `/\elsewhere.example/`, `\/elsewhere.example`, "/a\r\nb", "/\t/elsewhere.example", strings.Repeat("/x", 2000), "@elsewhere.example"} {
		if back := b.open(signIn + url.QueryEscape(to)).through(); back.text != "the application at /" {
			t.Errorf("%q leads to %s: %s", to, back.url, back.text)
		}
	}
	r, err := http.NewRequest(http.MethodGet, n.wiki+"/", nil)
	check(t, err)
	r.Host = "elsewhere.example"
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Cookie", cookie)
	do(r).wantStatus(t, http.StatusForbidden)

	// Traefik and Caddy are answered by the redirect itself.
	host := strings.TrimPrefix(n.wiki, "http://")
	at := func(more ...string) []string {
		return append([]string{"X-Forwarded-Host", "", "X-Forwarded-Host", host}, more...)
	}
	sent := s.forwarded(wikiNeeds, "GET", "/a?b=c", at("Accept", "text/html")...).wantStatus(t, http.StatusFound)
	if to := sent.header.Get("Location"); to != signIn+"%2Fa%3Fb%3Dc" {
		t.Errorf("a browser is led to %s", to)
	}
	for _, more := range [][]string{{"Accept", "application/json"}, {"Accept", "text/html", "Sec-Fetch-Mode", "cors"}} {
		s.forwarded(wikiNeeds, "GET", "/", at(more...)...).wantStatus(t, http.StatusUnauthorized)
	}
	s.forwarded(wikiNeeds, "POST", "/", at("Accept", "text/html")...).wantStatus(t, http.StatusUnauthorized)
	s.forwarded(wikiNeeds, "GET", "/", at("Cookie", cookie)...).wantStatus(t, http.StatusOK)
	s.forwarded(wikiNeeds, "GET", "/", at("Cookie", cookie+"x")...).wantStatus(t, http.StatusUnauthorized)
	s.forwarded(wikiNeeds, "GET", "/", at("Cookie", cookie+"; "+cookie)...).wantStatus(t, http.StatusUnauthorized)
	s.forwarded(wikiNeeds, "GET", "/", "Cookie", cookie).wantStatus(t, http.StatusForbidden)
	s.forwarded(with(wikiNeeds, "client", "notes"), "GET", "/", at("Cookie", cookie)...).wantStatus(t, http.StatusUnauthorized)
	s.forwarded(wikiNeeds, "GET", "/", "X-Forwarded-Host", "", "X-Forwarded-Host", "other.example", "Cookie", "__Host-"+cookie).wantStatus(t, http.StatusUnauthorized)
	s.forwarded(with(wikiNeeds, "client", "web"), "GET", "/", at("Cookie", cookie)...).wantStatus(t, http.StatusForbidden)

	// What its user may do at an API counts where the proxy says so.
	for _, c := range []struct {
		more   []string
		uri    string
		status int
	}{
		{[]string{"permission", "orders:read"}, "/", http.StatusOK}, {[]string{"permission", "orders:write"}, "/", http.StatusForbidden},
		{[]string{"resource", "route"}, "/orders/1", http.StatusForbidden}, {[]string{"resource", "page"}, "/", http.StatusForbidden},
	} {
		s.forwarded(with(wikiNeeds, append(c.more, "api", ordersAPI)...), "GET", c.uri, at("Cookie", cookie)...).wantStatus(t, c.status)
	}
	s.forwarded(with(wikiNeeds, "api", "https://nowhere.example"), "GET", "/", at("Cookie", cookie)...).wantStatus(t, http.StatusBadRequest)
	return b
}

// keepTickets tries what somebody does who has led another to a sign-in, or has seen where one ends.
func (n *nginx) keepTickets(t *testing.T, s *shop) {
	t.Helper()
	b := newBrowser(t, s.server)
	b.app = n.wiki
	form := b.open(n.wiki + "/")
	b.app = "" // it does not open what it is sent to there
	back := form.submit("username", alice, "password", alicesSecret).url
	if back.Path != "/.signet/callback" {
		t.Fatalf("signed in, the browser is sent to %s", back)
	}
	other := newBrowser(t, s.server)
	other.app = n.wiki
	for range 2 {
		if p := other.open(back.String()); p.status != http.StatusForbidden {
			t.Errorf("another browser is shown %s (%d)", p.url, p.status)
		}
		other.open(n.wiki + "/") // from now on it has begun a sign-in of its own
	}
	b.app = n.wiki
	changed := *back
	for _, change := range [][]string{{"state", "x"}, {"state", ""}, {"code", back.Query().Get("code") + "x"}, {"code", ""}, {"error", "access_denied"}} {
		changed.RawQuery = with(back.Query(), change...).Encode()
		if p := b.open(changed.String()); p.status != http.StatusForbidden {
			t.Errorf("%q: shown %s (%d)", change, p.url, p.status)
		}
	}
	if a := n.send(t, http.MethodHead, back.String()); a.status != http.StatusMethodNotAllowed {
		t.Errorf("HEAD is answered %d", a.status)
	}
	if p := b.open(back.String()); p.text != "the application at /" {
		t.Errorf("the browser that began is shown %s (%d): %s", p.url, p.status, p.text)
	}
	if p := b.open(back.String()); p.status != http.StatusForbidden {
		t.Errorf("a second time it is shown %s (%d)", p.url, p.status)
	}
	n.ask(t, n.wiki+"/", "Cookie", b.cookie(t, n.wiki, "signet-proxy")).wantStatus(t, http.StatusUnauthorized) // a replay ends what the code gave
}

// endWithWhatItIsOf ends what a sign-in is of.
func (n *nginx) endWithWhatItIsOf(t *testing.T, s *shop, b *browser) {
	t.Helper()
	passes := func(what string, want int) {
		t.Helper()
		if a := n.ask(t, n.wiki+"/", "Cookie", b.cookie(t, n.wiki, "signet-proxy")); a.status != want {
			t.Errorf("%s: answered %d, want %d", what, a.status, want)
		}
	}
	again := func() {
		t.Helper()
		b.open(n.wiki + "/").through()
		passes("signed in again", http.StatusOK)
	}
	passes("at first", http.StatusOK)
	s.signet("client", "disable", "wiki")
	passes("the client is disabled", http.StatusForbidden)
	s.signet("client", "enable", "wiki")
	again()
	s.signet("token", "revoke", "--client", "wiki")
	passes("the client's grants are revoked", http.StatusUnauthorized)
	again()
	s.signet("user", "disable", alice)
	passes("the user is disabled", http.StatusUnauthorized)
	s.signet("user", "enable", alice)
	again()
	b.open(s.url + "/oauth2/logout?client_id=wiki").submit()
	passes("signed out", http.StatusUnauthorized)
}

// through signs in and allows, whatever of it the browser is asked for.
func (p *page) through() *page {
	p.browser.t.Helper()
	for range 3 {
		if p.form == nil {
			break
		}
		p = p.submit("username", alice, "password", alicesSecret, "decision", "allow")
	}
	return p
}

// cookie is what a browser sends to an address, as a header.
func (b *browser) cookie(t *testing.T, address, name string) string {
	t.Helper()
	u, err := url.Parse(address)
	check(t, err)
	for _, c := range b.jar.Cookies(u) {
		if c.Name == name {
			return c.Name + "=" + c.Value
		}
	}
	t.Fatalf("the browser has no cookie %s", name)
	return ""
}

// envoyAnswer is what test/interop/ext-authz reads of an answer.
type envoyAnswer struct {
	Error  string // the gRPC status, where there is no answer
	Code   int32
	Status int
	Set    map[string]string
	Remove []string
	Body   string
}

func testEnvoy(t *testing.T, s *shop, address string) {
	asking := startScript(t, exec.CommandContext(t.Context(), build(t, interopDir, "./ext-authz"), address))
	ask := func(method, host, path string, extensions map[string]string, headers map[string]string, more ...any) (a envoyAnswer) {
		t.Helper()
		question := map[string]any{"extensions": extensions, "method": method, "host": host, "path": path, "headers": headers}
		for i := 0; i < len(more); i += 2 {
			question[more[i].(string)] = more[i+1]
		}
		line, err := json.Marshal(question)
		check(t, err)
		asking.writeLine(string(line))
		check(t, json.Unmarshal([]byte(asking.readLine()), &a))
		return a
	}
	token := s.reportingToken(t)
	bearer := map[string]string{"authorization": "Bearer " + token}
	orders := map[string]string{"api": ordersAPI, "permission": "orders:read"}
	for _, more := range [][]any{nil, {"raw", true}, {"body", 100_000}} {
		a := ask("POST", "orders.example:8443", "/orders/1?a=b", orders, bearer, more...)
		want := map[string]string{"remote-subject": "reporting", "remote-client": "reporting", "remote-scopes": "orders:read", "remote-roles": "clerk"}
		remove := []string{"remote-user", "remote-name", "remote-email", "remote-email-verified", "remote-groups"}
		if a.Error != "" || a.Code != 0 || !maps.Equal(a.Set, want) || !slices.Equal(a.Remove, remove) {
			t.Errorf("%v: %+v", more, a)
		}
	}
	wants := func(a envoyAnswer, status int, code int32, name, value string) {
		t.Helper()
		if a.Error != "" || a.Status != status || a.Code != code || a.Set[name] != value || a.Body == "" {
			t.Errorf("answered %+v, want %d with %s: %s", a, status, name, value)
		}
	}
	wants(ask("GET", "orders.example", "/", orders, nil), 401, 16, "www-authenticate", `Bearer realm="signet"`)
	wants(ask("GET", "orders.example", "/", orders, map[string]string{"authorization": "Bearer x"}), 401, 16, "www-authenticate", `Bearer realm="signet", error="invalid_token"`)
	write := map[string]string{"api": ordersAPI, "permission": "orders:write"}
	wants(ask("GET", "orders.example", "/", write, bearer), 403, 7, "www-authenticate", `Bearer realm="signet", error="insufficient_scope", scope="orders:write"`)
	route := map[string]string{"api": ordersAPI, "resource": "route"}
	if a := ask("GET", "orders.example:8443", "/public/x", route, bearer); a.Code != 0 {
		t.Errorf("the policy: %+v", a)
	}
	smuggling := map[string]string{"authorization": "Bearer " + token, "x-forwarded-uri": "/public/x", "x-original-uri": "/public/x", "x-forwarded-method": "GET", "x-forwarded-host": "orders.example:8443"}
	wants(ask("GET", "orders.example:8443", "/private", route, smuggling), 403, 7, "", "")
	wants(ask("GET", "orders.example:8443", "/public/../x", route, bearer), 403, 7, "", "")
	wants(ask("GET", "orders.example", "/", nil, bearer), 400, 7, "", "")
	s.signet("client", "create", "pages", "--public", "--first-party", "--grant", "authorization_code", "--redirect-uri", "https://pages.example/.signet/callback")
	page := map[string]string{"client": "pages"}
	wants(ask("GET", "Pages.example", "/a?b", page, map[string]string{"accept": "text/html"}), 302, 16, "location", "https://pages.example/.signet/sign-in?client=pages&to=%2Fa%3Fb")
	wants(ask("POST", "pages.example", "/a?b", page, map[string]string{"accept": "text/html"}), 401, 16, "location", "")
	if a := ask("POST", "orders.example", "/", orders, bearer, "body", 2<<20); !strings.Contains(a.Error, "ResourceExhausted") {
		t.Errorf("2 MiB: %+v", a)
	}
	s.revoke(t, s.reporting, token)
	wants(ask("GET", "orders.example", "/", orders, bearer), 401, 16, "www-authenticate", `Bearer realm="signet", error="invalid_token"`)
}

// call sends bytes to the method that Envoy calls, and says with which gRPC status it ends.
func call(t *testing.T, client *http.Client, address, method string, body []byte) string {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, "http://"+address+method, bytes.NewReader(body))
	check(t, err)
	r.Header.Set("Content-Type", "application/grpc")
	response, err := client.Do(r)
	check(t, err)
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	check(t, err)
	if status := response.Header.Get("Grpc-Status"); status != "" || response.StatusCode != http.StatusOK {
		return status
	}
	return response.Trailer.Get("Grpc-Status")
}

func testHostileForwarding(t *testing.T, s *shop, envoy string) {
	bearer := "Bearer " + s.reportingToken(t)
	orders := url.Values{"api": {ordersAPI}, "client": {"wiki"}, "permission": {"orders:read"}, "resource": {"route"}}
	for name, value := range hostileValues {
		for parameter := range orders {
			s.wantNoFailure(t, name, s.forwarded(with(orders, parameter, value), "GET", "/", "Authorization", bearer), parameter)
			s.wantNoFailure(t, name, s.forwarded(with(orders, parameter, value), "GET", "/"), parameter)
		}
		sendable := strings.NewReplacer("\x00", "", "\r", "", "\n", "").Replace(value) // what Go sends of it
		for _, header := range []string{"X-Forwarded-Method", "X-Forwarded-Uri", "X-Forwarded-Host", "X-Forwarded-For", "X-Forwarded-Proto", "Authorization", "Cookie", "Accept"} {
			s.wantNoFailure(t, name, s.forwarded(orders, "GET", "/", header, "", header, sendable), header)
			s.wantNoFailure(t, name, s.forwarded(orders, "GET", "/", header, "", header, "/"+sendable), header)
		}
		s.wantNoFailure(t, name, s.forwarded(orders, "GET", "/", "Cookie", "signet-proxy="+sendable), "Cookie")
		for _, path := range []string{"/.signet/sign-in?client=", "/.signet/sign-in?client=wiki&to=", "/.signet/callback?code=x&state=", "/.signet/"} {
			s.wantNoFailure(t, name, s.get(path+url.QueryEscape(value), ""), path)
		}
	}

	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	client := &http.Client{Transport: &http.Transport{Protocols: protocols}, Timeout: time.Minute}
	frame := func(body string) []byte {
		return append([]byte{0, 0, 0, byte(len(body) >> 8), byte(len(body))}, body...)
	}
	const method = "/envoy.service.auth.v3.Authorization/Check"
	for name, c := range map[string]struct {
		body   []byte
		status string
	}{
		"empty": {frame(""), "0"}, "nothing": {nil, "13"}, "half a head": {[]byte{0, 0}, "13"}, "half": {frame("xy")[:6], "13"}, "more": {append(frame(""), 1), "13"},
		"compressed": {[]byte{1, 0, 0, 0, 0}, "13"}, "huge": {[]byte{0, 255, 255, 255, 255}, "8"}, "no message": {frame("\xff\xff"), "13"},
		"a length beyond the end": {frame("\x0a\xff\xff\xff\xff\x0f"), "13"}, "deep": {frame(strings.Repeat("\x0b", 20_000)), "13"},
		"not UTF-8": {frame("\x0a\x0a\x52\x08\x0a\x03api\x12\x01\xff"), "0"},
	} {
		if got := call(t, client, envoy, method, c.body); got != c.status {
			t.Errorf("%s: status %s, want %s", name, got, c.status)
		}
	}
	if got := call(t, client, envoy, method+"x", frame("")); got != "12" {
		t.Errorf("another method: status %s", got)
	}
	if log := s.log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("hostile values are logged as errors:\n%s", firstLine(log, "level=ERROR"))
	}
}
