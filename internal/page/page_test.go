package page

import (
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/web"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newPages makes pages whose clock the test moves. Nobody is signed in, so they need no database.
func newPages(t *testing.T, issuer string) (*Pages, *time.Time) {
	t.Helper()
	now := start
	pages, err := New(Config{
		Issuer:   issuer,
		HashKey:  []byte("0123456789abcdef0123456789abcdef"),
		BlockKey: []byte("fedcba9876543210fedcba9876543210"),
		Now:      func() time.Time { return now },
		Log:      slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages, &now
}

// serve runs a handler behind Protect.
func serve(pages *Pages, r *http.Request, handler http.HandlerFunc) *http.Response {
	w := httptest.NewRecorder()
	pages.Protect(handler).ServeHTTP(w, r)
	return w.Result()
}

// form asks for the sign-in page and returns the cookie and CSRF token that came with it.
func form(t *testing.T, pages *Pages) (*http.Cookie, string) {
	t.Helper()
	var token string
	response := serve(pages, httptest.NewRequest(http.MethodGet, "/login", nil), func(w http.ResponseWriter, r *http.Request) {
		var err error
		if token, err = pages.csrfToken(w, r); err != nil {
			t.Fatal(err)
		}
	})
	cookies := response.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("the page set %d cookies", len(cookies))
	}
	return cookies[0], token
}

func TestKeysThatAreTooShortAreRefused(t *testing.T) {
	long, short := make([]byte, 32), make([]byte, 15)
	for name, cfg := range map[string]Config{
		"hash key":     {Issuer: "https://id.example", HashKey: short, BlockKey: long},
		"block key":    {Issuer: "https://id.example", HashKey: long, BlockKey: short},
		"no block key": {Issuer: "https://id.example", HashKey: long},
		"no issuer":    {Issuer: "id.example", HashKey: long, BlockKey: long},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCookieIsHiddenFromScriptsAndOtherSites(t *testing.T) {
	for issuer, want := range map[string]http.Cookie{
		"https://id.example":         {Name: "__Host-signet", Secure: true, Path: "/"},
		"https://id.example/auth":    {Name: "__Secure-signet", Secure: true, Path: "/auth"},
		"http://127.0.0.1:8080":      {Name: "signet", Path: "/"},
		"http://127.0.0.1:8080/auth": {Name: "signet", Path: "/auth"},
	} {
		pages, _ := newPages(t, issuer)
		cookie, _ := form(t, pages)
		if cookie.Name != want.Name || cookie.Secure != want.Secure {
			t.Errorf("%s: cookie %s, Secure %v", issuer, cookie.Name, cookie.Secure)
		}
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != want.Path || cookie.Domain != "" {
			t.Errorf("%s: cookie is too open: %s", issuer, cookie)
		}
		if cookie.MaxAge != 0 || !cookie.Expires.IsZero() {
			t.Errorf("%s: cookie outlives the browser: %s", issuer, cookie)
		}
	}
}

// A link that begins with / leads out of the path of the issuer.
func TestLinksOfTemplatesAreUnderThePathOfTheIssuer(t *testing.T) {
	files, err := fs.Glob(web.FS, "templates/*/*.html")
	if err == nil {
		var more []string
		more, err = fs.Glob(web.FS, "templates/*.html")
		files = append(files, more...)
	}
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	plain := regexp.MustCompile(`(href|action|src)="/[^"]*"`)
	for _, file := range files {
		text, err := fs.ReadFile(web.FS, file)
		if err != nil {
			t.Fatal(err)
		}
		if found := plain.Find(text); found != nil {
			t.Errorf(`%s has %s: write {{path "/…"}}`, file, found)
		}
	}
}

// remembered is a request of a browser that has the cookie which Remember set for the request before.
func remembered(t *testing.T, pages *Pages, r *http.Request, username string) *http.Request {
	t.Helper()
	w := httptest.NewRecorder()
	pages.Remember(w, r, username)
	cookie := w.Result().Cookies()[0]
	if cookie.Name != "__Host-signet-device" || !cookie.Secure || !cookie.HttpOnly {
		t.Errorf("cookie is too open: %s", cookie)
	}
	next := httptest.NewRequest(http.MethodGet, "/login", nil)
	next.AddCookie(cookie)
	return next
}

func TestTrustedBrowserCookieNamesItsUserUntilItExpires(t *testing.T) {
	pages, now := newPages(t, "https://id.example")
	r := httptest.NewRequest(http.MethodGet, "/login", nil)
	if pages.Remembers(r, "alice") != "" {
		t.Error("an unknown browser is trusted")
	}
	r = remembered(t, pages, r, "alice")
	if pages.Remembers(r, "Alice") == "" {
		t.Error("alice is forgotten")
	}
	if pages.Remembers(r, "bob") != "" {
		t.Error("bob is remembered by the cookie of alice")
	}
	*now = now.Add(trustedLifetime)
	if pages.Remembers(r, "alice") != "" {
		t.Error("alice is remembered for ever")
	}
}

func TestTrustedBrowserIsThatOfAllWhoSignedInOnIt(t *testing.T) {
	pages, _ := newPages(t, "https://id.example")
	r := httptest.NewRequest(http.MethodGet, "/login", nil)
	for n := range maxTrustedUsers {
		r = remembered(t, pages, r, fmt.Sprintf("user%d@%s.example", n, strings.Repeat("x", 40)))
	}
	first := "user0@" + strings.Repeat("x", 40) + ".example"
	before := pages.Remembers(r, first)
	if before == "" {
		t.Error("the first of those who signed in is forgotten")
	}
	again := remembered(t, pages, r, first)
	if id := pages.Remembers(again, first); id == "" || id == before {
		t.Error("signing in again gives the browser no new name")
	}
	r = remembered(t, pages, r, strings.Repeat("y", 254))
	r = remembered(t, pages, r, strings.Repeat("z", 254))
	if pages.Remembers(r, strings.Repeat("z", 254)) == "" || pages.Remembers(r, first) != "" {
		t.Error("the newest does not push out the oldest")
	}
}

func TestPagesEscapeHostileNames(t *testing.T) {
	pages, _ := newPages(t, "https://id.example")
	const hostile = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	data := map[string]any{
		"Client": hostile, "Username": hostile, "Problem": hostile, "Flow": hostile,
		"Code": hostile, "Title": hostile, "Detail": hostile, "Token": hostile, "Name": hostile, "Email": hostile,
		"User": &domain.User{Username: hostile, Name: hostile, Email: hostile}, "Session": domain.Session{AuthTime: start},
	}
	type ask struct{ Scope, Words string }
	type access struct {
		API  string
		Asks []ask
	}
	consent := map[string]any{
		"Client": &domain.Client{ClientID: hostile, Name: hostile}, "User": data["User"], "Flow": hostile, "Target": hostile,
		"Identity": []ask{{hostile, hostile}}, "Access": []access{{hostile, []ask{{hostile, hostile}}}},
		"Code": hostile, "From": hostile, "UserAgent": hostile, "Ago": hostile, "Asked": start,
	}
	data["Sessions"] = []map[string]any{{"SID": hostile, "Browser": hostile, "IP": hostile, "Seen": start}}
	data["Clients"] = []map[string]any{{"ClientID": hostile, "Name": hostile, "Scopes": []string{hostile}, "Since": start}}
	for name := range pages.templates {
		if strings.HasPrefix(name, "admin/") {
			continue // these are shown with hostile names where their data is real
		}
		w := httptest.NewRecorder()
		shown := data
		if strings.HasSuffix(name, "consent") {
			shown = consent
		}
		pages.Render(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, name, shown)
		if w.Code != http.StatusOK {
			t.Errorf("%s: status %d", name, w.Code)
		}
		if body := w.Body.String(); strings.Contains(body, "<script>alert") || strings.Contains(body, "<img src=x") {
			t.Errorf("%s lets markup through:\n%s", name, body)
		}
	}
}

func TestPagesHaveNothingInlineThatThePolicyForbids(t *testing.T) {
	pages, _ := newPages(t, "https://id.example")
	for name, parse := range pages.templates {
		template, err := parse()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text := template.Lookup(layout).Tree.Root.String() + template.Lookup("main").Tree.Root.String()
		for _, inline := range []string{"<style", " style=", " onclick=", " onsubmit=", "javascript:", "https://", "http://"} {
			if strings.Contains(text, inline) {
				t.Errorf("%s has %q", name, inline)
			}
		}
	}
}

func TestPageThatFailsIsNeverHalfSent(t *testing.T) {
	pages, _ := newPages(t, "https://id.example")
	w := httptest.NewRecorder()
	pages.Render(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, "login", struct{}{})
	if w.Code != http.StatusInternalServerError {
		t.Errorf("status %d", w.Code)
	}
	if strings.Contains(w.Body.String(), "<") {
		t.Errorf("half a page: %s", w.Body)
	}
}

func TestStaticFilesAreKeptByContent(t *testing.T) {
	pages, _ := newPages(t, "https://id.example")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /static/{file}", pages.Static)
	get := func(target string, header http.Header) *http.Response {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		r.Header = header
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		return w.Result()
	}
	for file, mediaType := range map[string]string{
		"signet.css":  "text/css; charset=utf-8",
		"password.js": "text/javascript; charset=utf-8",
		"seal.svg":    "image/svg+xml",
	} {
		target, err := pages.assetURL(file)
		if err != nil {
			t.Fatal(err)
		}
		versioned := get(target, http.Header{})
		if got := versioned.Header.Get("Content-Type"); got != mediaType {
			t.Errorf("%s: Content-Type %q", file, got)
		}
		if got := versioned.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s: Cache-Control %q with the version", file, got)
		}
		other := get("/static/"+file+"?v=0", http.Header{})
		if got := other.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("%s: Cache-Control %q with another version", file, got)
		}
		again := get(target, http.Header{"If-None-Match": {versioned.Header.Get("ETag")}})
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s: status %d for the ETag", file, again.StatusCode)
		}
	}
	for _, missing := range []string{"/static/none.css", "/static/" + url.PathEscape("../templates/login.html")} {
		if got := get(missing, http.Header{}).StatusCode; got != http.StatusNotFound {
			t.Errorf("%s: status %d", missing, got)
		}
	}
}
