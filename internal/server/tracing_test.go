package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/tracing/tracingtest"
)

// tracedServer is one that a client and a browser use.
type tracedServer struct {
	scraped
	jar     *cookiejar.Jar
	secrets map[string]string // what no trace may have, by what it is
}

func openTraced(t *testing.T, flags map[string]string) *tracedServer {
	t.Helper()
	a := openAsked(t, flags)
	log := slog.New(slog.DiscardHandler)
	var err error
	a.tracer, err = openTracer(t.Context(), a.cfg.Tracing, "1", log)
	check(t, err)
	handler, envoy, err := a.Services.handler(a.cfg, log)
	check(t, err)
	jar, err := cookiejar.New(nil)
	check(t, err)
	return &tracedServer{scraped{a, handler, envoy}, jar, map[string]string{}}
}

// ask sends a request, with a form where there is one, and returns its answer; id and secret, if any, are those of a client.
func (s *tracedServer) ask(target string, form url.Values, id, secret string) (*http.Response, string) {
	s.Helper()
	address, err := url.Parse(s.cfg.Issuer)
	check(s.T, err)
	address, err = address.Parse(target)
	check(s.T, err)
	r := httptest.NewRequest(http.MethodGet, address.String(), nil)
	if form != nil {
		r = httptest.NewRequest(http.MethodPost, address.String(), strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if id != "" {
		r.SetBasicAuth(id, secret)
	}
	for _, c := range s.jar.Cookies(address) {
		r.AddCookie(c)
	}
	r.RemoteAddr = "203.0.113.77:4711"
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	answer := w.Result()
	s.jar.SetCookies(address, answer.Cookies())
	for _, c := range answer.Cookies() {
		if c.Value != "" {
			s.secrets["cookie "+c.Name] = c.Value
		}
	}
	body, err := io.ReadAll(answer.Body)
	check(s.T, err)
	return answer, string(body)
}

var hidden = regexp.MustCompile(`type="hidden" name="([a-z]+)" value="([^"]*)"`)

// signIn has alice sign in for a client, and returns the code that it gets.
func (s *tracedServer) signIn(challenge string) string {
	s.Helper()
	answer, _ := s.ask("/oauth2/authorize?"+url.Values{
		"response_type": {"code"}, "client_id": {"shop"}, "redirect_uri": {"https://shop.example/cb"}, "scope": {"openid"}, "state": {"state-of-the-shop"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}.Encode(), nil, "", "")
	var body string
	for range 6 {
		if target := answer.Header.Get("Location"); strings.HasPrefix(target, "https://shop.example/cb?") {
			back, err := url.Parse(target)
			check(s.T, err)
			return back.Query().Get("code")
		} else if target != "" {
			answer, body = s.ask(target, nil, "", "")
			continue
		}
		form := url.Values{"username": {s.secrets["username"]}, "password": {s.secrets["password"]}}
		for _, field := range hidden.FindAllStringSubmatch(body, -1) {
			form.Set(field[1], html.UnescapeString(field[2]))
			s.secrets["field "+field[1]] = html.UnescapeString(field[2])
		}
		answer, body = s.ask("/login", form, "", "")
	}
	s.Fatalf("there is no code: %s %.2000s", answer.Status, body)
	return ""
}

func TestTracesShowWhatRequestsDoAndNothingThatIsSecretOrPersonal(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string]map[string]string{"sqlite": {}, "postgres": {"database": pgtest.Database(t)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			collected := tracingtest.New(t)
			flags["tracing.endpoint"], flags["tracing.sample"] = collected.URL, "1"
			s := openTraced(t, flags)
			ctx := eventtest.Context(t)
			s.secrets["client secret"] = s.client()
			s.secrets["username"], s.secrets["password"], s.secrets["email"] = "alice-in-traces", "correct horse battery", "alice@people.example"
			alice, err := s.Directory.CreateUser(ctx, domain.User{Username: s.secrets["username"], Name: "Alice Liddell", Email: s.secrets["email"]},
				s.Passwords.New(s.secrets["password"]))
			check(t, err)
			s.secrets["subject"], s.secrets["name"], s.secrets["address"] = alice.Subject, "Liddell", "203.0.113.77"
			_, _, err = s.Registry.CreateClient(ctx, domain.Client{
				ClientID: "shop", Public: true, FirstParty: true, GrantTypes: []string{domain.GrantAuthorizationCode}, RedirectURIs: []string{"https://shop.example/cb"},
			})
			check(t, err)

			answer, body := s.ask("/oauth2/token", url.Values{"grant_type": {"client_credentials"}}, "reporting", s.secrets["client secret"])
			var issued map[string]any
			if check(t, json.Unmarshal([]byte(body), &issued)); answer.StatusCode != http.StatusOK {
				t.Fatal(body)
			}
			id := answer.Header.Get("X-Request-Id")
			s.secrets["access token"] = issued["access_token"].(string)
			s.ask("/oauth2/introspect", url.Values{"token": {s.secrets["access token"]}}, "reporting", s.secrets["client secret"])
			s.ask("/oauth2/revoke", url.Values{"token": {s.secrets["access token"]}}, "reporting", s.secrets["client secret"])

			s.secrets["verifier"] = strings.Repeat("verifier", 6)
			sum := sha256.Sum256([]byte(s.secrets["verifier"]))
			s.secrets["challenge"] = base64.RawURLEncoding.EncodeToString(sum[:])
			s.secrets["code"] = s.signIn(s.secrets["challenge"])
			answer, body = s.ask("/oauth2/token", url.Values{
				"grant_type": {"authorization_code"}, "client_id": {"shop"}, "code": {s.secrets["code"]}, "redirect_uri": {"https://shop.example/cb"},
				"code_verifier": {s.secrets["verifier"]},
			}, "", "")
			if check(t, json.Unmarshal([]byte(body), &issued)); answer.StatusCode != http.StatusOK {
				t.Fatal(body)
			}
			s.secrets["user's token"], s.secrets["ID token"] = issued["access_token"].(string), issued["id_token"].(string)

			s.secrets["assertion"] = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJyZXBvcnRpbmcifQ.c2lnbmVkLWJ5LW5vYm9keQ"
			refused, _ := s.ask("/oauth2/token", url.Values{
				"grant_type": {"client_credentials"}, "client_assertion": {s.secrets["assertion"]},
				"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
			}, "", "")
			s.secrets["path"], s.secrets["query"] = "path-of-a-stranger", "query-of-a-stranger"
			s.ask("/"+s.secrets["path"]+"?a="+s.secrets["query"], nil, "", "")
			s.checkForEnvoy(s.secrets["path"], s.secrets["user's token"])
			jobs := s.jobs(s.cfg, slog.New(slog.DiscardHandler))
			jobs = append(jobs, job{name: "that fails", do: func(context.Context) error { return errors.New(s.secrets["client secret"]) }})
			traceJobs(jobs, s.tracer)
			for _, j := range jobs {
				if err := j.do(ctx); (err != nil) != (j.name == "that fails") {
					t.Errorf("the job %q: %v", j.name, err)
				}
			}
			s.tracer.Stop(t.Context())

			for what, secret := range s.secrets {
				for _, written := range []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret))} {
					if bytes.Contains(collected.Bytes(), []byte(written)) {
						t.Errorf("the traces have the %s: %s", what, written)
					}
				}
			}
			root := collected.Await(t, func(s tracingtest.Span) bool { return s.Attributes["signet.request_id"] == id })
			if root.Name != "POST /oauth2/token" || root.Parent != "" || root.Kind != "SPAN_KIND_SERVER" || root.Attributes["http.route"] != "/oauth2/token" ||
				root.Attributes["http.request.method"] != "POST" || root.Attributes["http.response.status_code"] != int64(http.StatusOK) {
				t.Errorf("the token request is %+v", root)
			}
			wait := collected.Await(t, func(s tracingtest.Span) bool { return s.Name == "wait: index: write" && s.Parent == root.ID })
			batch := collected.Await(t, func(s tracingtest.Span) bool { return s.Name == "index: write" && s.Parent == wait.ID })
			below := collected.Await(t, func(s tracingtest.Span) bool { return strings.HasPrefix(s.Name, "database: ") && s.Parent == batch.ID })
			if below.Trace != root.Trace {
				t.Error("a trace falls apart")
			}
			known := map[string]tracingtest.Span{}
			for _, s := range collected.Spans() {
				known[s.ID] = s
			}
			names := map[string]bool{}
			for _, s := range known {
				names[s.Name] = true
				if parent, ok := known[s.Parent]; s.Parent != "" && (!ok || parent.Trace != s.Trace) || s.Parent == "" && s.Kind != "SPAN_KIND_SERVER" && !strings.HasPrefix(s.Name, "job: ") {
					t.Errorf("%s has no parent", s.Name)
				}
				if s.Failed != (s.Name == "job: that fails") {
					t.Errorf("%s failed: %v", s.Name, s.Attributes)
				}
			}
			for _, want := range []string{"POST /oauth2/introspect", "wait: index: read", "GET /login", "POST /login", "database: transaction", "database: read", "GET",
				"POST /envoy.service.auth.v3.Authorization/Check", "job: maintain the keys", "job: tell clients of ended sessions"} {
				if !names[want] {
					t.Errorf("there is no span %s among %v", want, names)
				}
			}
			collected.Await(t, func(s tracingtest.Span) bool {
				return s.Attributes["http.route"] == "/envoy.service.auth.v3.Authorization/Check" && s.Attributes["http.response.status_code"] == int64(http.StatusUnauthorized)
			})
			collected.Await(t, func(s tracingtest.Span) bool {
				return s.Attributes["signet.request_id"] == refused.Header.Get("X-Request-Id") && s.Attributes["http.response.status_code"] == int64(refused.StatusCode)
			})
		})
	}
}

func TestRequestsGoOnWithoutTheCollectorAndWithoutTracesNothingRuns(t *testing.T) { // not in parallel: it counts allocations
	down := openTraced(t, map[string]string{"tracing.endpoint": "http://127.0.0.1:1", "tracing.sample": "1"})
	secret := down.client()
	for range 20 {
		if answer, body := down.ask("/oauth2/token", url.Values{"grant_type": {"client_credentials"}}, "reporting", secret); answer.StatusCode != http.StatusOK {
			t.Fatal(answer.StatusCode, body)
		}
	}
	down.tracer.Stop(t.Context())

	off := openTraced(t, map[string]string{})
	if off.tracer != nil {
		t.Error("there is a tracer")
	}
	bare := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	handler := observed(nil, nil, nil, bare)
	if testing.AllocsPerRun(100, func() { handler.ServeHTTP(w, r) }) != 0 {
		t.Error("a request costs allocations")
	}
}
