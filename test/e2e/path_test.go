package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"
)

const issuerPath = "/tenants/auth"

// proxies are what stands before a server under a path: each passes on requests below the path, and those for well-known documents.
var proxies = map[string]func(http.Handler) http.Handler{
	"a proxy that strips the path": func(next http.Handler) http.Handler { return http.StripPrefix(issuerPath, next) },
	"a proxy that does not":        func(next http.Handler) http.Handler { return next },
}

// eachProxy runs a test on a server under a path behind each proxy, whose own pages are "elsewhere".
func eachProxy(t *testing.T, test func(t *testing.T, s *shop)) {
	t.Parallel()
	for name, below := range proxies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var behind atomic.Pointer[url.URL]
			pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(behind.Load()) }}
			mux := http.NewServeMux()
			mux.Handle("/.well-known/", pass)
			mux.Handle(issuerPath+"/", below(pass))
			front := httptest.NewServer(mux)
			t.Cleanup(front.Close)
			i := newInstallation(t, newSQLiteDatabase(t))
			i.issuer = front.URL + issuerPath
			s := i.openShop()
			at, err := url.Parse(s.url)
			check(t, err)
			behind.Store(at)
			s.url = i.issuer
			test(t, s)
		})
	}
}

func TestUnderAPathEveryEndpointOfBothMetadataDocumentsIsThere(t *testing.T) {
	eachProxy(t, func(t *testing.T, s *shop) {
		host := strings.TrimSuffix(s.issuer, issuerPath)
		asked := 0
		for _, at := range []string{
			s.issuer + "/.well-known/openid-configuration", host + "/.well-known/openid-configuration" + issuerPath,
			s.issuer + "/.well-known/oauth-authorization-server", host + "/.well-known/oauth-authorization-server" + issuerPath,
		} {
			r, err := http.NewRequest(http.MethodGet, at, nil)
			check(t, err)
			document := decode[map[string]any](t, do(r).wantStatus(t, http.StatusOK))
			if document["issuer"] != s.issuer {
				t.Errorf("%s is of %v", at, document["issuer"])
			}
			for name, value := range document {
				endpoint, ok := value.(string)
				if !ok || !strings.Contains(endpoint, "://") || name == "issuer" {
					continue
				}
				asked++
				r, err := http.NewRequest(http.MethodGet, endpoint, nil)
				check(t, err)
				if a := do(r); !strings.HasPrefix(endpoint, s.issuer+"/") || a.status == http.StatusNotFound {
					t.Errorf("%s %s: status %d", name, endpoint, a.status)
				}
			}
		}
		if asked < 20 {
			t.Errorf("only %d endpoints", asked)
		}
		for _, path := range []string{"/healthz", "/readyz", "/revoke", "/introspect"} {
			if a := s.get(path, ""); a.status == http.StatusNotFound {
				t.Errorf("%s: status %d", path, a.status)
			}
		}
		for _, at := range []string{
			host + "/.well-known/openid-configuration/other", host + "/.well-known/oauth-authorization-server" + issuerPath + "x", s.issuer + "/nowhere",
		} {
			r, err := http.NewRequest(http.MethodGet, at, nil)
			check(t, err)
			do(r).wantStatus(t, http.StatusNotFound)
		}
	})
}

func TestUnderAPathTokensAndWhatManagesThemWork(t *testing.T) {
	eachProxy(t, func(t *testing.T, s *shop) {
		token := s.reportingToken(t)
		ref := statusRefOf(t, token)
		if !strings.HasPrefix(ref.uri, s.issuer+"/statuslists/") {
			t.Errorf("the status list is %s", ref.uri)
		}
		if got := s.tokenStatus(t, ref); got != 0 {
			t.Errorf("the status is %d", got)
		}
		s.wantActive(t, s.orders, token, true)
		m := newManager(t, s, "")
		a := m.call(http.MethodPost, "/roles", `{"name":"a/b"}`).wantStatus(t, http.StatusCreated)
		if got, want := a.header.Get("Location"), issuerPath+"/api/v1/roles/a%2Fb"; got != want {
			t.Errorf("Location is %q, want %q", got, want)
		}
		m.call(http.MethodGet, "/roles/a%2Fb", "").wantStatus(t, http.StatusOK)
		s.get("//.//account", "").wantStatus(t, http.StatusTemporaryRedirect)
		if got, want := s.get("/x/../account", "").header.Get("Location"), issuerPath+"/account"; got != want {
			t.Errorf("Location is %q, want %q", got, want)
		}
	})
}

func TestUnderAPathEveryLinkOfEveryPageLeadsSomewhereBelowIt(t *testing.T) {
	eachProxy(t, func(t *testing.T, s *shop) {
		b := newBrowser(t, s.server)
		s.wantLinks(t, b, s.setupLink(), "/setup")
		s.wantLinks(t, b, s.url+"/login", "/login")
		native := s.nativeApp("native")
		s.wantLinks(t, b, s.authorizeURL(native.query), "/login")
		consent := b.open(s.authorizeURL(native.query)).submit("username", alice, "password", alicesSecret)
		s.wantLinks(t, b, consent.url.String(), "/consent")
		consent.submit("decision", "allow").wantCode(t)
		s.wantLinks(t, b, s.url, "/account")
		s.signet("assign", "administrator", "--user", alice)
		for _, path := range []string{"/admin/", "/admin/roles", "/admin/roles/clerk", "/admin/new/role"} {
			s.wantLinks(t, b, s.url+path, path)
		}
		s.wantLinks(t, b, s.url+"/", "/account")
		s.wantLinks(t, b, s.url+"/oauth2/logout", "/oauth2/logout")
		s.wantLinks(t, b, s.url+"/login?flow=x", "/login")
		s.wantLinks(t, b, s.url+"/logout", "/logout")
		host, err := url.Parse(s.url)
		check(t, err)
		host.Path = "/"
		if kept := b.jar.Cookies(host); len(kept) > 0 {
			t.Errorf("the whole host is sent %v", kept)
		}
		if out := b.open(s.url + "/logout").submit(); out.url.Path != issuerPath+"/logout" || !strings.Contains(out.text, "You are signed out") {
			t.Errorf("signed out to %s: %s", out.url, out.text)
		}
		s.wantLinks(t, b, s.url+"/logout", "/logout")
	})
}

// wantLinks opens a page, which has to be that of a path, and follows all that it refers to.
func (s *shop) wantLinks(t *testing.T, b *browser, address, path string) {
	t.Helper()
	p := b.open(address)
	if p.left || p.url.Path != issuerPath+path {
		t.Errorf("%s shows %s (%d)", address, p.url, p.status)
		return
	}
	r, err := http.NewRequest(http.MethodGet, p.url.String(), nil)
	check(t, err)
	response := b.send(r)
	defer response.Body.Close()
	root, err := html.Parse(response.Body)
	check(t, err)
	links := 0
	for node := range root.Descendants() {
		for _, name := range []string{"href", "src", "action"} {
			to := attribute(node, name)
			if to == "" || strings.HasPrefix(to, "#") {
				continue
			}
			links++
			u, err := p.url.Parse(to)
			check(t, err)
			r, err := http.NewRequest(http.MethodGet, u.String(), nil)
			check(t, err)
			if name == "action" {
				r.Method = http.MethodPut // 405 where there is a form, 404 elsewhere
			}
			a := do(r)
			if ok := a.status < http.StatusBadRequest || name == "action" && a.status == http.StatusMethodNotAllowed; !ok || !s.has(u) {
				t.Errorf("%s refers to %s: status %d", address, to, a.status)
			}
		}
	}
	if links < 4 {
		t.Errorf("%s refers to %d things", address, links)
	}
}

func TestUnderAPathAPersonSignsInWithARealBrowser(t *testing.T) {
	eachProxy(t, func(t *testing.T, s *shop) {
		ctx := newChromium(t)
		check(t, chromedp.Do(ctx, chromedp.Navigate(s.url+"/"), chromedp.WaitVisible(chromedp.CSS(`input[name=password]`))))
		loaded, err := chromedp.Run(ctx, chromedp.Evaluate[bool](
			`document.styleSheets.length > 0 && performance.getEntriesByType("resource").every(e => e.responseStatus === 200)`))
		if err != nil || !loaded {
			t.Errorf("styles or scripts are missing (%v)", err)
		}
		signOut := chromedp.CSS(`form[action="` + issuerPath + `/logout"] button`)
		check(t, chromedp.Do(ctx,
			chromedp.SendKeys(chromedp.CSS(`input[name=username]`), alice),
			chromedp.SendKeys(chromedp.CSS(`input[name=password]`), alicesSecret),
			chromedp.Submit(chromedp.CSS(`input[name=password]`)),
			chromedp.WaitVisible(signOut),
			chromedp.Click(signOut),
			chromedp.WaitVisible(chromedp.CSS(`a[href="`+issuerPath+`/login"]`)),
		))
	})
}

func TestUnderAPathOpenidClientWorksByDiscovery(t *testing.T) {
	eachProxy(t, func(t *testing.T, s *shop) {
		s.openidClient(t)
	})
}
