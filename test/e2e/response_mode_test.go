package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// posted is what the page's form sends to the client; it fails unless that is its callback.
func (p *page) posted(t *testing.T) url.Values {
	t.Helper()
	if p.left || p.form == nil || p.form.action != callback {
		t.Fatalf("shown %s (%d): %s", p.url, p.status, p.text)
	}
	return p.form.fields
}

func TestAnswersReachTheClientInTheModeThatItAsksFor(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		b := newBrowser(t, s.server)
		b.authorize(newAuthorization(s.web).query) // signed in, and consented
		for mode, read := range map[string]func(*page) url.Values{
			"query": func(p *page) url.Values { return p.url.Query() },
			"fragment": func(p *page) url.Values {
				if p.url.RawQuery != "" {
					t.Errorf("fragment: there is a query, too: %s", p.url)
				}
				values, err := url.ParseQuery(p.url.EscapedFragment())
				check(t, err)
				return values
			},
			"form_post": func(p *page) url.Values { return p.posted(t) },
		} {
			for _, by := range []*browser{b, newBrowser(t, s.server)} { // at once, and after pages
				a := newAuthorization(s.web)
				a.query.Set("response_mode", mode)
				a.query.Set("state", `"><script>&'`)
				got := read(by.authorize(a.query))
				if got.Get("state") != a.query.Get("state") || got.Get("iss") != s.issuer {
					t.Errorf("%s: %v", mode, got)
				}
				s.issued(t, s.post("/oauth2/token", s.web, a.exchange(s.secret(got.Get("code")))))

				got = read(by.open(s.url + "/oauth2/authorize?" + with(a.query, "scope", "invoices:read").Encode()))
				if got.Get("error") != "invalid_scope" || got.Get("state") != a.query.Get("state") || got.Get("iss") != s.issuer {
					t.Errorf("%s: an error comes as %v", mode, got)
				}
			}
			got := read(newBrowser(t, s.server).authorize(with(newAuthorization(s.web).query, "response_mode", mode, "prompt", "none")))
			if got.Get("error") != "login_required" {
				t.Errorf("%s: %v", mode, got)
			}
		}
	})
}

func TestResponseModesThatCannotBeAreRefused(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		b := newBrowser(t, s.server)
		for _, mode := range []string{"jwt", "form_post.jwt", "web_message", "QUERY"} {
			b.authorize(with(newAuthorization(s.web).query, "response_mode", mode)).wantErrorBack(t, s.issuer, "unsupported_response_mode")
		}
		native := s.createClient("native", "--public", "--grant", "authorization_code", "--redirect-uri", "com.example.app:/cb", "--api", ordersAPI)
		p := b.authorize(with(newAuthorization(native).query, "response_mode", "form_post", "redirect_uri", "com.example.app:/cb"))
		if p.url.Scheme != "com.example.app" || p.url.Query().Get("error") != "unsupported_response_mode" {
			t.Errorf("sent back to %s", p.url)
		}
		for _, kind := range []string{"id_token", "code id_token", "token"} {
			got := b.authorize(with(newAuthorization(s.web).query, "response_mode", "form_post", "response_type", kind)).posted(t)
			if got.Get("error") != "unsupported_response_type" {
				t.Errorf("%s: %v", kind, got)
			}
		}
		// What is not supported at all is said before what else is amiss.
		query := url.Values{"client_id": {s.web.ID}, "redirect_uri": {callback}, "request": {"x.y.z"}}
		b.authorize(query).wantErrorBack(t, s.issuer, "request_not_supported")
	})
}

func TestThePageThatPostsAnAnswerIsStrict(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		for n, uri := range []string{"https://app.example/cb?a=1&b='(x)'", "https://app.example/%7Ecb/%2F?b=%2f;c", "http://[::1]:8000/cb"} {
			c := s.createClient(fmt.Sprint("strict-", n), "--grant", "authorization_code", "--redirect-uri", uri, "--name", `<b>"Shop"</b>`)
			p := newBrowser(t, s.server).authorize(with(newAuthorization(c).query, "response_mode", "form_post", "redirect_uri", uri, "resource", "", "scope", "openid"))
			if p.form == nil || p.form.action != uri || p.form.fields.Get("code") == "" {
				t.Fatalf("%s: shown %s (%d): %+v %s", uri, p.url, p.status, p.form, p.text)
			}
			csp := p.header.Get("Content-Security-Policy")
			if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || p.header.Get("Cache-Control") != "no-store" {
				t.Errorf("Content-Security-Policy %q, Cache-Control %q", csp, p.header.Get("Cache-Control"))
			}
			if !strings.Contains(p.text, `<b>"Shop"</b>`) {
				t.Errorf("the page does not name the application: %s", p.text)
			}
		}
	})
}

func TestABrowserPostsAnAnswerByItself(t *testing.T) {
	t.Parallel()
	type arrival struct{ code, origin string }
	received := make(chan arrival, 1)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/callback" {
			received <- arrival{r.PostFormValue("code"), r.Header.Get("Origin")}
			http.Redirect(w, r, "/home", http.StatusSeeOther)
		}
	}))
	t.Cleanup(app.Close)
	s := openShop(t, newSQLiteDatabase(t))
	back := app.URL + "/callback"
	s.signet("client", "update", s.web.ID, "--redirect-uri", back)
	ctx := newChromium(t)
	a := newAuthorization(s.web)
	check(t, chromedp.Do(ctx,
		chromedp.Navigate(s.url+"/oauth2/authorize?"+with(a.query, "redirect_uri", back, "response_mode", "form_post").Encode()),
		chromedp.WaitVisible(chromedp.CSS(`input[name=password]`)),
		chromedp.SetValue(chromedp.CSS(`input[name=username]`), alice),
		chromedp.SendKeys(chromedp.CSS(`input[name=password]`), alicesSecret),
		chromedp.Submit(chromedp.CSS(`input[name=password]`)),
		chromedp.WaitVisible(chromedp.CSS(`button[name=decision][value=allow]`)),
		chromedp.Click(chromedp.CSS(`button[name=decision][value=allow]`)),
	))
	select {
	case got := <-received:
		if got.origin != s.issuer {
			t.Errorf("Origin is %q", got.origin)
		}
		s.issued(t, s.post("/oauth2/token", s.web, with(a.exchange(s.secret(got.code)), "redirect_uri", back)))
	case <-time.After(time.Minute):
		t.Fatal("nothing was posted")
	}
}
